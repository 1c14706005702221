"""All runs of the branch laboratory as tables: how far branches part in colour and frequency, when, against chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core.store import Contents
from wbsite.ops.branches import connectivity_factors
from wbsite.stats.intervals import Interval, t_interval, welch_difference
from wbsite.stats.rank_correlation import rank_correlation
from wbsite.stats.rank_eta_squared import LEVEL
from wbsite.train.repeated_runs import bounds, by_setting, facts, finite

from ._branch_runs import PROPERTIES, Branched, Course, Trained, mean_share

Row: TypeAlias = dict[str, Any]

COLOUR = 0.5
"""Chroma from which a unit is counted as looking for colour: half of its squared weights."""

ALPHA = 0.05

KEY = ("setting", "experiment", "seed")
ABOUT = ("setting", "experiment", "title", "group", "order", "branches")
TEXT = ("setting", "experiment", "title", "group", "property")
WHOLE = ("order", "seed", "seeds", "branches", "branch", "unit", "units", "dead", "colour_units")
DIFFERENCES = tuple(f"{of}{end}" for of in ("difference", "accuracy_difference") for end in ("", "_low", "_high"))
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "summary": (
        *(*ABOUT, "property", "seeds", "share", "low", "high", "area", "expected", "limit"),
        *("parting", "parting_low", "parting_high", "split", "split_low", "split_high", "half_epoch", "above_from"),
        *("accuracy", "accuracy_low", "accuracy_high", *DIFFERENCES),
    ),
    "runs": (
        *(*ABOUT, "seed", "accuracy", "units", "dead", "colour_units", "property"),
        *("share", "expected", "limit", "p", "beyond_chance", "area"),
    ),
    "branches": (*KEY, "branch", "units", "dead", "chroma", "frequency", "colour_units"),
    "history": (*KEY, "property", "epoch", "share"),
    "course": ("setting", "experiment", "property", "epoch", "seeds", "share", "low", "high", "expected", "limit"),
    "factors": (*KEY, "property", "rho", "p", "units", "inertia"),
    "units": (*KEY, "unit", "branch", "chroma", "frequency", "oriented", "strength", "dead"),
}


def run(context: SuiteContext) -> Contents:
    """Parting of branches in each of PROPERTIES (`ops/parting.py`), of every run and experiment.

    `share` is η² of ranks, `expected` and `limit` the mean and the quantile at LEVEL of its null, `area` the folded
    area under the ROC curve of two branches. `parting` counts the seeds that are `beyond_chance`, with bounds of their
    proportion (Clopper and Pearson 1934). `split` is the mean of η² when the units of the trained baseline, which is
    undivided, are dealt at random to as many branches, with 95 % of these splits, over seeds, between its bounds;
    `difference` the mean share minus that, each of the baseline's seeds counting with the mean of its splits. Intervals
    of means are Student's t over seeds, of differences Welch's; a single seed has none: NaN in tables, None in values.
    In `course` the limit is that of a mean over as many seeds. `above_from` and `half_epoch` are when: see `Course`.

    Table factors: of undivided runs, |ρ| (Spearman) of units' coordinates on the first connectivity factor of what
    reads them with each property, its permutation p, and the factor's share of the inertia. Arrays
    SETTING/EXPERIMENT/SEED: the first layer's kernels, uint8 (units, kh, kw, 3), zero at mid grey, each scaled to its
    own largest weight.

    Values: {setting: {"facts": …, experiment: {…, property: {…}, "factor": {property: …}}}}, and beside the settings
    "settings", "properties", "level", "colour", "draws", "splits".
    """
    draws, splits, seed = (context.params[name] for name in ("draws", "splits", "seed"))
    rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
    values: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for setting, repeated in by_setting(context.runs).items():
        experiments = {name: Trained.of(same) for name, same in repeated.items()}
        values[setting] = {"facts": facts(repeated)}

        @cache
        def split(baseline: str, branches: int, name: str, experiments: Any = experiments) -> np.ndarray:
            there = experiments.get(baseline)
            return there.split(name, branches, splits, seed) if there else np.zeros((0, splits))

        for name, trained in experiments.items():
            courses = trained.courses(draws, seed)
            branches = [_branches(one) for one in trained.runs]
            summary = _summaries(trained, experiments.get(trained.record["baseline"]), courses, split)
            factors = [] if courses else [row for one in trained.runs for row in _factors(one, draws, seed)]
            rows["summary"] += summary
            rows["branches"] += [row for of_run in branches for row in of_run]
            rows["factors"] += factors
            for place, one in enumerate(trained.runs):
                arrays[f"{setting}/{name}/{one.seed}"] = one.pictures
                rows["units"] += [{**_key(one), **row} for row in one.end.to_dict("records")]
                rows["runs"] += _runs(one, {of: course.last[place] for of, course in courses.items()})
            for of, course in courses.items():
                rows["history"] += _history(trained, of, course)
                rows["course"] += _course(trained, of, course)
            values[setting][name] = {
                **_about(trained, summary[0], branches),
                **{row["property"]: _judged(row) for row in summary if courses},
                "factor": _factor(factors),
            }
    return Contents(
        values={
            "settings": [*values],
            "properties": [*PROPERTIES],
            "level": LEVEL,
            "colour": COLOUR,
            "draws": draws,
            "splits": splits,
            **values,
        },
        arrays=arrays,
        tables={table: _frame(found, COLUMNS[table]) for table, found in rows.items()},
    )


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    """A table whose columns have the same types whatever the rows hold: a number that is None is NaN."""
    types = {name: "str" if name in TEXT else "int64" if name in WHOLE else "float64" for name in columns}
    return pd.DataFrame(rows, columns=list(columns)).astype(types)


def _key(one: Branched) -> Row:
    return {name: one.record[name] for name in KEY}


def _about_of(record: Mapping[str, Any]) -> Row:
    return {name: record[name] for name in ABOUT}


def _branches(one: Branched) -> list[Row]:
    return [
        {
            **_key(one),
            "branch": branch,
            "units": len(units),
            "dead": int(units["dead"].sum()),
            **{name: float(units[name].median()) for name in ("chroma", "frequency")},
            "colour_units": int((units["chroma"] >= COLOUR).sum()),
        }
        for branch, units in one.end.groupby("branch")
    ]


def _runs(one: Branched, parted: Mapping[str, Any]) -> list[Row]:
    """A row a property; without any parting where the network is undivided."""
    dead = int(one.end["dead"].sum())
    about = {
        **_about_of(one.record),
        "seed": one.seed,
        "accuracy": one.record["accuracy"],
        "units": len(one.end) - dead,
        "dead": dead,
        "colour_units": int((one.end["chroma"] >= COLOUR).sum()),
    }
    measured = ("share", "expected", "limit", "p", "beyond_chance")
    return [
        {
            **about,
            "property": name,
            **({key: getattr(parted[name], key) for key in measured} if parted else {}),
            "area": one.area(name),
        }
        for name in PROPERTIES
    ]


def _history(trained: Trained, name: str, course: Course) -> list[Row]:
    return [
        {**_key(one), "property": name, "epoch": epoch, "share": share}
        for one, shares in zip(trained.runs, course.shares, strict=True)
        for epoch, share in zip(course.epochs, shares, strict=True)
    ]


def _course(trained: Trained, name: str, course: Course) -> list[Row]:
    about = {key: trained.record[key] for key in ("setting", "experiment")}
    moments = zip(course.epochs, course.shares.T, course.expected, course.limits, strict=True)
    return [
        {
            **about,
            "property": name,
            "epoch": epoch,
            "seeds": len(shares),
            **mean_share(shares),
            "expected": expected,
            "limit": limit,
        }
        for epoch, shares, expected, limit in moments
    ]


def _summaries(
    trained: Trained, baseline: Trained | None, courses: Mapping[str, Course], split: Callable[..., np.ndarray]
) -> list[Row]:
    """A row a property."""
    difference = Interval(math.nan, math.nan, math.nan)
    if baseline is not None and baseline is not trained:
        difference = welch_difference(trained.accuracies, baseline.accuracies)
    about = {
        **_about_of(trained.record),
        "seeds": len(trained.runs),
        **bounds(t_interval(trained.accuracies), "accuracy"),
        **bounds(difference, "accuracy_difference"),
    }
    found = []
    for name in PROPERTIES:
        row = {**about, "property": name}
        if course := courses.get(name):
            row |= course.ended(split(trained.record["baseline"], trained.branches, name))
            row["area"] = float(np.mean([one.area(name) for one in trained.runs]))
        found.append(row)
    return found


def _factors(one: Branched, draws: int, seed: int) -> list[Row]:
    """The first connectivity factor of an undivided network against each property."""
    factors = connectivity_factors(one.run.kernels[one.record["second"]])
    found = []
    for name in PROPERTIES:
        values, without = one.values(name)
        rho = rank_correlation(factors.inputs[:, 0], values, without, draws=draws, seed=seed)
        numbers = {"rho": abs(rho.rho), "p": rho.p, "units": rho.units, "inertia": float(factors.shares[0])}
        found.append({**_key(one), "property": name, **numbers})
    return found


def _about(trained: Trained, row: Row, branches: list[list[Row]]) -> Row:
    """What an experiment is, how well its networks classify, and the medians of the branches of every seed."""
    record = trained.record
    differs = Interval(*(row[f"accuracy_difference{end}"] for end in ("", "_low", "_high")))
    return {
        **{name: record.get(name) for name in ("title", "group", "order", "summary", "network", "baseline")},
        "parameters": dict(record.get("parameters", {})),
        "weights": record["provenance"].get("parameters"),
        "branches": trained.branches,
        "seeds": len(trained.runs),
        "seed_list": [one.seed for one in trained.runs],
        **{name: finite(row[name]) for name in row if name.startswith("accuracy")},
        "accuracy_differs": None if math.isnan(differs.low) else differs.excludes_zero,
        "chroma_medians": [[finite(row["chroma"]) for row in of_run] for of_run in branches],
        "colour_units": [[row["colour_units"] for row in of_run] for of_run in branches],
    }


def _judged(row: Row) -> Row:
    """A summary row's numbers as values, and what may be said of them."""
    difference = Interval(*(row[f"difference{end}"] for end in ("", "_low", "_high")))
    return {
        **{name: finite(value) for name, value in row.items() if isinstance(value, float) and "accuracy" not in name},
        **{name: row[name] for name in ("parting", "half_epoch", "above_from")},
        "differs": None if math.isnan(difference.low) else difference.excludes_zero,
    }


def _factor(rows: Sequence[Row]) -> Row | None:
    """|ρ| of each property over seeds, and how many seeds have p ≤ ALPHA; None for a divided network."""
    found: Row = {}
    for name in PROPERTIES if rows else ():
        of = [row for row in rows if row["property"] == name]
        rho = t_interval([row["rho"] for row in of])
        numbers = {**bounds(rho, "rho"), "inertia": float(np.mean([row["inertia"] for row in of]))}
        found[name] = {
            **{key: finite(number) for key, number in numbers.items()},
            "seeds": len(of),
            "certain": sum(row["p"] <= ALPHA for row in of),
        }
    return found or None


ANALYSES = (
    Analysis(
        name="branch_experiments",
        version=1,
        scope="suite",
        suite="branches",
        summary="every experiment of the branch laboratory: parting of colour and frequency against chance, over seeds",
        run=run,
        params={"quick": {"draws": 2000, "splits": 200, "seed": 0}},
        rows="summary",
    ),
)
