"""What all runs of a suite in one setting share, as the results of suites keep it."""

from __future__ import annotations

from typing import TypeAlias

from .base import Record

Scalar: TypeAlias = bool | int | float | str


class SettingFacts(Record):
    """Data, recipe and extent of a setting's runs.

    Attributes:
        dataset, dataset_digest: name and SHA-256 of the data that most runs were trained on.
        training_pictures, test_pictures: their numbers.
        preset: name of the suite's preset.
        recipe: fields of the first experiment's training recipe.
        epochs: lengths of training there are, ascending.
        experiments: names, in the order of the suite.
        runs: number of trainings.
        seeds_low, seeds_high: fewest and most seeds of an experiment.
        seconds: of all trainings together.
        devices, torch, wbsite: on what, and with which versions, they were trained.
    """

    dataset: str | None
    dataset_digest: str | None
    training_pictures: int | None
    test_pictures: int | None
    preset: str | None
    recipe: dict[str, Scalar]
    epochs: list[int]
    experiments: list[str]
    runs: int
    seeds_low: int
    seeds_high: int
    seconds: float
    devices: list[str]
    torch: list[str]
    wbsite: list[str]
