"""Runs of the branch laboratory: the first layer's units, the branch of each, and how far branches part in training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from wbsite.ops.tuning.filter_tuning import living
from wbsite.stats.intervals import t_interval, welch_difference
from wbsite.stats.rank_eta_squared import LEVEL, RankEtaSquared, folded_auc, random_split_shares, rank_eta_squared
from wbsite.train.repeated_runs import Repeated, bounds, half_epoch
from wbsite.train.runs import Run

PROPERTIES: Mapping[str, tuple[str, str]] = {
    "chroma": ("chroma", ""),
    "frequency": ("frequency", ""),
    "frequency beyond colour": ("frequency", "chroma"),
}
"""What branches may part in → the property of units, and the one that is taken out."""

MEASURES = ["chroma", "frequency", "oriented", "strength"]


@dataclass(frozen=True, eq=False)
class Branched:
    """A run that recorded what the units of its first layer look for, see `train.measure_branches`."""

    run: Run

    @property
    def record(self) -> Mapping[str, Any]:
        """Of the run."""
        return self.run.record

    @property
    def seed(self) -> int:
        """Of the training."""
        return int(self.record["seed"])

    @property
    def branches(self) -> int:
        """1 for an undivided network."""
        return int(self.record["branches"])

    @cached_property
    def moments(self) -> Mapping[float, pd.DataFrame]:
        """Epoch → the units as they were then, in order: unit, branch from 1, MEASURES, dead.

        Branches have as many units each, the first units the first branch. What a dead unit looks for is NaN.
        """
        found: dict[float, list[Mapping[str, float]]] = {}
        for row in self.record["history"]:
            found.setdefault(row["epoch"], []).append(row)
        return {epoch: self._table(found[epoch]) for epoch in sorted(found)}

    @property
    def end(self) -> pd.DataFrame:
        """The units of the trained network."""
        return self.moments[max(self.moments)]

    def _table(self, rows: Sequence[Mapping[str, float]]) -> pd.DataFrame:
        table = pd.DataFrame(rows, columns=["unit", *MEASURES]).sort_values("unit", ignore_index=True)
        table.insert(1, "branch", np.arange(len(table)) * self.branches // len(table) + 1)
        table["dead"] = ~living(table["strength"].to_numpy())
        table.loc[table["dead"], ["chroma", "frequency", "oriented"]] = math.nan
        return table

    def values(self, name: str, epoch: float | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """One of PROPERTIES of every unit, and what is taken out of it; of the trained network by default."""
        units = self.end if epoch is None else self.moments[epoch]
        values, without = PROPERTIES[name]
        return units[values].to_numpy(), units[without].to_numpy() if without else None

    def parting(self, name: str, epoch: float, draws: int, seed: int) -> RankEtaSquared:
        """How far branches part in one of PROPERTIES at a moment; the null's draws differ between seeds and moments."""
        values, without = self.values(name, epoch)
        own = [seed, self.seed, [*self.moments].index(epoch)]
        return rank_eta_squared(values, self.end["branch"].to_numpy(), without, draws=draws, seed=own)

    def area(self, name: str) -> float:
        """Folded, of a property itself; NaN for what is left of one, and for other numbers of branches than two."""
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
    """RankEtaSquared in one property through the training of an experiment.

    Attributes:
        epochs: (M,) at which it was measured.
        shares: (S, M) of every seed.
        expected: (M,) mean under the null.
        limits: (M,) the null's quantile at `ops.parting.LEVEL` of the mean over as many seeds.
        last: at the end, of every seed.
    """

    epochs: list[float]
    shares: np.ndarray
    expected: np.ndarray
    limits: np.ndarray
    last: tuple[RankEtaSquared, ...]

    @classmethod
    def of(cls, runs: Sequence[Branched], name: str, draws: int, seed: int) -> Course:
        """Of the runs of an experiment, at the moments that all of them have."""
        epochs = [epoch for epoch in runs[0].moments if all(epoch in run.moments for run in runs)]
        found = [[run.parting(name, epoch, draws, seed) for epoch in epochs] for run in runs]
        null = np.array([[one.null for one in run] for run in found]).mean(0)
        return cls(
            epochs,
            np.array([[one.share for one in run] for run in found]),
            null.mean(1),
            np.quantile(null, LEVEL, axis=1),
            tuple(run[-1] for run in found),
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

    def ended(self, splits: np.ndarray) -> dict[str, Any]:
        """How far branches part at the end, in how many seeds, since when, and against splits (S, draws) of a baseline.

        See `analyses.branch_experiments` for the names.
        """
        last = [one.share for one in self.last]
        parting, above = sum(one.beyond_chance for one in self.last), self.above_from
        exact = binomtest(parting, len(last)).proportion_ci(method="exact")
        dealt = np.quantile(splits, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) if splits.size else np.full(2, math.nan)
        return {
            **mean_share(last),
            **{name: float(np.mean([getattr(one, name) for one in self.last])) for name in ("expected", "limit")},
            "parting": parting,
            "parting_low": float(exact.low),
            "parting_high": float(exact.high),
            "split": float(splits.mean()) if splits.size else math.nan,
            "split_low": float(dealt[0]),
            "split_high": float(dealt[1]),
            **bounds(welch_difference(last, splits.mean(1)), "difference"),
            "above_from": above,
            "half_epoch": None if above is None else self.half_epoch,
        }


def mean_share(shares: Sequence[float] | np.ndarray) -> dict[str, float]:
    """The mean over seeds with its interval: share, low, high."""
    found = t_interval(shares)
    return {"share": found.mean, "low": found.low, "high": found.high}


@dataclass(frozen=True, eq=False)
class Trained:
    """An experiment of a setting with all its seeds."""

    runs: tuple[Branched, ...]

    @classmethod
    def of(cls, same: Repeated) -> Trained:
        """The runs of an experiment."""
        return cls(tuple(map(Branched, same.runs)))

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
        return [one.record["accuracy"] for one in self.runs]

    def courses(self, draws: int, seed: int) -> dict[str, Course]:
        """Property → its course; none of an undivided network."""
        return {name: Course.of(self.runs, name, draws, seed) for name in PROPERTIES if self.branches > 1}

    def split(self, name: str, branches: int, draws: int, seed: int) -> np.ndarray:
        """(S, draws) η² in one of PROPERTIES when trained units are dealt to so many branches at random."""
        found = [
            random_split_shares(*one.values(name), draws=draws, seed=[seed, one.seed], branches=branches)
            for one in self.runs
        ]
        return np.stack(found)
