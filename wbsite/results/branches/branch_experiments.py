"""All experiments of the branch laboratory: how far branches differ in colour and frequency, when, against chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import Scalar, SettingFacts

SETTING = text("name of the setting: data set and preset")
EXPERIMENT = text("name of the experiment")
TITLE = text("its title")
GROUP = text("its group")
ORDER = integer("its place in the suite")
BRANCHES = integer("branches of the first layer; 1 for an undivided network")
BRANCH = integer("number of the branch, from 1")
SEED = integer("seed of the run")
SEEDS = integer("number of runs")
PROPERTY = text("of filters: chroma, frequency, or frequency beyond colour")
EPOCH = number("epochs trained", "0 is the untrained network")
DEAD = integer("dead units")
COLOUR_UNITS = integer("units that are colour by half or more")
SHARE = number("η² of ranks: share of their variance that lies between branches", "0 to 1", missing=True)
EXPECTED = number("mean η² when units belong to branches at random", "0 to 1", missing=True)
LIMIT = number("95 % quantile of η² when units belong to branches at random", "0 to 1", missing=True)
AREA = number("folded area under the ROC curve of two branches", "0.5 to 1", missing=True)
LOW = number("lower end of the interval", missing=True)
HIGH = number("upper end of the interval", missing=True)


class BranchDifference(Record):
    """How far branches differ in a property of their units after training, over seeds.

    Attributes:
        share: η² of ranks, the share of their variance that lies between branches, 0 to 1.
        area: folded area under the ROC curve of two branches, mean over seeds; None for other numbers of branches.
        expected, limit: mean and 95 % quantile of η² when units belong to branches at random, means over seeds.
        beyond_chance: seeds with p ≤ 0.05 and η² above the limit.
        proportion: of the seeds that are beyond chance, with its exact interval (Clopper and Pearson 1934).
        split: mean of η² when the units of the trained baseline, which is undivided, are divided at random into as
            many branches, and the bounds of 95 % of these divisions.
        difference: of the share from the baseline's splits, each of its seeds counting with their mean.
        above_from: first epoch from which on the mean over seeds stays above chance; None where it ends within.
        half_epoch: epoch at which the mean has half of what it ends with above chance; None where it ends within.
    """

    share: Estimate
    area: float | None
    expected: float | None
    limit: float | None
    beyond_chance: int
    proportion: Estimate
    split: Estimate
    difference: Estimate
    above_from: float | None
    half_epoch: float | None


class FactorCorrelation(Record):
    """The first connectivity factor of undivided runs against a property of units, over seeds.

    Attributes:
        rho: |ρ| (Spearman).
        inertia: the factor's share of it, mean over seeds.
        seeds: number of runs.
        certain: runs with a permutation p ≤ 0.05.
    """

    rho: Estimate
    inertia: float | None
    seeds: int
    certain: int


class Experiment(Record):
    """One experiment over its seeds.

    Attributes:
        title, group, order, summary: as the suite gives them.
        network: name of its architecture.
        baseline: name of the undivided experiment it is compared with; its own name for an undivided one.
        parameters: what it varies: branches, colours, depth.
        weights: number of its network's parameters.
        branches: of its first layer; 1 for an undivided network.
        seeds, seed_list: its runs.
        accuracy, accuracy_difference: on the test pictures, 0 to 1, and minus the baseline's.
        chroma_medians: of every run the median chroma of each branch.
        colour_units: of every run how many units of each branch are colour by half or more.
        differences: by property, how far branches differ; empty for an undivided network.
        factor: by property, what the first connectivity factor goes with; empty for a divided network.
    """

    title: str
    group: str
    order: int
    summary: str | None
    network: str | None
    baseline: str | None
    parameters: dict[str, Scalar]
    weights: int | None
    branches: int
    seeds: int
    seed_list: list[int]
    accuracy: Estimate
    accuracy_difference: Estimate
    chroma_medians: list[list[float | None]]
    colour_units: list[list[int]]
    differences: dict[str, BranchDifference]
    factor: dict[str, FactorCorrelation]


class Setting(Record):
    """The experiments of a setting by name, and what they share."""

    facts: SettingFacts
    experiments: dict[str, Experiment]


class BranchExperiments(Result, analysis="branch_experiments"):
    """Every run of the branch laboratory. Intervals are over seeds and cover 95 %: Student's t for a mean, Welch's for
    a difference. A single seed has none."""

    settings: dict[str, Setting] = value("experiments by setting")
    properties: list[str] = value("what branches may differ in")
    level: float = value("quantile of the null that a difference has to pass to be more than chance")
    colour: float = value("chroma from which a unit is colour by half or more")
    draws: int = value("permutations of a run's units")
    splits: int = value("divisions of an undivided run at random")
    kernels: Mapping[str, NDArray[np.uint8]] = arrays(
        "unit", "row", "column", "colour",
        about="SETTING/EXPERIMENT/SEED: first layer, zero at mid grey, each unit scaled to its own largest weight",
    )  # fmt: skip
    summary: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, group=GROUP, order=ORDER, branches=BRANCHES,
        property=PROPERTY, seeds=SEEDS, share=SHARE, low=LOW, high=HIGH, area=AREA, expected=EXPECTED, limit=LIMIT,
        parting=number("seeds that are beyond chance", missing=True),
        parting_low=number("lower end of the exact interval of their proportion", "0 to 1", missing=True),
        parting_high=number("upper end of it", "0 to 1", missing=True),
        split=number("mean η² of the undivided network divided at random", "0 to 1", missing=True),
        split_low=number("95 % of these divisions lie above", "0 to 1", missing=True),
        split_high=number("and below", "0 to 1", missing=True),
        half_epoch=number("epoch with half of the final share above chance", missing=True),
        above_from=number("epoch from which on the mean stays above chance", missing=True),
        accuracy=number("mean on the test pictures", "0 to 1"),
        accuracy_low=LOW, accuracy_high=HIGH,
        difference=number("of the share from the undivided network divided at random", missing=True),
        difference_low=LOW, difference_high=HIGH,
        accuracy_difference=number("mean accuracy minus the undivided network's", missing=True),
        accuracy_difference_low=LOW, accuracy_difference_high=HIGH,
    )  # fmt: skip
    runs: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, group=GROUP, order=ORDER, branches=BRANCHES, seed=SEED,
        accuracy=number("on the test pictures", "0 to 1"),
        units=integer("units that are not dead"), dead=DEAD, colour_units=COLOUR_UNITS,
        property=PROPERTY, share=SHARE, expected=EXPECTED, limit=LIMIT,
        p=number("share of permutations with as large a share", "0 to 1", missing=True),
        beyond_chance=number("1 where the share is beyond chance", missing=True), area=AREA,
    )  # fmt: skip
    branches: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED, branch=BRANCH,
        units=integer("its units"), dead=DEAD,
        chroma=number("median over them", "0 to 1", missing=True),
        frequency=number("median over them", "cycles a pixel", missing=True), colour_units=COLOUR_UNITS,
    )  # fmt: skip
    history: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED, property=PROPERTY, epoch=EPOCH, share=SHARE
    )
    course: Table = table(
        setting=SETTING, experiment=EXPERIMENT, property=PROPERTY, epoch=EPOCH, seeds=SEEDS, share=SHARE, low=LOW,
        high=HIGH, expected=EXPECTED,
        limit=number("95 % quantile of the mean of as many seeds at random", "0 to 1", missing=True),
    )  # fmt: skip
    factors: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED, property=PROPERTY,
        rho=number("|ρ| of the first connectivity factor and the property", "0 to 1", missing=True),
        p=number("by permutation", "0 to 1", missing=True),
        units=integer("units that have the property"),
        inertia=number("the factor's share", "0 to 1", missing=True),
    )  # fmt: skip
    units: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED,
        unit=integer("number of the unit in the first layer, from 0"), branch=BRANCH,
        chroma=number("of its filter", "0 to 1", missing=True),
        frequency=number("of its filter", "cycles a pixel", missing=True),
        oriented=number("how oriented its filter is", "0 to 1", missing=True),
        strength=number("norm of its filter"),
        dead=integer("1 for a dead unit"),
    )  # fmt: skip

    @property
    def datasets(self) -> list[str]:
        """What each setting's networks were trained on."""
        return [setting.facts.dataset or "pictures" for setting in self.settings.values()]


RESULTS = (BranchExperiments,)
