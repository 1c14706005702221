"""Rank eta squared: how much of a property's variance over a layer's units lies between its branches, and by chance."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wbsite.core.errors import WbsiteError

from .roc_auc import roc_auc

LEVEL = 0.95
"""Quantile of the null that a share has to pass to be called more than chance."""

_ROUNDING = 1e-12
"""Share of a sum of squares below which it is rounding, not variance."""


@dataclass(frozen=True, eq=False)
class RankEtaSquared:
    """A share of rank variance with its null; NaN where a property does not vary or all units are in one branch.

    Attributes:
        share: of the rank variance that lies between branches, in [0, 1].
        p: share of the null at or above it, the observed branches counted as one draw of it.
        null: (draws,) the same share under the null.
        units: number of units that have the property.
    """

    share: float
    p: float
    null: np.ndarray
    units: int

    @property
    def expected(self) -> float:
        """Mean under the null, about (B − 1) / (N − 1) for N units in B branches."""
        return float(self.null.mean())

    @property
    def limit(self) -> float:
        """The null's quantile at `LEVEL`."""
        return float(np.quantile(self.null, LEVEL))

    @property
    def beyond_chance(self) -> bool:
        """Whether p ≤ 1 − LEVEL and the share is above the null's limit: 5 % of networks would be, were it chance."""
        return self.p <= 1 - LEVEL + 1e-9 and self.share > self.limit


def rank_eta_squared(
    values: np.ndarray, branch: np.ndarray, without: np.ndarray | None = None, *, draws: int, seed: int | Sequence[int]
) -> RankEtaSquared:
    """How far branches differ in a property, and how far they would if units were assigned to them at random.

    The null keeps the sizes of branches. With `without`, the property's residuals from a line through the ranks of
    `without` are permuted, and what they then share with `without` is removed again (Freedman and Lane 1983): branches
    may differ in `without` as they do.

    Args:
        values, branch, without: as in `rank_share`.
        draws: of the null.
        seed: of the draws.

    Raises:
        WbsiteError: of different lengths.
    """
    values, branch, without = _defined(values, branch, without)
    residuals, known = _residuals(values, without)
    axes = _branch_axes(branch, known)
    if not len(residuals) or not axes.any():
        return RankEtaSquared(math.nan, math.nan, np.full(draws, math.nan), len(values))
    share = _share(residuals[None], axes, known)[0]
    null = _share(residuals[_orders(len(residuals), draws, tuple(np.atleast_1d(seed).tolist()))], axes, known)
    p = (1 + int((null >= share - 1e-9).sum())) / (1 + draws)
    return RankEtaSquared(float(share), p, null, len(values))


def rank_share(values: np.ndarray, branch: np.ndarray, without: np.ndarray | None = None) -> float:
    """η² of ranks: the share of the variance of a property's ranks that lies between branches, in [0, 1].

    H / (N − 1), with H of Kruskal and Wallis (1952), ties corrected. With `without`, partial η² of the ranks: of the
    residuals of the property's ranks from a line through those of `without`, the share that branches explain
    (analysis of covariance on ranks, Conover and Iman 1982). The line removes what grows or falls with `without`, and
    only part of a curved dependence.

    Args:
        values: (N,) of units; a unit with NaN is left out.
        branch: int (N,), the branch of every unit.
        without: (N,) a property that is controlled for; a unit with NaN is left out.

    Returns:
        NaN where nothing varies, or all units are in one branch.

    Raises:
        WbsiteError: of different lengths.
    """
    values, branch, without = _defined(values, branch, without)
    residuals, known = _residuals(values, without)
    axes = _branch_axes(branch, known)
    return float(_share(residuals[None], axes, known)[0]) if len(residuals) and axes.any() else math.nan


