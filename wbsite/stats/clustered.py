"""Effects over things that come in clusters, such as networks of one package: intervals and tests that respect these.

Members of a cluster share much, so each cluster counts once at every level that it has: its members with the same
predictor are averaged into one cell. Effects are computed over cells; intervals resample whole clusters (Field and
Welsh, J. R. Stat. Soc. B 69, 2007); p-values permute cells, or flip the sign of whole clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DRAWS = 10_000

TINY = 1e-9
"""A spread of the predictor below this is none."""


class Clustered(NamedTuple):
    """An effect over clusters.

    Attributes:
        effect: NaN where it cannot be estimated.
        low, high: 95 % percentile interval over resampled clusters; NaN with fewer than three.
        p: two-sided, of permutations; NaN as the interval.
        members, clusters: how many it rests on.
    """

    effect: float
    low: float
    high: float
    p: float
    members: int
    clusters: int


def clustered_slope(
    x: Sequence[float], y: Sequence[float], cluster: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> Clustered:
    """Least-squares slope of y over x; for an x of 0 and 1, the difference of means.

    Args:
        x, y: one a member, finite.
        cluster: of each member.
    """
    cells_x, cells_y, owner = _cells(np.asarray(x, float), np.asarray(y, float), list(cluster))
    names = np.unique(owner)
    effect = _slope(cells_x, cells_y)
    if len(names) < 3 or math.isnan(effect):
        return Clustered(effect, math.nan, math.nan, math.nan, len(x), len(names))
    rng = np.random.default_rng(seed)
    of = np.searchsorted(names, owner)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)[:, of]
    permuted = rng.permuted(np.tile(cells_y, (draws, 1)), axis=1)
    null = permuted @ (cells_x - cells_x.mean()) / _spread(cells_x)
    return Clustered(effect, *_percentiles(_slopes(drawn, cells_x, cells_y)), _p(null, effect), len(x), len(names))


def clustered_mean(y: Sequence[float], cluster: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Clustered:
    """Mean over clusters of the mean over their members, against 0.

    Args:
        y: one a member, finite.
        cluster: of each member.
    """
    _, means, _ = _cells(np.zeros(len(y)), np.asarray(y, float), list(cluster))
    effect = float(means.mean()) if len(means) else math.nan
    if len(means) < 3:
        return Clustered(effect, math.nan, math.nan, math.nan, len(y), len(means))
    rng = np.random.default_rng(seed)
    resampled = means[rng.integers(len(means), size=(draws, len(means)))].mean(1)
    flipped = (rng.choice([-1.0, 1.0], size=(draws, len(means))) * means).mean(1)
    return Clustered(effect, *_percentiles(resampled), _p(flipped, effect), len(y), len(means))


def _cells(x: np.ndarray, y: np.ndarray, cluster: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members of one cluster with one x as one: x, mean y and the cluster of each cell, sorted."""
    keys = sorted(set(zip(cluster, x.tolist(), strict=True)))
    place = {key: i for i, key in enumerate(keys)}
    of = np.array([place[key] for key in zip(cluster, x.tolist(), strict=True)], int)
    means = np.bincount(of, y, len(keys)) / np.bincount(of, minlength=len(keys)) if len(keys) else np.zeros(0)
    return np.array([key[1] for key in keys]), means, np.array([key[0] for key in keys])


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    spread = _spread(x) if len(x) else 0.0
    return float((x - x.mean()) @ y) / spread if spread > TINY else math.nan


def _slopes(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(draws,) slopes over cells of which each is drawn so many times, (draws, cells); NaN where x does not vary."""
    total = times.sum(1)
    mean_x, mean_y = times @ x / total, times @ y / total
    spread = times @ x**2 - total * mean_x**2
    varies = spread > TINY
    return np.where(varies, (times @ (x * y) - total * mean_x * mean_y) / np.where(varies, spread, 1), math.nan)


def _spread(x: np.ndarray) -> float:
    centred = x - x.mean()
    return float(centred @ centred)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]  # a resample of one level alone has no slope
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (math.nan, math.nan)
    return float(low), float(high)


def _p(null: np.ndarray, effect: float) -> float:
    reached = np.count_nonzero(np.abs(null) >= abs(effect) * (1 - 1e-12))
    return (1 + int(reached)) / (1 + len(null))
