"""All runs of the banding laboratory as tables: each run, each experiment over its seeds, time, depth, heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core.store import Contents
from wbsite.stats.intervals import Interval, t_interval, welch_difference
from wbsite.train.repeated_runs import PLACES, Repeated, bounds, by_setting, facts, finite

Row: TypeAlias = dict[str, Any]

LOST_BELOW = 0.5
"""Share of its baseline's H below which a layer has lost its banding, if the difference is certain too."""

NO_INTERVAL = Interval(np.nan, np.nan, np.nan)

SHARES = ("row_share", "column_share", "index")
TEXT = ("setting", "experiment", "title", "group", "place", "layer")
WHOLE = ("order", "seed", "seeds", "units", "depth", "positions")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "runs": (
        *("setting", "experiment", "title", "group", "order", "seed", "accuracy"),
        *("place", "layer", "units", *SHARES, "low", "high"),
    ),
    "summary": (
        *("setting", "experiment", "title", "group", "order", "place", "layer", "seeds", "index", "low", "high"),
        *("row_share", "column_share", "accuracy", "accuracy_low", "accuracy_high"),
        *("difference", "difference_low", "difference_high"),
    ),
    "history": ("setting", "experiment", "seed", "epoch", "layer", *SHARES),
    "curve": ("setting", "experiment", "seed", "epoch", "loss", "accuracy"),
    "depth": ("setting", "experiment", "layer", "depth", "seeds", "index", "low", "high"),
    "heads": ("setting", "experiment", "seed", *SHARES, "low", "high", "positions"),
}


def run(context: SuiteContext) -> Contents:
    """Everything the runs recorded, measured on the full weights.

    Intervals are over seeds and cover 95 %: Student's t for a mean, Welch's for the difference from the
    experiment's own baseline. A single seed has none: NaN in tables, None in values.

    Values: {setting: {"facts": …, experiment: {…, "last": {…}, "before": {…}}}}, and beside the
    settings "settings", their names, and "lost_below". Of a layer, `excludes_zero` is about H,
    `differs` about the difference; `lost` says that the baseline's H is certainly positive and this
    one certainly lower, and below half of it; `turned` that it is certainly negative as well. They
    are None where there is no interval, or nothing to compare with.
    """
    rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
    values: dict[str, Any] = {}
    for setting, experiments in by_setting(context.runs).items():
        values[setting] = {"facts": facts(experiments)}
        for name, experiment in experiments.items():
            baseline = experiments.get(experiment.record.get("baseline", ""))
            summary = [_summary(experiment, baseline, place) for place in PLACES]
            rows["summary"] += summary
            rows["depth"] += _depth(experiment)
            for one in experiment.runs:
                for table, found in _of_run(one.record).items():
                    rows[table] += found
            values[setting][name] = {
                **_about(experiment, baseline),
                **{row["place"]: _judged(experiment, baseline, row) for row in summary},
            }
    return Contents(
        values={"settings": [*values], "lost_below": LOST_BELOW, **values},
        tables={table: _frame(found, COLUMNS[table]) for table, found in rows.items()},
    )


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    """A table whose columns have the same types whatever the rows hold: a number that is None is NaN."""
    types = {name: "str" if name in TEXT else "int64" if name in WHOLE else "float64" for name in columns}
    return pd.DataFrame(rows, columns=list(columns)).astype(types)


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


def _depth(experiment: Repeated) -> Iterator[Row]:
    for depth, layer in enumerate(experiment.layers()):
        yield {
            "setting": experiment.record["setting"],
            "experiment": experiment.record["experiment"],
            "layer": layer,
            "depth": depth,
            "seeds": len(experiment.runs),
            **bounds(experiment.over_seeds(layer, "index")),
        }


def _summary(experiment: Repeated, baseline: Repeated | None, place: str) -> Row:
    record, layer = experiment.record, experiment.record[place]
    difference = NO_INTERVAL
    if baseline is not None and baseline is not experiment:
        difference = welch_difference(experiment.index(place), baseline.index(place))
    return {
        **{name: record[name] for name in ("setting", "experiment", "title", "group", "order")},
        "place": place,
        "layer": layer,
        "seeds": len(experiment.runs),
        **bounds(t_interval(experiment.index(place))),
        **{share: experiment.over_seeds(layer, share).mean for share in SHARES[:2]},
        **bounds(t_interval(experiment.accuracies()), "accuracy"),
        **bounds(difference, "difference"),
    }


def _judged(experiment: Repeated, baseline: Repeated | None, row: Row) -> Row:
    """A summary row's numbers as values, and what may be said of them."""
    index = Interval(row["index"], row["low"], row["high"])
    difference = Interval(row["difference"], row["difference_low"], row["difference_high"])
    known, compared = (finite(interval.low) is not None for interval in (index, difference))
    lost = None
    if compared and baseline is not None:
        before = t_interval(baseline.index(row["place"]))
        if before.low > 0:
            lost = difference.high < 0 and index.mean < LOST_BELOW * before.mean
    numbers = ("index", "low", "high", "row_share", "column_share", "difference", "difference_low", "difference_high")
    each = experiment.index(row["place"])
    return {
        "layer": row["layer"],
        "seeds": row["seeds"],
        **{name: finite(row[name]) for name in numbers},
        "lowest": min(each, default=None),
        "highest": max(each, default=None),
        "excludes_zero": index.excludes_zero if known else None,
        "differs": difference.excludes_zero if compared else None,
        "lost": lost,
        "turned": lost and index.high < 0,
        "half_epoch": experiment.half_epoch(row["layer"]),
    }


def _about(experiment: Repeated, baseline: Repeated | None) -> Row:
    """What an experiment is, and how well its networks classify."""
    record, provenance = experiment.record, experiment.record["provenance"]
    accuracy, difference = t_interval(experiment.accuracies()), NO_INTERVAL
    if baseline is not None and baseline is not experiment:
        difference = welch_difference(experiment.accuracies(), baseline.accuracies())
    numbers = {**bounds(accuracy, "accuracy"), **bounds(difference, "accuracy_difference")}
    heads = [run.record["head"] for run in experiment.runs if run.record.get("head")]
    return {
        **{name: record.get(name) for name in ("title", "group", "order", "summary", "network", "baseline")},
        "parameters": dict(record.get("parameters", {})),
        "seeds": len(experiment.runs),
        "seed_list": [run.record["seed"] for run in experiment.runs],
        **{name: finite(number) for name, number in numbers.items()},
        "accuracy_differs": difference.excludes_zero if finite(difference.low) is not None else None,
        "dataset": provenance.get("dataset"),
        "weights": provenance.get("parameters"),
        "head": _head(heads),
    }


def _head(heads: Sequence[Mapping[str, Any]]) -> Row | None:
    """Shares of a head that reads positions, with an interval of its H over seeds; None for other heads."""
    if not heads:
        return None
    row_share, column_share, index = (
        t_interval([head[share] for head in heads if head.get(share) is not None]) for share in SHARES
    )
    numbers = {"row_share": row_share.mean, "column_share": column_share.mean, **bounds(index)}
    return {
        **{name: finite(number) for name, number in numbers.items()},
        "positions": heads[0]["positions"],
        "seeds": len(heads),
    }


ANALYSES = (
    Analysis(
        name="experiments",
        version=1,
        scope="suite",
        suite="banding",
        summary="every experiment of the banding laboratory: H of the last two layers, accuracy, intervals over seeds",
        run=run,
        rows="summary",
    ),
)
