"""Runs of a suite by setting and experiment: what the suite's analyses share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wbsite.stats.intervals import Interval, t_interval

from .runs import Run

PLACES = ("last", "before")
"""The two layers whose kernels a run keeps: the last planar layer and the one before it."""


@dataclass(frozen=True)
class RepeatedRuns:
    """One experiment of a setting with all its seeds.

    Attributes:
        runs: in order of their seeds, at least one.
    """

    runs: tuple[Run, ...]

    @property
    def record(self) -> Mapping[str, Any]:
        """The first run's, for what does not depend on the seed."""
        return self.runs[0].record

    def numbers(self, layer: str, field: str) -> list[float]:
        """A measure of a layer in every run; a layer whose weights do not vary has none."""
        numbers = (run.record["layers"].get(layer, {}).get(field) for run in self.runs)
        return [number for number in numbers if number is not None]

    def index(self, place: str) -> list[float]:
        """H of the layer at "last" or "before" in every run."""
        return self.numbers(self.record[place], "index")

    def accuracies(self) -> list[float]:
        """Test accuracy of every run."""
        return [run.record["accuracy"] for run in self.runs]

    def layers(self) -> list[str]:
        """The planar layers in execution order, in which every moment of the history lists them."""
        measured = (row["layer"] for row in self.record["history"])
        return list(dict.fromkeys((*measured, *self.record["layers"])))

    def over_seeds(self, layer: str, field: str) -> Interval:
        """Mean of a layer's measure with its interval."""
        return t_interval(self.numbers(layer, field))

    def half_epoch(self, layer: str) -> float | None:
        """When the mean over seeds of a layer's H first reaches half of what it ends with, in epochs."""
        course: dict[float, list[float]] = {}
        for run in self.runs:
            for row in run.record["history"]:
                if row["layer"] == layer and row["index"] is not None:
                    course.setdefault(row["epoch"], []).append(row["index"])
        epochs = sorted(course)
        return half_epoch(epochs, [float(np.mean(course[epoch])) for epoch in epochs])


def half_epoch(epochs: Sequence[float], means: Sequence[float]) -> float | None:
    """When a measure first reaches half of what it ends with, interpolated between the epochs it was taken at.

    None where it was not followed, or ends at nothing.
    """
    if len(epochs) < 2 or means[-1] == 0:
        return None
    share = np.array(means) / means[-1]
    reached = int(np.argmax(share >= 0.5))
    if reached == 0:
        return epochs[0]
    part = (0.5 - share[reached - 1]) / (share[reached] - share[reached - 1])
    return round(float(epochs[reached - 1] + part * (epochs[reached] - epochs[reached - 1])), 3)


def by_setting(runs: Iterable[Run]) -> dict[str, dict[str, RepeatedRuns]]:
    """Setting → experiment → its runs; experiments in the suite's order, runs in order of their seeds."""
    settings: dict[str, dict[str, list[Run]]] = {}
    for run in sorted(runs, key=_order):
        record = run.record
        settings.setdefault(record["setting"], {}).setdefault(record["experiment"], []).append(run)
    return {
        setting: {name: RepeatedRuns(tuple(seeds)) for name, seeds in experiments.items()}
        for setting, experiments in settings.items()
    }


def facts(experiments: Mapping[str, RepeatedRuns]) -> dict[str, Any]:
    """What a setting's runs share, as `results.repeated_runs.SettingFacts` documents it.

    What is said of the pictures is of those that most runs were trained on.
    """
    runs = [run for experiment in experiments.values() for run in experiment.runs]
    counts = [len(experiment.runs) for experiment in experiments.values()]
    (digest, _), *_ = Counter(_provenance(run).get("dataset SHA-256") for run in runs).most_common(1)
    provenance = next(_provenance(run) for run in runs if _provenance(run).get("dataset SHA-256") == digest)

    def values(field: str) -> list[Any]:
        return sorted({_provenance(run)[field] for run in runs if field in _provenance(run)})

    return {
        "dataset": provenance.get("dataset"),
        "dataset_digest": digest,
        "training_pictures": provenance.get("training pictures"),
        "test_pictures": provenance.get("test pictures"),
        "preset": runs[0].record.get("preset"),
        "recipe": dict(next(iter(experiments.values())).record.get("recipe", {})),
        "epochs": sorted({run.record["recipe"]["epochs"] for run in runs if "recipe" in run.record}),
        "experiments": [*experiments],
        "runs": len(runs),
        "seeds_low": min(counts),
        "seeds_high": max(counts),
        "seconds": round(sum(_provenance(run).get("seconds", 0.0) for run in runs), 1),
        "devices": values("device"),
        "torch": values("torch"),
        "wbsite": values("wbsite"),
    }


def _provenance(run: Run) -> Mapping[str, Any]:
    return run.record["provenance"]


def _order(run: Run) -> tuple[Any, ...]:
    return tuple(run.record[name] for name in ("setting", "order", "experiment", "seed"))


def bounds(interval: Interval, name: str = "") -> dict[str, float]:
    """An interval as columns: `name` or "index" for the mean, then its bounds."""
    prefix = f"{name}_" if name else ""
    return {name or "index": interval.mean, f"{prefix}low": interval.low, f"{prefix}high": interval.high}
