"""Spearman's rank correlation with a bootstrap interval and a permutation p, also partial: given a third property."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from wbsite.core.errors import WbsiteError

FEWEST = 6
"""Units below which a correlation is not computed: of five, even the rarest order has a permutation p above 1 %."""


@dataclass(frozen=True)
class RankCorrelation:
    """A rank correlation.

    Attributes:
        rho: in [−1, 1].
        low, high: 95 % percentile bootstrap interval.
        p: two-sided, by permutation.
        units: with values in all that is compared.
    """

    rho: float
    low: float
    high: float
    p: float
    units: int


def rank_correlation(
    x: np.ndarray, y: np.ndarray, without: np.ndarray | None = None, *, draws: int, seed: int
) -> RankCorrelation:
    """Spearman's ρ of two properties of units; with `without`, the partial one.

    The partial ρ is the correlation of the residuals of the ranks of x and y from a line through the ranks of
    `without`: (ρxy − ρxz ρyz) / √((1 − ρxz²)(1 − ρyz²)). A line does not remove all that two properties share, least
    where units fall into two clusters that both properties separate: a large partial ρ does not show that x depends on
    y alone.

    For the interval units are drawn with replacement, and ranked anew; it takes the numbers of each unit as exact. For
    p the ranks of y are permuted, or, with `without`, their residuals (Freedman and Lane 1983); the observed order
    counts as one permutation.

    Args:
        x, y, without: (n,); units with a NaN in any are left out.
        draws: of the bootstrap, and permutations.
        seed: of both.

    Returns:
        NaN throughout for fewer than FEWEST units, or where a property does not vary; intervals leave out resamples in
        which one does not vary.

    Raises:
        WbsiteError: of different lengths.
    """
    properties = [np.asarray(values, np.float64) for values in (x, y, *([] if without is None else [without]))]
    if any(values.ndim != 1 or len(values) != len(properties[0]) for values in properties):
        shapes = ", ".join(str(values.shape) for values in properties)
        raise WbsiteError(f"properties have shapes {shapes}.", "Give one number for every unit, (n,) each.")
    columns = np.stack(properties)
    columns = columns[:, ~np.isnan(columns).any(0)]
    units = columns.shape[1]
    rho = _rho(columns[:, None])[0] if units >= FEWEST else math.nan
    if math.isnan(rho):
        return RankCorrelation(math.nan, math.nan, math.nan, math.nan, units)
    rng = np.random.default_rng(seed)
    resampled = _rho(columns[:, rng.integers(0, units, (draws, units))])
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    residuals = _residuals(scipy.stats.rankdata(columns, axis=1))
    order = rng.permuted(np.tile(np.arange(units), (draws, 1)), axis=1)
    # Permuted residuals depend on the third property again, which is removed once more; those of x do not.
    permuted = residuals[1][order]
    if without is not None:
        third = _centred(scipy.stats.rankdata(columns[2]))
        permuted = permuted - (permuted @ third / max(third @ third, 1))[:, None] * third
    size = np.linalg.norm(permuted, axis=1) * np.linalg.norm(residuals[0])
    chance = np.abs(permuted @ residuals[0]) / np.where(size > 0, size, 1)
    p = (1 + int((chance >= abs(rho) - 1e-12).sum())) / (1 + draws)
    return RankCorrelation(float(rho), float(low), float(high), p, units)


def _rho(columns: np.ndarray) -> np.ndarray:
    """(2 or 3, D, n) → (D,), NaN where a property, or its residuals from the third, do not vary."""
    residuals = _residuals(scipy.stats.rankdata(columns, axis=2))
    size = np.linalg.norm(residuals, axis=-1).prod(0)
    cross = (residuals[0] * residuals[1]).sum(-1)
    return np.where(size > 0, np.clip(cross / np.where(size > 0, size, 1), -1, 1), np.nan)


def _residuals(ranks: np.ndarray) -> np.ndarray:
    """(2 or 3, …, n) ranks → (2, …, n), centred and without their line through the third; zeros where none remain."""
    centred = _centred(ranks)
    if len(ranks) == 2:
        return centred
    third = centred[2]
    spread = np.square(third).sum(-1)
    slope = (centred[:2] * third).sum(-1) / np.where(spread > 0, spread, 1)
    residuals = centred[:2] - slope[..., None] * third
    # A property whose ranks are those of the third has residuals of rounding, not of zero.
    rest, total = np.square(residuals).sum(-1), np.square(centred[:2]).sum(-1)
    return np.where((rest > 1e-12 * total)[..., None], residuals, 0.0)


def _centred(ranks: np.ndarray) -> np.ndarray:
    return ranks - ranks.mean(-1, keepdims=True)
