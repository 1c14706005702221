"""Categories of units in branches: counts, hypergeometric p-values, odds ratios, and permutation of units."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index

import numpy as np
import scipy

from wbsite.core.errors import WbsiteError

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


def enrichment_p_value(k: int, category: int, branch: int, layer: int) -> float:
    """P(X ≥ k) if the units of a category are assigned to branches at random (hypergeometric, Fisher's exact test).

    The p-value of one test, on counts alone: it knows nothing of how many categories were tried, nor of what else
    sets the branch apart, such as its kernel size or inputs that all its units share.

    Args:
        k: units of the category in the branch.
        category: units of the category in the layer.
        branch: units of the branch.
        layer: units of the layer.

    Raises:
        WbsiteError: a count is no whole number, or there are no such sets of units.
    """
    counts = {"k": k, "category": category, "branch": branch, "layer": layer}
    for name, count in counts.items():
        try:
            counts[name] = index(count)
        except TypeError:
            raise WbsiteError(f"{name} is {count!r}.", "Give a whole number of units.") from None
    k, category, branch, layer = counts.values()
    if layer < 1:
        raise WbsiteError(f"a layer of {layer} units.", "Give the number of units of the layer, 1 or more.")
    for name in ("category", "branch"):
        if not 0 <= counts[name] <= layer:
            raise WbsiteError(
                f"{name} is {counts[name]}, of a layer of {layer} units.", f"Expected a number from 0 to {layer}."
            )
    low, high = max(0, category + branch - layer), min(category, branch)
    if not low <= k <= high:
        raise WbsiteError(
            f"k is {k}, where a category of {category} and a branch of {branch} units share {low} to {high}"
            f" of a layer's {layer}.",
            "k counts the units that are in both.",
        )
    return float(upper_tail(k, category, branch, layer))


def upper_tail(k: np.ndarray | int, category: np.ndarray | int, branch: np.ndarray | int, layer: int) -> np.ndarray:
    """P(X ≥ k) of whole tables under the hypergeometric distribution, unchecked; shapes broadcast."""
    return np.asarray(np.minimum(1.0, scipy.stats.hypergeom.sf(np.asarray(k) - 1, layer, category, branch)))


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
    k, category, branch = np.broadcast_arrays(*(np.asarray(count, dtype=float) for count in (k, category, branch)))
    cells = np.stack((k, branch - k, category - k, layer - branch - category + k)) + 0.5
    middle = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    half = scipy.stats.norm.ppf((1 + level) / 2) * np.sqrt((1 / cells).sum(0))
    undefined = (category == 0) | (category == layer) | (branch == 0) | (branch == layer)
    ratio, low, high = (np.where(undefined, np.nan, np.exp(middle + sign * half)) for sign in (0, -1, 1))
    return ratio, low, high


def familywise(branch: np.ndarray, categories: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Permutation p-values of every branch and category of one layer, adjusted for there being many: float (B, C).

    Units are permuted among the branches, whose sizes stay, with all their categories. A cell's value is the share of
    permutations whose smallest hypergeometric p over all cells is at most the cell's own, the observed labels counted
    as one of them (Westfall & Young 1993, minP). So the chance of one or more values ≤ α in a layer without
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
    p = table[observed, rows, columns]
    permuted = shuffled_sums(sizes, categories.astype(np.int32), draws, seed)
    smallest = np.concatenate([table[block, rows, columns].min((1, 2)) for block in permuted])
    at_most = np.searchsorted(np.sort(smallest), p * (1 + 1e-9), side="right")
    return (1 + at_most) / (1 + draws)


def shuffled_sums(sizes: np.ndarray, values: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Sums of the units' values over branches of these sizes when the units are permuted among them.

    Args:
        sizes: (B,), units of every branch.
        values: (N, C), of every unit.

    Yields:
        (d, B, C), the draws in blocks of d.
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
    tested = ~np.isnan(p)
    if tested.any():
        q[tested] = scipy.stats.false_discovery_control(p[tested])
    return q
