"""All runs of the branch laboratory: how far branches differ in colour and frequency, when, against chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.ops.branches import connectivity_factors
from wbsite.results.branches.branch_experiments import (
    BranchDifference,
    BranchExperiments,
    Experiment,
    FactorCorrelation,
    Setting,
)
from wbsite.results.estimate import Estimate, or_none
from wbsite.results.repeated_runs import SettingFacts
from wbsite.stats.intervals import Interval, t_interval, welch_difference
from wbsite.stats.rank_correlation import rank_correlation
from wbsite.stats.rank_eta_squared import LEVEL, RankEtaSquared
from wbsite.train.repeated_runs import by_setting, facts

from ._branch_runs import PROPERTIES, BranchRun, BranchRuns, Course

Row: TypeAlias = dict[str, Any]

COLOUR = 0.5
"""Chroma from which a unit is counted as looking for colour: half of its squared weights."""

ALPHA = 0.05

KEY = ("setting", "experiment", "seed")
EXPERIMENT = ("setting", "experiment", "title", "group", "order", "branches")


def run(context: SuiteContext) -> BranchExperiments:
    """How far branches differ in each of PROPERTIES (`stats/rank_eta_squared.py`), of every run and experiment, and of
    undivided runs what the first connectivity factor of the layer that reads the first one goes with."""
    draws, splits, seed = (context.params[name] for name in ("draws", "splits", "seed"))
    tables = [name for name, spec in BranchExperiments.fields.items() if spec.kind == "table"]
    rows: dict[str, list[Row]] = {name: [] for name in tables}
    settings: dict[str, Setting] = {}
    kernels: dict[str, np.ndarray] = {}
    for setting, repeated in by_setting(context.runs).items():
        experiments = {name: BranchRuns.of(runs) for name, runs in repeated.items()}
        records: dict[str, Experiment] = {}

        @cache
        def split(baseline: str, branches: int, name: str, experiments: Any = experiments) -> np.ndarray:
            runs = experiments.get(baseline)
            return runs.split(name, branches, splits, seed) if runs else np.zeros((0, splits))

        for name, runs in experiments.items():
            courses = runs.courses(draws, seed)
            branches = [_branches(run) for run in runs.runs]
            factors = [] if courses else [row for run in runs.runs for row in _factors(run, draws, seed)]
            differences = {
                key: course.end(runs.areas(key), split(runs.record["baseline"], runs.branches, key))
                for key, course in courses.items()
            }
            record = _experiment(runs, experiments.get(runs.record["baseline"]), branches, differences, factors)
            records[name] = record
            rows["summary"] += [_summary(runs.record, record, key) for key in PROPERTIES]
            rows["branches"] += [row for of_run in branches for row in of_run]
            rows["factors"] += factors
            for place, run in enumerate(runs.runs):
                kernels[f"{setting}/{name}/{run.seed}"] = run.pictures
                rows["units"] += [{**_key(run), **row} for row in run.end.to_dict("records")]
                rows["runs"] += _runs(run, {key: course.last[place] for key, course in courses.items()})
            for key, course in courses.items():
                rows["history"] += _history(runs, key, course)
                rows["course"] += _course(runs, key, course)
        settings[setting] = Setting(facts=SettingFacts(**facts(repeated)), experiments=records)
    return BranchExperiments(
        settings=settings,
        properties=[*PROPERTIES],
        level=LEVEL,
        colour=COLOUR,
        draws=draws,
        splits=splits,
        kernels=kernels,
        **{name: BranchExperiments.frame(name, table) for name, table in rows.items()},
    )


def _key(run: BranchRun) -> Row:
    return {name: run.record[name] for name in KEY}


def _branches(run: BranchRun) -> list[Row]:
    return [
        {
            **_key(run),
            "branch": branch,
            "units": len(units),
            "dead": int(units["dead"].sum()),
            **{name: float(units[name].median()) for name in ("chroma", "frequency")},
            "colour_units": int((units["chroma"] >= COLOUR).sum()),
        }
        for branch, units in run.end.groupby("branch")
    ]


def _runs(run: BranchRun, differences: Mapping[str, RankEtaSquared]) -> list[Row]:
    """A row a property; without any difference where the network is undivided."""
    dead = int(run.end["dead"].sum())
    shared = {
        **{name: run.record[name] for name in EXPERIMENT},
        "seed": run.seed,
        "accuracy": run.record["accuracy"],
        "units": len(run.end) - dead,
        "dead": dead,
        "colour_units": int((run.end["chroma"] >= COLOUR).sum()),
    }
    measured = ("share", "expected", "limit", "p", "beyond_chance")
    return [
        {
            **shared,
            "property": name,
            **({key: getattr(differences[name], key) for key in measured} if differences else {}),
            "area": run.area(name),
        }
        for name in PROPERTIES
    ]


def _history(runs: BranchRuns, name: str, course: Course) -> list[Row]:
    return [
        {**_key(run), "property": name, "epoch": epoch, "share": share}
        for run, shares in zip(runs.runs, course.shares, strict=True)
        for epoch, share in zip(course.epochs, shares, strict=True)
    ]


def _course(runs: BranchRuns, name: str, course: Course) -> list[Row]:
    key = {key: runs.record[key] for key in ("setting", "experiment")}
    moments = zip(course.epochs, course.shares.T, course.expected, course.limits, strict=True)
    return [
        {
            **key,
            "property": name,
            "epoch": epoch,
            "seeds": len(shares),
            **_columns("share", Estimate.from_interval(t_interval(shares))),
            "expected": expected,
            "limit": limit,
        }
        for epoch, shares, expected, limit in moments
    ]


def _factors(run: BranchRun, draws: int, seed: int) -> list[Row]:
    """The first connectivity factor of an undivided network against each property."""
    factors = connectivity_factors(run.run.kernels[run.record["second"]])
    rows = []
    for name in PROPERTIES:
        values, without = run.values(name)
        rho = rank_correlation(factors.inputs[:, 0], values, without, draws=draws, seed=seed)
        numbers = {"rho": abs(rho.rho), "p": rho.p, "units": rho.units, "inertia": float(factors.shares[0])}
        rows.append({**_key(run), "property": name, **numbers})
    return rows


def _experiment(
    runs: BranchRuns,
    baseline: BranchRuns | None,
    branches: Sequence[Sequence[Row]],
    differences: Mapping[str, BranchDifference],
    factors: Sequence[Row],
) -> Experiment:
    """An experiment over its seeds.

    Args:
        baseline: runs of its baseline, itself for an undivided network; None where that was not run.
        branches: of every run, its rows of the table of branches.
        factors: its rows of the table of factors.
    """
    record = runs.record
    accuracy_difference = Interval(math.nan, math.nan, math.nan)
    if baseline is not None and baseline is not runs:
        accuracy_difference = welch_difference(runs.accuracies, baseline.accuracies)
    return Experiment(
        title=record["title"],
        group=record["group"],
        order=record["order"],
        summary=record.get("summary"),
        network=record.get("network"),
        baseline=record.get("baseline"),
        parameters=record.get("parameters", {}),
        weights=record["provenance"].get("parameters"),
        branches=runs.branches,
        seeds=len(runs.runs),
        seed_list=[run.seed for run in runs.runs],
        accuracy=Estimate.from_interval(t_interval(runs.accuracies)),
        accuracy_difference=Estimate.from_interval(accuracy_difference),
        chroma_medians=[[or_none(row["chroma"]) for row in of_run] for of_run in branches],
        colour_units=[[row["colour_units"] for row in of_run] for of_run in branches],
        differences=dict(differences),
        factor={name: _factor([row for row in factors if row["property"] == name]) for name in PROPERTIES if factors},
    )


def _factor(rows: Sequence[Row]) -> FactorCorrelation:
    return FactorCorrelation(
        rho=Estimate.from_interval(t_interval([row["rho"] for row in rows])),
        inertia=or_none(float(np.mean([row["inertia"] for row in rows]))),
        seeds=len(rows),
        certain=sum(row["p"] <= ALPHA for row in rows),
    )


def _summary(record: Mapping[str, Any], experiment: Experiment, name: str) -> Row:
    """A row of the summary: a property of an experiment."""
    row = {
        **{key: record[key] for key in EXPERIMENT},
        "property": name,
        "seeds": experiment.seeds,
        **_columns("accuracy", experiment.accuracy, "accuracy_"),
        **_columns("accuracy_difference", experiment.accuracy_difference, "accuracy_difference_"),
    }
    if difference := experiment.differences.get(name):
        row |= {
            **_columns("share", difference.share),
            **_columns("parting", difference.proportion, "parting_"),
            "parting": difference.beyond_chance,
            **_columns("split", difference.split, "split_"),
            **_columns("difference", difference.difference, "difference_"),
            **{key: getattr(difference, key) for key in ("area", "expected", "limit", "above_from", "half_epoch")},
        }
    return row


def _columns(name: str, estimate: Estimate, bounds: str = "") -> Row:
    """An estimate as columns: `name`, and its bounds, whose names begin with `bounds`."""
    return {name: estimate.mean, f"{bounds}low": estimate.low, f"{bounds}high": estimate.high}


ANALYSES = (
    Analysis(
        scope="suite",
        suite="branches",
        run=run,
        result=BranchExperiments,
        params={"quick": {"draws": 2000, "splits": 200, "seed": 0}},
        rows="summary",
    ),
)
