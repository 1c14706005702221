"""Intervals over seeds: how certain a mean, or a difference of two means, is after a few trainings.

`scipy.stats.ttest_1samp(values, 0).confidence_interval()` and `ttest_ind(a, b, equal_var=False).confidence_interval()`
give the same (a test compares them). They are not used because `scipy.stats` takes two seconds to import, which pages
would wait for, and cannot be imported where `sys.modules["torch"]` is None, and because both warn of a loss of
precision where seeds agree almost or exactly. Student's quantile, from `scipy.special`, is all that is needed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from wbsite.core.errors import WbsiteError


class Interval(NamedTuple):
    """An estimate with its bounds; the bounds are NaN where too few values were seen to give any."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether both bounds lie on one side of zero; False without bounds."""
        return self.low > 0 or self.high < 0


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent values with Student's t interval, mean ± t·s/√n with n - 1 degrees of freedom.

    It takes the values for normally distributed, which three seeds can neither show nor refute: with
    so few, t is 4.3 and intervals are wide.

    Args:
        values: (n,), one a training. One value has no interval; none has no mean either.
        level: coverage, between 0 and 1.

    Raises:
        WbsiteError: level out of range, or values not of rank 1.
    """
    x = _checked(values, level)
    n = len(x)
    if n < 2:
        return Interval(float(x[0]) if n else math.nan, math.nan, math.nan)
    return _around(float(x.mean()), float(x.var(ddof=1)) / n, n - 1, level)


def welch_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """mean(a) - mean(b) of two independent groups whose variances may differ, with Welch's t interval.

    Degrees of freedom by Welch and Satterthwaite, (u + v)² / (u²/(n - 1) + v²/(m - 1)) with u = s²ₐ/n and
    v = s²ᵦ/m (Welch, Biometrika 34, 1947); they lie between min(n, m) - 1 and n + m - 2.

    Args:
        a: (n,), one a training.
        b: (m,). A group of one value gives the difference no interval.
        level: coverage, between 0 and 1.

    Raises:
        WbsiteError: level out of range, or values not of rank 1.
    """
    x, y = _checked(a, level), _checked(b, level)
    n, m = len(x), len(y)
    difference = float(x.mean() - y.mean()) if n and m else math.nan
    if n < 2 or m < 2:
        return Interval(difference, math.nan, math.nan)
    u, v = float(x.var(ddof=1)) / n, float(y.var(ddof=1)) / m
    if u + v == 0:
        return Interval(difference, difference, difference)
    share = u / (u + v)
    freedom = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
    return _around(difference, u + v, freedom, level)


def _checked(values: ArrayLike, level: float) -> np.ndarray:
    x = np.asarray(values, np.float64)
    if x.ndim != 1:
        raise WbsiteError(f"values have shape {x.shape}; expected (n,).", "Pass one number for every training.")
    if not 0 < level < 1:
        raise WbsiteError(f"level is {level}; expected 0 < level < 1.", "The default is 0.95.")
    return x


def _around(mean: float, variance: float, freedom: float, level: float) -> Interval:
    half = float(scipy.special.stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(mean, mean - half, mean + half)
