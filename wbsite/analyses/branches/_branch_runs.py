"""Runs of the branch laboratory: units of the first layer, their branches, and how far these differ in training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy

from wbsite.ops.tuning.filter_tuning import living
from wbsite.results.branches.branch_experiments import BranchDifference
from wbsite.results.estimate import Estimate, or_none
from wbsite.stats.intervals import t_interval, welch_difference
from wbsite.stats.rank_eta_squared import LEVEL, RankEtaSquared, folded_auc, random_split_shares, rank_eta_squared
from wbsite.train.repeated_runs import RepeatedRuns, half_epoch
from wbsite.train.runs import Run

PROPERTIES: Mapping[str, tuple[str, str]] = {
    "chroma": ("chroma", ""),
    "frequency": ("frequency", ""),
    "frequency beyond colour": ("frequency", "chroma"),
}
"""What branches may differ in → the property of units, and the one that is taken out."""

MEASURES = ["chroma", "frequency", "oriented", "strength"]


@dataclass(frozen=True, eq=False)
class BranchRun:
    """A run that recorded the properties of the units of its first layer, see `train.measure_branches`."""

    run: Run

    @property
    def record(self) -> Mapping[str, Any]:
        """The run's record."""
        return self.run.record

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return int(self.record["seed"])

    @property
    def branches(self) -> int:
        """1 for an undivided network."""
        return int(self.record["branches"])

    @cached_property
    def moments(self) -> Mapping[float, Mapping[str, np.ndarray]]:
        """Epoch → the units as they were then, in order, (N,) each: unit, branch from 1, MEASURES, dead.

        Branches have as many units each, the first units the first branch. Properties of a dead unit are NaN.
        """
        history = pd.DataFrame(self.record["history"], columns=["epoch", "unit", *MEASURES])
        history = history.sort_values(["epoch", "unit"], ignore_index=True)
        epochs, starts = np.unique(history.pop("epoch").to_numpy(), return_index=True)
        columns = {name: np.split(column.to_numpy(), starts[1:]) for name, column in history.items()}
        units = [dict(zip(columns, moment, strict=True)) for moment in zip(*columns.values(), strict=True)]
        return dict(zip(epochs.tolist(), map(self._described, units), strict=True))

    @cached_property
    def end(self) -> pd.DataFrame:
        """The units of the trained network, a row each."""
        return pd.DataFrame(self.moments[max(self.moments)])

    def _described(self, units: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        count, dead = len(units["unit"]), ~living(units["strength"])
        measures = {
            name: units[name] if name == "strength" else np.where(dead, math.nan, units[name]) for name in MEASURES
        }
        branch = np.arange(count) * self.branches // count + 1
        return {"unit": units["unit"], "branch": branch, **measures, "dead": dead}

    def values(self, name: str, epoch: float | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """One of PROPERTIES of every unit, and the property that is taken out; of the trained network by default."""
        units = self.moments[max(self.moments) if epoch is None else epoch]
        values, without = PROPERTIES[name]
        return units[values], units[without] if without else None

    def difference(self, name: str, epoch: float, draws: int, seed: int) -> RankEtaSquared:
        """How far branches differ in one of PROPERTIES at a moment; the null's draws depend on the run and moment."""
        values, without = self.values(name, epoch)
        seeds = [seed, self.seed, [*self.moments].index(epoch)]
        return rank_eta_squared(values, self.end["branch"].to_numpy(), without, draws=draws, seed=seeds)

    def area(self, name: str) -> float:
        """The folded area under the ROC curve; NaN for the rest of a property, and unless there are two branches."""
        values, without = self.values(name)
        return folded_auc(values, self.end["branch"].to_numpy()) if without is None else math.nan

    @property
    def pictures(self) -> np.ndarray:
        """The first layer's kernels, uint8 (units, kh, kw, 3), zero at mid grey, each scaled to its largest weight."""
        kernels = self.run.kernels[self.record["first"]]
        peak = np.maximum(np.abs(kernels).max((1, 2, 3), keepdims=True), np.finfo(np.float32).tiny)
        return np.rint(127.5 + 127.5 * kernels / peak).transpose(0, 2, 3, 1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Course:
    """How far branches differ in one property through the training of an experiment.

    Attributes:
        epochs: (M,) at which it was measured.
        shares: (S, M) η² of every seed.
        expected: (M,) mean under the null.
        limits: (M,) the null's quantile at LEVEL of the mean over as many seeds.
        last: at the end, of every seed.
    """

    epochs: list[float]
    shares: np.ndarray
    expected: np.ndarray
    limits: np.ndarray
    last: tuple[RankEtaSquared, ...]

    @classmethod
    def of(cls, runs: Sequence[BranchRun], name: str, draws: int, seed: int) -> Course:
        """The course of the runs of an experiment, at the moments that all of them have."""
        epochs = [epoch for epoch in runs[0].moments if all(epoch in run.moments for run in runs)]
        measured = [[run.difference(name, epoch, draws, seed) for epoch in epochs] for run in runs]
        null = np.array([[moment.null for moment in moments] for moments in measured]).mean(0)
        return cls(
            epochs,
            np.array([[moment.share for moment in moments] for moments in measured]),
            null.mean(1),
            np.quantile(null, LEVEL, axis=1),
            tuple(moments[-1] for moments in measured),
        )

    @property
    def above_from(self) -> float | None:
        """The first moment from which on the mean over seeds stays above chance, its limit, to the end; None where it
        ends within chance."""
        within = ~(self.shares.mean(0) > self.limits)
        first = len(within) - int(np.argmax(within[::-1])) if within.any() else 0
        return self.epochs[first] if first < len(within) else None

    @property
    def half_epoch(self) -> float | None:
        """When the mean over seeds first has half of what it ends with above the null's mean, since branches of few
        units are never quite alike; interpolated between moments."""
        return half_epoch(self.epochs, (self.shares.mean(0) - self.expected).tolist())

    def end(self, areas: Sequence[float], splits: np.ndarray) -> BranchDifference:
        """How far branches differ at the end, in how many seeds, since when, and against a baseline.

        Args:
            areas: of the runs.
            splits: (S, draws) η² of the baseline's runs divided at random; (0, draws) without a baseline.
        """
        shares = [moment.share for moment in self.last]
        beyond, above = sum(moment.beyond_chance for moment in self.last), self.above_from
        exact = scipy.stats.binomtest(beyond, len(shares)).proportion_ci(method="exact")
        quantiles = (1 - LEVEL) / 2, (1 + LEVEL) / 2
        split = (splits.mean(), *np.quantile(splits, quantiles)) if splits.size else (math.nan,) * 3
        return BranchDifference(
            share=Estimate.from_interval(t_interval(shares)),
            area=or_none(float(np.mean(areas))),
            expected=or_none(float(np.mean([moment.expected for moment in self.last]))),
            limit=or_none(float(np.mean([moment.limit for moment in self.last]))),
            beyond_chance=beyond,
            proportion=Estimate(mean=beyond / len(shares), low=float(exact.low), high=float(exact.high)),
            split=Estimate.from_interval(map(float, split)),
            difference=Estimate.from_interval(welch_difference(shares, splits.mean(1))),
            above_from=above,
            half_epoch=None if above is None else self.half_epoch,
        )


@dataclass(frozen=True, eq=False)
class BranchRuns:
    """An experiment of a setting with all its seeds."""

    runs: tuple[BranchRun, ...]

    @classmethod
    def of(cls, repeated: RepeatedRuns) -> BranchRuns:
        """The runs of an experiment."""
        return cls(tuple(map(BranchRun, repeated.runs)))

    @property
    def record(self) -> Mapping[str, Any]:
        """The first run's, for what does not depend on the seed."""
        return self.runs[0].record

    @property
    def branches(self) -> int:
        """1 for an undivided network."""
        return self.runs[0].branches

    @property
    def accuracies(self) -> list[float]:
        """Test accuracy of every run."""
        return [run.record["accuracy"] for run in self.runs]

    def areas(self, name: str) -> list[float]:
        """`BranchRun.area` of every run."""
        return [run.area(name) for run in self.runs]

    def courses(self, draws: int, seed: int) -> dict[str, Course]:
        """Property → its course; none of an undivided network."""
        return {name: Course.of(self.runs, name, draws, seed) for name in PROPERTIES if self.branches > 1}

    def split(self, name: str, branches: int, draws: int, seed: int) -> np.ndarray:
        """(S, draws) η² in one of PROPERTIES when trained units are divided at random into so many branches."""
        return np.stack(
            [
                random_split_shares(*run.values(name), draws=draws, seed=[seed, run.seed], branches=branches)
                for run in self.runs
            ]
        )
