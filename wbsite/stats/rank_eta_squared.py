"""Parting: how much of a property's variance over the units of a layer lies between its branches, against chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from wbsite.core.errors import WbsiteError

from .roc_auc import separation

LEVEL = 0.95
"""Quantile of the null that a parting has to pass to be called more than chance."""

_ROUNDING = 1e-12
"""Share of a sum of squares below which it is rounding, not variance."""


@dataclass(frozen=True, eq=False)
class Parting:
    """What `parting` returns; NaN where a property does not vary or all units are in one branch.

    Attributes:
        share: in [0, 1], of the rank variance that lies between branches.
        p: share of the null at or above it, the given branches counted as one draw of it.
        null: (draws,) the same share under the null.
        units: that have the property.
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


def parting(
    values: np.ndarray, branch: np.ndarray, without: np.ndarray | None = None, *, draws: int, seed: int | Sequence[int]
) -> Parting:
    """How far branches part in a property, and how far units dealt to them at random would.

    The null keeps the sizes of branches. With `without`, what is permuted is what a line through the ranks of
    `without` leaves of the property, and what permuting brings back along that line is taken out again (Freedman and
    Lane 1983): branches may differ in `without` as they do.

    Args:
        values, branch, without: as in `variance_between`.
        draws: of the null.
        seed: of them.

    Raises:
        WbsiteError: of different lengths.
    """
    given, of, third = _living(values, branch, without)
    left, known = _left(given, third)
    axes = _apart(of, known)
    if not len(left) or not axes.shape[1]:
        return Parting(math.nan, math.nan, np.full(draws, math.nan), len(given))
    share = _share(left[None], axes, known)[0]
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(len(left)), (draws, 1)), axis=1)
    null = _share(left[order], axes, known)
    p = (1 + int((null >= share - 1e-9).sum())) / (1 + draws)
    return Parting(float(share), p, null, len(given))


def variance_between(values: np.ndarray, branch: np.ndarray, without: np.ndarray | None = None) -> float:
    """η² of ranks: the share of the variance of a property's ranks that lies between branches, in [0, 1].

    H / (N − 1), with H of Kruskal and Wallis (1952), ties corrected. With `without`, partial η² of the ranks: of what
    a line through the ranks of `without` leaves of the property's, the share that branches explain beyond that line
    (analysis of covariance on ranks, Conover and Iman 1982). The line takes out what grows or falls with `without`;
    a curved dependence it takes out in part.

    Args:
        values: (N,) of units; a unit with NaN is left out.
        branch: int (N,), the branch of every unit.
        without: (N,) a property that is taken out; a unit with NaN is left out.

    Returns:
        NaN where nothing varies, or all units are in one branch.

    Raises:
        WbsiteError: of different lengths.
    """
    given, of, third = _living(values, branch, without)
    left, known = _left(given, third)
    axes = _apart(of, known)
    return float(_share(left[None], axes, known)[0]) if len(left) and axes.shape[1] else math.nan


def split_at_random(
    values: np.ndarray, without: np.ndarray | None = None, *, branches: int, draws: int, seed: int | Sequence[int]
) -> np.ndarray:
    """(draws,) shares when the units, all their properties together, are dealt to so many branches of equal size.

    Args:
        values, without: as in `variance_between`.
    """
    rng = np.random.default_rng(seed)
    equal = np.arange(len(values)) * branches // len(values)
    given, units, third = _living(values, np.arange(len(values)), without)
    left, known = _left(given, third)
    if not len(left):
        return np.full(draws, math.nan)
    deals = (_apart(rng.permutation(equal)[units], known) for _ in range(draws))
    return np.array([_share(left[None], axes, known)[0] if axes.shape[1] else math.nan for axes in deals])


def folded_area(values: np.ndarray, branch: np.ndarray) -> float:
    """The area under the ROC curve between two branches, the larger of it and its complement, in [0.5, 1].

    NaN for another number of branches.
    """
    given, of, _ = _living(values, branch, None)
    names = np.unique(of)
    if len(names) != 2:
        return math.nan
    area = separation(given[of == names[0]], given[of == names[1]]).auc
    return max(area, 1 - area)


def _living(
    values: np.ndarray, branch: np.ndarray, without: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    given, of = np.asarray(values, np.float64), np.asarray(branch)
    third = None if without is None else np.asarray(without, np.float64)
    if given.ndim != 1 or any(other is not None and other.shape != given.shape for other in (of, third)):
        shapes = ", ".join(str(other.shape) for other in (given, of, third) if other is not None)
        raise WbsiteError(f"properties and branches have shapes {shapes}.", "Give one of each for every unit, (n,).")
    there = ~np.isnan(given) if third is None else ~(np.isnan(given) | np.isnan(third))
    return given[there], of[there], None if third is None else third[there]


def _left(values: np.ndarray, without: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What is left of the ranks, (N,), and orthonormal axes (N, k) of what is taken out, the mean and the line; of
    ranks of which nothing is left, (0,)."""
    columns = [np.ones(len(values))] if without is None else [np.ones(len(values)), rankdata(without)]
    known = _axes(np.stack(columns, 1))
    ranks = rankdata(values)
    left = _without(ranks, known)
    return left if np.square(left).sum() > _ROUNDING * np.square(ranks).sum() else np.zeros(0), known


def _apart(branch: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Orthonormal axes (N, b) along which branches differ, beyond what is known of the units."""
    return _axes(_without((branch == np.unique(branch)[:, None]).astype(float), known).T)


def _axes(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what the columns span."""
    u, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return u[:, sizes > math.sqrt(_ROUNDING) * math.sqrt(len(columns))]


def _without(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(…, N) without their parts along the axes (N, k)."""
    return rows - rows @ known @ known.T


def _share(left: np.ndarray, axes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(D, N) → (D,) the share of what is left of each row that lies along the axes."""
    between = np.square(left @ axes).sum(1)
    whole = np.square(left).sum(1) - np.square(left @ known).sum(1)
    return np.clip(between / np.where(whole > 0, whole, 1), 0, 1)
