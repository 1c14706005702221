"""All runs of the banding laboratory as tables: each run, each experiment over its seeds, time, depth, heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.results.banding.experiments import Experiment, Experiments, Head, Layer, Setting
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import SettingFacts
from wbsite.stats.intervals import Interval, t_interval, welch_difference
from wbsite.train.repeated_runs import PLACES, RepeatedRuns, bounds, by_setting, facts

Row: TypeAlias = dict[str, Any]

LOST_BELOW = 0.5
"""Share of its baseline's H below which a layer has lost its banding, if the difference is certain too."""

NO_INTERVAL = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Comparison:
    """An experiment beside its baseline.

    Attributes:
        runs: of the experiment.
        baseline: runs of its baseline; None for a baseline, and where that was not run.
    """

    runs: RepeatedRuns
    baseline: RepeatedRuns | None

    def index(self, place: str) -> Interval:
        """H of the layer at "last" or "before"."""
        return t_interval(self.runs.index(place))

    def difference(self, place: str) -> Interval:
        """The same minus the baseline's."""
        if self.baseline is None:
            return NO_INTERVAL
        return welch_difference(self.runs.index(place), self.baseline.index(place))

    def accuracy_difference(self) -> Interval:
        """Accuracy minus the baseline's."""
        if self.baseline is None:
            return NO_INTERVAL
        return welch_difference(self.runs.accuracies(), self.baseline.accuracies())

    def lost(self, place: str) -> bool | None:
        """Whether the baseline's banding is lost; None where that cannot be said."""
        difference = self.difference(place)
        if self.baseline is None or np.isnan(difference.low):
            return None
        baseline = t_interval(self.baseline.index(place))
        if not baseline.low > 0:
            return None
        return difference.high < 0 and self.index(place).mean < LOST_BELOW * baseline.mean


def run(context: SuiteContext) -> Experiments:
    """Everything the runs recorded, measured on the full weights."""
    rows: dict[str, list[Row]] = {"runs": [], "summary": [], "history": [], "curve": [], "depth": [], "heads": []}
    settings = {}
    for name, experiments in by_setting(context.runs).items():
        comparisons = {key: _comparison(runs, experiments) for key, runs in experiments.items()}
        for comparison in comparisons.values():
            rows["summary"] += [_summary(comparison, place) for place in PLACES]
            rows["depth"] += _depth(comparison.runs)
            for single in comparison.runs.runs:
                for table, of_run in _of_run(single.record).items():
                    rows[table] += of_run
        settings[name] = Setting(
            facts=SettingFacts(**facts(experiments)),
            experiments={key: _experiment(comparison) for key, comparison in comparisons.items()},
        )
    tables = {name: Experiments.frame(name, table) for name, table in rows.items()}
    return Experiments(settings=settings, lost_below=LOST_BELOW, **tables)


def _comparison(runs: RepeatedRuns, experiments: Mapping[str, RepeatedRuns]) -> Comparison:
    baseline = experiments.get(runs.record["baseline"])
    return Comparison(runs, None if baseline is runs else baseline)


def _of_run(record: Mapping[str, Any]) -> dict[str, list[Row]]:
    """A run's rows of every table that has a row a run or more."""
    key = {name: record[name] for name in ("setting", "experiment", "seed")}
    shared = {name: record[name] for name in ("title", "group", "order", "accuracy")}
    return {
        "runs": [
            {**key, **shared, "place": place, "layer": record[place], **record["layers"][record[place]]}
            for place in PLACES
        ],
        "history": [{**key, **row} for row in record["history"]],
        "curve": [{**key, **row} for row in record.get("curve", ())],
        "heads": [{**key, **record["head"]}] if record.get("head") else [],
    }


def _depth(runs: RepeatedRuns) -> Iterator[Row]:
    for depth, layer in enumerate(runs.layers()):
        yield {
            "setting": runs.record["setting"],
            "experiment": runs.record["experiment"],
            "layer": layer,
            "depth": depth,
            "seeds": len(runs.runs),
            **bounds(runs.over_seeds(layer, "index")),
        }


def _summary(comparison: Comparison, place: str) -> Row:
    runs, record = comparison.runs, comparison.runs.record
    return {
        **{name: record[name] for name in ("setting", "experiment", "title", "group", "order")},
        "place": place,
        "layer": record[place],
        "seeds": len(runs.runs),
        **bounds(comparison.index(place)),
        **{share: runs.over_seeds(record[place], share).mean for share in ("row_share", "column_share")},
        **bounds(t_interval(runs.accuracies()), "accuracy"),
        **bounds(comparison.difference(place), "difference"),
    }


def _layer(comparison: Comparison, place: str) -> Layer:
    layer, index, lost = comparison.runs.record[place], comparison.index(place), comparison.lost(place)
    return Layer(
        layer=layer,
        index=Estimate.from_interval(index),
        difference=Estimate.from_interval(comparison.difference(place)),
        lost=lost,
        turned=lost and index.high < 0,
        half_epoch=comparison.runs.half_epoch(layer),
    )


def _experiment(comparison: Comparison) -> Experiment:
    runs, record = comparison.runs, comparison.runs.record
    return Experiment(
        **{name: record[name] for name in ("title", "group", "order", "summary", "network", "baseline", "parameters")},
        seeds=len(runs.runs),
        accuracy=Estimate.from_interval(t_interval(runs.accuracies())),
        accuracy_difference=Estimate.from_interval(comparison.accuracy_difference()),
        dataset=record["provenance"].get("dataset"),
        weights=record["provenance"].get("parameters"),
        head=_head(runs),
        last=_layer(comparison, "last"),
        before=_layer(comparison, "before"),
    )


def _head(runs: RepeatedRuns) -> Head | None:
    """The head's shares over seeds; None for a head that does not read positions."""
    heads = [single.record["head"] for single in runs.runs if single.record.get("head")]
    if not heads:
        return None
    row_share, column_share, index = (
        Estimate.from_interval(t_interval([head[share] for head in heads if head.get(share) is not None]))
        for share in ("row_share", "column_share", "index")
    )
    return Head(
        row_share=row_share.mean,
        column_share=column_share.mean,
        index=index,
        positions=heads[0]["positions"],
        seeds=len(heads),
    )


ANALYSES = (
    Analysis(
        scope="suite",
        suite="banding",
        run=run,
        result=Experiments,
        rows="summary",
    ),
)
