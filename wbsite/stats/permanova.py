"""Whether the units of one block differ from the other blocks' in any of several indices at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .enrichment import shuffled_sums


@dataclass(frozen=True)
class Populations:
    """What `populations` returns, for B blocks of N units in all.

    Attributes:
        statistic: (B,), how far a block's mean ranks are from the stage's, squared, in units of what a random choice
            of as many units gives, averaged over indices: 1 by chance.
        p: (B,), share of permutations with as large a statistic.
        share: of the variance of ranks, averaged over indices, the part that lies between blocks.
        by_chance: what `share` is on average over permutations.
        all_p: share of permutations with as large a `share`.
        with_depth: of the part that lies between blocks what a straight line over their order explains.
    """

    statistic: np.ndarray
    p: np.ndarray
    share: float
    by_chance: float
    all_p: float
    with_depth: float


def populations(block: np.ndarray, indices: np.ndarray, draws: int, seed: int) -> Populations:
    """Compares blocks of a stage by permuting whole units among them, block sizes kept.

    Each index is replaced by its ranks over all units (ties get their mean, units without a value the mean of all), so
    that no index and no outlier counts for more than another: a PERMANOVA (Anderson 2001) on standardised ranks. Whole
    units are permuted, so correlations between indices do no harm. Blocks also follow one another: `with_depth` says
    how much of the difference goes steadily with depth.

    Args:
        block: int (N,), the block of every unit, 0 to B − 1 in order of execution.
        indices: (N, J), NaN where undefined.
        draws: permutations.
        seed: of the permutations.
    """
    ranks = standard_ranks(indices)
    sizes = np.bincount(block)
    units = len(block)
    if not ranks.shape[1] or units < 2:
        return Populations(np.full(len(sizes), np.nan), np.full(len(sizes), np.nan), *[float("nan")] * 4)
    chance = (units - sizes) / (sizes * (units - 1))  # variance of a mean of so many, drawn without replacement
    means = np.stack([ranks[block == b].mean(0) for b in range(len(sizes))])
    observed = _statistic(means, chance)
    between = float((observed * chance * sizes).sum() / units)
    above, above_all, sums = np.zeros(len(sizes)), 0, 0.0
    for found in shuffled_sums(sizes, ranks, draws, seed):
        drawn = _statistic(found / sizes[:, None], chance)
        shares = (drawn * chance * sizes).sum(1) / units
        above += (drawn >= observed * (1 - 1e-9)).sum(0)
        above_all += int((shares >= between * (1 - 1e-9)).sum())
        sums += float(shares.sum())
    return Populations(
        statistic=observed,
        p=(1 + above) / (1 + draws),
        share=between,
        by_chance=sums / draws,
        all_p=(1 + above_all) / (1 + draws),
        with_depth=_with_depth(means, sizes),
    )


def standard_ranks(indices: np.ndarray) -> np.ndarray:
    """Ranks of every column in units of their standard deviation, mean 0, NaN in the middle; without columns that are
    constant: (N, at most J)."""
    kept = [column for column in indices.T if len(np.unique(column[~np.isnan(column)])) > 1]
    ranks = np.zeros((len(indices), len(kept)))
    for j, column in enumerate(kept):
        there = ~np.isnan(column)
        ranks[there, j] = rankdata(column[there])
        ranks[there, j] -= ranks[there, j].mean()
    return ranks / np.sqrt((ranks**2).mean(0))


def _statistic(means: np.ndarray, chance: np.ndarray) -> np.ndarray:
    return (means**2).mean(-1) / np.maximum(chance, np.finfo(float).tiny)


def _with_depth(means: np.ndarray, sizes: np.ndarray) -> float:
    depth = np.arange(len(sizes)) - np.average(np.arange(len(sizes)), weights=sizes)
    total = (sizes[:, None] * means**2).sum()
    if total == 0 or len(sizes) < 2:
        return float("nan")
    slope = (sizes * depth) @ means / (sizes * depth**2).sum()
    return float((slope**2).sum() * (sizes * depth**2).sum() / total)
