"""How far two sets of units differ in an index: the area under the ROC curve with an interval, Mann–Whitney's p."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy


@dataclass(frozen=True)
class RocAuc:
    """The area under a ROC curve.

    Attributes:
        auc: chance that a unit inside has the higher value than one outside: 0.5 where the sets do not differ, 1 or 0
            where they are completely separate.
        low, high: its interval.
        p: two-sided, Mann–Whitney.
        inside, outside: units with a value.
    """

    auc: float
    low: float
    high: float
    p: float
    inside: int
    outside: int


def roc_auc(inside: np.ndarray, outside: np.ndarray, level: float = 0.95) -> RocAuc:
    """The area under the ROC curve between the values of units inside and outside a branch.

    Ties count half. The interval is the wider of two at either end. DeLong's (1988, on the logit scale), from the units
    themselves, holds where the values of one side scatter more than the other's; where the sets are completely separate
    it shrinks to a point, as a bootstrap does. Newcombe's method 5 (2006), the score interval with Hanley and McNeil's
    variance, keeps its width there, and the towers of a first layer can be completely separate. Both take units to be
    independent.

    Args:
        inside, outside: values, (n,) and (m,); NaN is left out.
        level: of the interval.

    Returns:
        NaN throughout where one side has no values.
    """
    inside, outside = (values[~np.isnan(values)] for values in (np.asarray(inside, float), np.asarray(outside, float)))
    n, m = len(inside), len(outside)
    if not n or not m:
        return RocAuc(math.nan, math.nan, math.nan, math.nan, n, m)
    ranks = scipy.stats.rankdata(np.concatenate((inside, outside)))
    auc = float(ranks[:n].sum() - n * (n + 1) / 2) / (n * m)
    z = float(scipy.special.ndtri((1 + level) / 2))
    ends = (_delong(auc, inside, outside, ranks, z), _newcombe(auc, n, m, z))
    p = _mann_whitney(auc, inside, outside, ranks)
    return RocAuc(auc, min(low for low, _ in ends), max(high for _, high in ends), p, n, m)


def _mann_whitney(auc: float, inside: np.ndarray, outside: np.ndarray, ranks: np.ndarray) -> float:
    """As `scipy.stats.mannwhitneyu` gives it, whose checks of its arguments take ten times as long as the test."""
    n, m = len(inside), len(outside)
    if min(n, m) <= 8:
        return min(1.0, float(scipy.stats.mannwhitneyu(inside, outside).pvalue)) if np.ptp(ranks) > 0 else 1.0
    tied = np.unique(ranks, return_counts=True)[1].astype(float)
    variance = n * m / 12 * (n + m + 1 - (tied**3 - tied).sum() / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0  # all tied
    distance = (abs(auc - 0.5) * n * m - 0.5) / math.sqrt(variance)  # with the correction for continuity
    return min(1.0, 2 * float(scipy.special.ndtr(-distance)))


def _delong(auc: float, inside: np.ndarray, outside: np.ndarray, ranks: np.ndarray, z: float) -> tuple[float, float]:
    n, m = len(inside), len(outside)
    if min(n, m) < 2 or not 0 < auc < 1:
        return auc, auc
    above = (ranks[:n] - scipy.stats.rankdata(inside)) / m  # share of the outside below each unit inside
    below = (ranks[n:] - scipy.stats.rankdata(outside)) / n
    half = z * math.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m) / (auc * (1 - auc))
    middle = scipy.special.logit(auc)
    return float(scipy.special.expit(middle - half)), float(scipy.special.expit(middle + half))


def _newcombe(auc: float, n: int, m: int, z: float) -> tuple[float, float]:
    more = (n + m) / 2 - 1

    def beyond(theta: float) -> float:
        spread = 1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (theta - auc) ** 2 - z**2 * theta * (1 - theta) * spread / (n * m)

    least = 1e-12  # at 0 and 1 themselves there is no variance: a second root, which is not the interval's end
    low = 0.0 if auc <= 0 else scipy.optimize.brentq(beyond, 0.0, min(auc, 1 - least))
    high = 1.0 if auc >= 1 else scipy.optimize.brentq(beyond, max(auc, least), 1.0)
    return float(low), float(high)
