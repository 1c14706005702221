"""Categories of units in branches: counts, odds ratios, and what permuting units among branches gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import false_discovery_control, hypergeom, norm

_BLOCK = 2**22
"""Values that are permuted at a time: bounds the memory."""


def counts(branch: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Units of every category in every branch, int64 (B, C).

    Args:
        branch: int (N,), the branch of every unit, 0 to B − 1.
        categories: bool (N, C), which units belong to which category; several, or none, for a unit.
    """
    inside = branch[:, None] == np.arange(branch.max(initial=-1) + 1)
    return inside.T.astype(np.int64) @ categories.astype(np.int64)


def upper_tail(k: np.ndarray, category: np.ndarray, branch: np.ndarray, layer: int) -> np.ndarray:
    """`enrichment_p_value` of whole tables: P(X ≥ k) under the hypergeometric distribution; shapes broadcast."""
    return np.minimum(1.0, hypergeom.sf(np.asarray(k) - 1, layer, category, branch))


def odds_ratio(
    k: np.ndarray, category: np.ndarray, branch: np.ndarray, layer: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Odds of the category inside the branch over those outside, with an interval; shapes broadcast.

    One half is added to each cell of the table (Haldane 1956, Anscombe 1956), so that a cell of 0 leaves the ratio and
    its interval finite; the interval is Woolf's, normal in the logarithm, with that correction (Gart 1966). Of empty
    categories and of branches of no or of all units the ratio is NaN: there is nothing to compare.

    Args:
        k, category, branch, layer: as in `enrichment_p_value`.
        level: of the interval.

    Returns:
        Ratio, lower and upper end, each in (0, ∞).
    """
    k, category, branch = np.broadcast_arrays(*(np.asarray(of, dtype=float) for of in (k, category, branch)))
    cells = np.stack((k, branch - k, category - k, layer - branch - category + k)) + 0.5
    middle = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    half = norm.ppf((1 + level) / 2) * np.sqrt((1 / cells).sum(0))
    nothing = (category == 0) | (category == layer) | (branch == 0) | (branch == layer)
    ratio, low, high = (np.where(nothing, np.nan, np.exp(middle + sign * half)) for sign in (0, -1, 1))
    return ratio, low, high


def familywise(branch: np.ndarray, categories: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Permutation p-values of every branch and category of one layer, adjusted for there being many: float (B, C).

    Units are permuted among the branches, whose sizes stay, with all their categories. A cell's value is the share of
    permutations whose smallest hypergeometric p over all cells is at most the cell's own, the given labels counted as
    one of them (Westfall & Young 1993, minP). So the chance of one or more values ≤ α in a layer without
    specialization is at most α, however much categories overlap.

    Args:
        branch, categories: as in `counts`.
        draws: permutations.
        seed: of the permutations.
    """
    observed = counts(branch, categories)
    sizes, total, units = np.bincount(branch), categories.sum(0), len(branch)
    # A cell's p is known for each count that it can take: looked up, not computed for every permutation.
    table = upper_tail(np.arange(units + 1)[:, None, None], total[None, None, :], sizes[None, :, None], units)
    rows, columns = np.indices(observed.shape)
    own = table[observed, rows, columns]
    permuted = shuffled_sums(sizes, categories.astype(np.int32), draws, seed)
    smallest = np.concatenate([table[found, rows, columns].min((1, 2)) for found in permuted])
    at_most = np.searchsorted(np.sort(smallest), own * (1 + 1e-9), side="right")
    return (1 + at_most) / (1 + draws)


def shuffled_sums(sizes: np.ndarray, values: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Sums of the units' values over branches of these sizes when the units are permuted among them.

    Args:
        sizes: (B,), units of every branch.
        values: (N, C), of every unit.

    Yields:
        (d, B, C), blocks of draws that are `draws` together.
    """
    rng = np.random.default_rng(seed)
    units = len(values)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(int)
    at_a_time = max(1, _BLOCK // max(1, values.size))
    for first in range(0, draws, at_a_time):
        order = rng.permuted(np.tile(np.arange(units), (min(at_a_time, draws - first), 1)), axis=1)
        yield np.add.reduceat(values[order], starts, axis=1)


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini–Hochberg q-values of (T,) p-values; NaN is no test and stays NaN."""
    p = np.asarray(p, dtype=float)
    q = np.full_like(p, np.nan)
    given = ~np.isnan(p)
    if given.any():
        q[given] = false_discovery_control(p[given])
    return q
