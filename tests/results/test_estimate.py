"""Estimates say with None what is undefined."""

from __future__ import annotations

import math

from wbsite.results.estimate import Estimate
from wbsite.stats.intervals import t_interval


def test_an_estimate_leaves_out_what_is_undefined() -> None:
    interval = t_interval([1.0, 2.0, 4.0])
    assert Estimate.from_interval(interval) == Estimate(mean=interval.mean, low=interval.low, high=interval.high)
    assert Estimate.from_interval(t_interval([3.0])) == Estimate(mean=3.0, low=None, high=None)
    assert Estimate.from_interval(t_interval([])) == Estimate(mean=None, low=None, high=None)
    assert Estimate.from_interval((math.nan, 0.0, 1.0)).mean is None
