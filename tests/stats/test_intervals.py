"""Intervals over seeds: an article that says "excludes zero" must not say so by an arithmetic slip."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from wbsite.core.errors import WbsiteError
from wbsite.stats.intervals import t_interval, welch_difference

RNG = np.random.default_rng(3)
CASES = [
    (RNG.normal(0.4, 0.1, n), RNG.normal(0.1, spread, m)) for n, m, spread in ((3, 3, 0.1), (5, 3, 0.5), (2, 9, 2))
]


def test_three_seeds_by_hand() -> None:
    """Mean 2, standard deviation 1: half a width is 4.302653/√3, from any table of Student's t."""
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-5)


@pytest.mark.parametrize(("a", "b"), CASES)
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_intervals_are_those_of_scipy(a: np.ndarray, b: np.ndarray, level: float) -> None:
    one = stats.ttest_1samp(a, 0).confidence_interval(level)
    assert t_interval(a, level) == pytest.approx((a.mean(), one.low, one.high), rel=1e-12)
    two = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    assert welch_difference(a, b, level) == pytest.approx((a.mean() - b.mean(), two.low, two.high), rel=1e-12)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    assert t_interval([0.3]).mean == 0.3
    assert np.isnan(t_interval([0.3])[1:]).all()
    found = welch_difference([0.3], [0.1, 0.2, 0.3])
    assert found.mean == pytest.approx(0.1)
    assert math.isnan(found.low) and math.isnan(found.high)
    assert not found.excludes_zero
    assert np.isnan(t_interval([])).all()
    assert np.isnan(welch_difference([], [0.1, 0.2])).all()


def test_the_difference_changes_sign_with_the_order_and_covers_what_it_says() -> None:
    a, b = CASES[0]
    one, other = welch_difference(a, b), welch_difference(b, a)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    rng = np.random.default_rng(0)
    covered = [
        (lambda i: i.low < 0 < i.high)(welch_difference(rng.normal(0, 1, 3), rng.normal(0, 1, 3))) for _ in range(2000)
    ]
    assert 0.94 < np.mean(covered) < 0.99  # a little conservative with three against three


def test_seeds_that_agree_exactly_give_a_point() -> None:
    assert t_interval([0.25, 0.25]) == (0.25, 0.25, 0.25)
    assert welch_difference([0.5, 0.5], [0.25, 0.25]) == (0.25, 0.25, 0.25)
    assert welch_difference([0.5, 0.5], [0.25, 0.25]).excludes_zero


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan, 95])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(WbsiteError, match=r"0 < level < 1"):
        t_interval([1.0, 2.0], level)
    with pytest.raises(WbsiteError, match=r"expected \(n,\)"):
        t_interval(np.zeros((2, 2)))
