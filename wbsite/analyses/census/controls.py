"""The controls as tables: each run's layers, each control over its seeds, and what pairs of them say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core.naming import CONTROLS
from wbsite.ops.nmf import one_sided_nmf
from wbsite.ops.seriation import seriate
from wbsite.results.census.controls import Contrast, Control, Controls, Setting
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import SettingFacts
from wbsite.stats.intervals import Interval, t_interval, welch_difference
from wbsite.train.repeated_runs import RepeatedRuns, by_setting, facts
from wbsite.train.runs import Run

Row: TypeAlias = dict[str, Any]

COMPONENTS = 3


@dataclass(frozen=True)
class Question:
    """A contrast of H of two last layers: factor × (first − second), or factor × (first + second) where `mirrored`.

    Attributes:
        first, second: names of controls.
        factor: what the difference is multiplied by.
        mirrored: whether the second is the first, turned, so that its H counts with the other sign.
    """

    first: str
    second: str
    factor: float = 0.5
    mirrored: bool = False

    def effect(self, controls: Mapping[str, RepeatedRuns]) -> Interval:
        """With Welch's interval over seeds."""
        sign = -1.0 if self.mirrored else 1.0
        first, second = (np.array(last_index(controls[name])) for name in (self.first, self.second))
        difference = welch_difference(first, sign * second)
        return Interval(*(self.factor * number for number in difference))


QUESTIONS = {
    "task": Question("square_columns", "square_rows"),
    "data": Question("presence_columns", "presence_rows"),
    "map": Question("square_rows", "rows", factor=1.0),
    "detector": Question("detector_rows", "detector_turned"),
    "mirror": Question("rows", "turned", factor=1.0, mirrored=True),
}
"""Key of a contrast → how it is computed; `claims/census/controls.py` says what it is asked for."""


def run(context: SuiteContext) -> Controls:
    """Everything the runs recorded, measured on the full weights, and pictures of the kernels that they kept."""
    rows: dict[str, list[Row]] = {"runs": [], "summary": []}
    settings, pictures = {}, {}
    for name, controls in by_setting(context.runs).items():
        made = {key: _control(runs) for key, runs in controls.items()}
        for key, runs in controls.items():
            rows["runs"] += [row for single in runs.runs for row in _layers(single, runs.layers())]
            rows["summary"].append(_summary(runs, made[key]))
            pictures[f"{name}/{key}"] = _pictures(runs, context.device)
        settings[name] = Setting(
            facts=SettingFacts(**facts(controls)), controls=made, contrasts=_contrasts(controls, made)
        )
    tables = {name: Controls.frame(name, table) for name, table in rows.items()}
    return Controls(settings=settings, pictures=pictures, **tables)


def last_index(runs: RepeatedRuns) -> list[float]:
    """H of the last 3×3 convolution in every run."""
    return runs.numbers(runs.layers()[-1], "index")


def _control(runs: RepeatedRuns) -> Control:
    record, accuracies = runs.record, runs.accuracies()
    accuracy, chance = t_interval(accuracies), float(record["chance"])
    before, last = runs.layers()[-2:]
    return Control(
        **{name: record[name] for name in ("title", "group", "order", "summary", "parameters")},
        seeds=len(runs.runs),
        accuracy=Estimate.from_interval(accuracy),
        accuracy_low=min(accuracies),
        accuracy_high=max(accuracies),
        chance=chance,
        skill=(accuracy.mean - chance) / (1 - chance),
        last=Estimate.from_interval(runs.over_seeds(last, "index")),
        before=Estimate.from_interval(runs.over_seeds(before, "index")),
        last_layer=last,
        before_layer=before,
        weights=record["provenance"].get("parameters"),
    )


def _contrasts(controls: Mapping[str, RepeatedRuns], made: Mapping[str, Control]) -> dict[str, Contrast]:
    """The questions of which both controls are there."""
    asked = {key: question for key, question in QUESTIONS.items() if {question.first, question.second} <= made.keys()}
    return {
        key: Contrast(
            effect=Estimate.from_interval(question.effect(controls)),
            seeds=min(made[question.first].seeds, made[question.second].seeds),
            skill=min(made[question.first].skill, made[question.second].skill),
        )
        for key, question in asked.items()
    }


def _layers(run: Run, layers: Sequence[str]) -> Iterator[Row]:
    record = run.record
    shared = {name: record[name] for name in ("setting", "experiment", "title", "order", "seed", "accuracy")}
    for depth, layer in enumerate(layers):
        yield {**shared, "layer": layer, "depth": depth, "last": layer == layers[-1], **record["layers"][layer]}


def _summary(runs: RepeatedRuns, control: Control) -> Row:
    def index(name: str, estimate: Estimate) -> Row:
        return {f"{name}_index": estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}

    return {
        **{name: runs.record[name] for name in ("setting", "experiment", "title", "order")},
        **{name: getattr(control, name) for name in ("seeds", "accuracy_low", "accuracy_high", "chance")},
        "accuracy": control.accuracy.mean,
        "last_layer": control.last_layer,
        **index("last", control.last),
        "before_layer": control.before_layer,
        **index("before", control.before),
    }


def _pictures(runs: RepeatedRuns, device: torch.device) -> np.ndarray:
    """NMF pictures of the units that the runs kept of the last layer, all seeds in one order of similarity.

    The channels of one run have nothing to do with those of another, so each run's colours are matched within it.
    """
    kernels = torch.from_numpy(np.concatenate([run.kernels[run.record["last"]] for run in runs.runs])).to(device)
    factors = one_sided_nmf(kernels, COMPONENTS, mode="per-unit", groups=len(runs.runs))
    pictures = factors.spatial.cpu().numpy()
    order = seriate(pictures.reshape(len(pictures), -1))
    return np.rint(255 * pictures[order]).astype(np.uint8)


ANALYSES = (
    Analysis(
        scope="suite",
        suite=CONTROLS,
        run=run,
        result=Controls,
        rows="runs",
    ),
)
