"""Rank correlations with their intervals: against scipy, the partial formula, and how often chance passes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from wbsite.core.errors import WbsiteError
from wbsite.stats.rank_correlation import rank_correlation


def three(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x and y that go together only through z."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return z + rng.normal(size=n), z + rng.normal(size=n), z


def test_the_correlation_is_scipys_and_a_monotonic_scale_does_not_matter() -> None:
    x, y, _ = three(0)
    found = rank_correlation(x, np.exp(y), draws=500, seed=0)
    assert found.rho == pytest.approx(spearmanr(x, y)[0])
    assert found.low < found.rho < found.high
    assert found.p < 0.01
    assert rank_correlation(x, x, draws=500, seed=0).p == 1 / 501
    ties = np.round(x)
    assert rank_correlation(ties, y, draws=50, seed=0).rho == pytest.approx(spearmanr(ties, y)[0])


def test_the_partial_correlation_is_that_of_the_formula() -> None:
    x, y, z = three(0)
    xy, xz, yz = spearmanr(x, y)[0], spearmanr(x, z)[0], spearmanr(y, z)[0]
    found = rank_correlation(x, y, z, draws=500, seed=0)
    assert found.rho == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert found.low < 0 < found.high


@pytest.mark.parametrize("partial", [False, True])
def test_chance_passes_as_often_as_p_says(partial: bool) -> None:
    below = inside = 0
    for seed in range(200):
        x, y, z = three(seed, 40)
        if not partial:
            x = np.random.default_rng(seed + 1000).normal(size=40)
        found = rank_correlation(x, y, z if partial else None, draws=99, seed=seed)
        below += found.p <= 0.05
        inside += found.low <= 0 <= found.high
    assert 2 <= below <= 20, "10 expected of 200"
    assert inside >= 175, "190 expected of 200"


def test_units_without_a_value_are_left_out_and_constants_have_no_correlation() -> None:
    x, y, z = three(0, 12)
    holes = y.copy()
    holes[3] = np.nan
    found = rank_correlation(x, holes, draws=50, seed=0)
    assert found.units == 11
    assert found.rho == pytest.approx(spearmanr(np.delete(x, 3), np.delete(y, 3))[0])
    for one in (
        rank_correlation(x, np.ones(12), draws=50, seed=0),
        rank_correlation(x[:5], y[:5], draws=50, seed=0),
        rank_correlation(x, 2 * z + 1, z, draws=50, seed=0),
    ):
        assert np.isnan([one.rho, one.low, one.high, one.p]).all()
    assert rank_correlation(x, y, np.ones(12), draws=50, seed=0).rho == pytest.approx(spearmanr(x, y)[0])


def test_properties_of_different_numbers_of_units_are_refused() -> None:
    with pytest.raises(WbsiteError, match=r"\(3,\), \(4,\)"):
        rank_correlation(np.ones(3), np.ones(4), draws=9, seed=0)
