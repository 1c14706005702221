"""PERMANOVA: whether the units of one block differ from the other blocks' in any of several indices at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from .enrichment import shuffled_sums


@dataclass(frozen=True)
class Permanova:
    """How far B blocks of N units in all differ.

    Attributes:
        statistic: (B,), how far a block's mean ranks are from the stage's, squared, in units of the same distance of a
            random choice of as many units, averaged over indices: 1 by chance.
        p: (B,), share of permutations with as large a statistic.
        share: of the variance of ranks, averaged over indices, that lies between blocks.
        expected_share: mean of `share` over permutations.
        share_p: share of permutations with as large a `share`.
        depth_share: of the variance between blocks, the share that a straight line over their order explains.
    """

    statistic: np.ndarray
    p: np.ndarray
    share: float
    expected_share: float
    share_p: float
    depth_share: float


def permanova(block: np.ndarray, indices: np.ndarray, draws: int, seed: int) -> Permanova:
    """Compares blocks of a stage by permuting whole units among them, block sizes kept.

    Each index is replaced by its ranks over all units (ties get their mean, units without a value the mean of all), so
    that no index and no outlier counts for more than another: a PERMANOVA (Anderson 2001) on standardised ranks. Whole
    units are permuted, so correlations between indices do no harm. Blocks also follow one another: `depth_share` says
    how much of the difference grows or falls steadily with depth.

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
        return Permanova(np.full(len(sizes), np.nan), np.full(len(sizes), np.nan), *[float("nan")] * 4)
    chance = (units - sizes) / (sizes * (units - 1))  # variance of a mean of so many, drawn without replacement
    means = np.stack([ranks[block == b].mean(0) for b in range(len(sizes))])
    observed = _statistic(means, chance)
    between = float((observed * chance * sizes).sum() / units)
    above, above_all, sums = np.zeros(len(sizes)), 0, 0.0
    for block_sums in shuffled_sums(sizes, ranks, draws, seed):
        permuted = _statistic(block_sums / sizes[:, None], chance)
        shares = (permuted * chance * sizes).sum(1) / units
        above += (permuted >= observed * (1 - 1e-9)).sum(0)
        above_all += int((shares >= between * (1 - 1e-9)).sum())
        sums += float(shares.sum())
    return Permanova(
        statistic=observed,
        p=(1 + above) / (1 + draws),
        share=between,
        expected_share=sums / draws,
        share_p=(1 + above_all) / (1 + draws),
        depth_share=_depth_share(means, sizes),
    )


def standard_ranks(indices: np.ndarray) -> np.ndarray:
    """(N, J) indices → (N, at most J): ranks of every column that is not constant, in units of their standard
    deviation, mean 0; NaN gets 0."""
    columns = [column for column in indices.T if len(np.unique(column[~np.isnan(column)])) > 1]
    ranks = np.zeros((len(indices), len(columns)))
    for j, column in enumerate(columns):
        defined = ~np.isnan(column)
        ranks[defined, j] = scipy.stats.rankdata(column[defined])
        ranks[defined, j] -= ranks[defined, j].mean()
    return ranks / np.sqrt((ranks**2).mean(0))


def _statistic(means: np.ndarray, chance: np.ndarray) -> np.ndarray:
    return (means**2).mean(-1) / np.maximum(chance, np.finfo(float).tiny)


def _depth_share(means: np.ndarray, sizes: np.ndarray) -> float:
    depth = np.arange(len(sizes)) - np.average(np.arange(len(sizes)), weights=sizes)
    total = (sizes[:, None] * means**2).sum()
    if total == 0 or len(sizes) < 2:
        return float("nan")
    slope = (sizes * depth) @ means / (sizes * depth**2).sum()
    return float((slope**2).sum() * (sizes * depth**2).sum() / total)