def random_split_shares(
    values: np.ndarray, without: np.ndarray | None = None, *, branches: int, draws: int, seed: int | Sequence[int]
) -> np.ndarray:
    """(draws,) shares when the units are assigned at random to so many branches of equal size.

    A unit keeps all its properties.

    Args:
        values, without: as in `rank_share`.
    """
    rng = np.random.default_rng(seed)
    equal = np.arange(len(values)) * branches // len(values)
    values, units, without = _defined(values, np.arange(len(values)), without)
    residuals, known = _residuals(values, without)
    if not len(residuals):
        return np.full(draws, math.nan)
    deals = np.stack([rng.permutation(equal) for _ in range(draws)])[:, units]
    members = (deals[:, None] == np.arange(branches)[:, None]).astype(float)
    axes = _axes(_without(members, known).swapaxes(1, 2))
    return np.where(axes.any((1, 2)), _of_total(np.square(residuals @ axes).sum(1), residuals[None], known), math.nan)


def folded_auc(values: np.ndarray, branch: np.ndarray) -> float:
    """The area under the ROC curve between two branches, the larger of it and its complement, in [0.5, 1].

    NaN for another number of branches.
    """
    values, branch, _ = _defined(values, branch, None)
    names = np.unique(branch)
    if len(names) != 2:
        return math.nan
    area = roc_auc(values[branch == names[0]], values[branch == names[1]]).auc
    return max(area, 1 - area)


def _defined(
    values: np.ndarray, branch: np.ndarray, without: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The same of units that have both properties."""
    values, branch = np.asarray(values, np.float64), np.asarray(branch)
    without = None if without is None else np.asarray(without, np.float64)
    if values.ndim != 1 or any(other is not None and other.shape != values.shape for other in (branch, without)):
        shapes = ", ".join(str(other.shape) for other in (values, branch, without) if other is not None)
        raise WbsiteError(f"properties and branches have shapes {shapes}.", "Give one of each for every unit, (n,).")
    kept = ~np.isnan(values) if without is None else ~(np.isnan(values) | np.isnan(without))
    return values[kept], branch[kept], None if without is None else without[kept]


def _residuals(values: np.ndarray, without: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of the ranks from their mean and from the line through `without`, (N,), (0,) where they are rounding;
    and orthonormal axes (N, k) of mean and line."""
    columns = [np.ones(len(values))] if without is None else [np.ones(len(values)), _ranks(without)]
    known = _axes(np.stack(columns, 1))
    ranks = _ranks(values)
    residuals = _without(ranks, known)
    return residuals if np.square(residuals).sum() > _ROUNDING * np.square(ranks).sum() else np.zeros(0), known


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (N,) from 1, equal values sharing their mean; scipy checks so few for longer than it takes to rank them."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


@functools.lru_cache(maxsize=64)
def _orders(units: int, draws: int, seed: tuple[int, ...]) -> np.ndarray:
    """(draws, units) random orders, kept in few bytes: drawing them takes longer than all that is done with them, and
    every property of the same units is compared with the same."""
    every = np.tile(np.arange(units), (draws, 1))
    orders = np.random.default_rng(seed).permuted(every, axis=1).astype(np.min_scalar_type(units))
    orders.flags.writeable = False
    return orders


def _branch_axes(branch: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Orthonormal axes (N, b) along which branches differ, orthogonal to the known ones."""
    return _axes(_without((branch == np.unique(branch)[:, None]).astype(float), known).T)


def _axes(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what the columns of each matrix (…, N, b) span, filled up with zeros to b columns."""
    u, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return u * (sizes > math.sqrt(_ROUNDING) * math.sqrt(columns.shape[-2]))[..., None, :]


def _without(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(…, N) without their parts along the axes (N, k)."""
    return rows - rows @ known @ known.T


def _share(residuals: np.ndarray, axes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(D, N) → (D,) the share of each row's squares, without those along the known axes, that lies along the axes."""
    return _of_total(np.square(residuals @ axes).sum(1), residuals, known)


def _of_total(between: np.ndarray, residuals: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(D,) sums of squares as shares of those of the residuals (D, N), or (1, N) for all, beside the known axes."""
    total = np.einsum("ij,ij->i", residuals, residuals) - np.square(residuals @ known).sum(1)
    return np.clip(between / np.where(total > 0, total, 1), 0, 1)
