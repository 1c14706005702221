"""The measure of parting: scipy's statistic, cases whose answer is known, and how often chance passes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kruskal, mannwhitneyu, rankdata

from wbsite.core.errors import WbsiteError
from wbsite.ops.tuning.filter_tuning import living
from wbsite.stats.rank_eta_squared import RankEtaSquared, folded_auc, random_split_shares, rank_eta_squared, rank_share


def dealt(units: int, branches: int) -> np.ndarray:
    return np.arange(units) * branches // units


def residuals(y: np.ndarray, columns: list[np.ndarray]) -> float:
    """Sum of squares that a linear model of these columns leaves of y."""
    x = np.stack([np.ones(len(y)), *columns], 1)
    return float(np.square(y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).sum())


@pytest.mark.parametrize("branches", [2, 3, 4])
@pytest.mark.parametrize("ties", [False, True])
def test_the_share_is_kruskals_statistic_over_what_it_can_be(branches: int, ties: bool) -> None:
    rng = np.random.default_rng(branches)
    branch, values = rng.permutation(dealt(48, branches)), rng.normal(size=48)
    values = np.round(values) if ties else values
    groups = [values[branch == b] for b in range(branches)]
    assert rank_share(values, branch) == pytest.approx(kruskal(*groups).statistic / 47)
    assert rank_share(np.exp(values), branch) == pytest.approx(rank_share(values, branch))


def test_branches_that_part_wholly_and_branches_that_are_alike() -> None:
    """Two halves of ranks have three quarters of the variance between them, n branches 1 − 1/n² about."""
    for branches in (2, 4):
        found = rank_eta_squared(np.arange(48.0), dealt(48, branches), draws=2000, seed=0)
        assert found.share == pytest.approx((1 - 1 / branches**2) * 48**2 / (48**2 - 1))
        assert found.p == 1 / 2001
        assert found.beyond_chance
    alike = rank_eta_squared(np.repeat(np.arange(24.0), 2), np.tile([0, 1], 24), draws=2000, seed=0)
    assert alike.share == pytest.approx(0, abs=1e-12)
    assert alike.p == 1
    assert not alike.beyond_chance


def test_values_in_groups_part_by_their_group_alone() -> None:
    values = np.repeat([0.0, 1.0], 24)
    assert rank_share(values, dealt(48, 2)) == pytest.approx(1)
    assert rank_share(values, np.tile([0, 1], 24)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("branches", [2, 4])
def test_the_null_has_the_expected_share_of_a_random_deal(branches: int) -> None:
    found = rank_eta_squared(np.random.default_rng(0).normal(size=48), dealt(48, branches), draws=4000, seed=1)
    assert found.expected == pytest.approx((branches - 1) / 47, rel=0.06)
    # H is about chi-squared with one degree of freedom less than there are branches.
    assert found.limit == pytest.approx({2: 3.84, 4: 7.81}[branches] / 47, rel=0.1)
    again = rank_eta_squared(np.random.default_rng(0).normal(size=48), dealt(48, branches), draws=4000, seed=1)
    assert np.array_equal(found.null, again.null)


def test_small_branches_have_the_p_value_of_all_deals() -> None:
    """Of the 20 ways to deal six units to two branches of three, two part wholly."""
    found = rank_eta_squared(np.arange(6.0), dealt(6, 2), draws=20000, seed=0)
    assert found.p == pytest.approx(0.1, abs=0.01)


def test_what_is_left_beyond_a_property_is_that_of_the_linear_model() -> None:
    rng = np.random.default_rng(3)
    third, branch = rng.normal(size=60), dealt(60, 3)
    values = third + 0.5 * branch + rng.normal(size=60)
    y, x = rankdata(values), rankdata(third)
    groups = [(branch == b).astype(float) for b in (1, 2)]
    without, beyond = residuals(y, [x]), residuals(y, [x, *groups])
    assert rank_share(values, branch, third) == pytest.approx(1 - beyond / without)


def test_what_parts_only_with_another_property_does_not_part_beyond_it() -> None:
    rng = np.random.default_rng(5)
    colour = np.repeat([0.0, 1.0], 48) + 0.3 * rng.normal(size=96)
    frequency = -colour + 0.3 * rng.normal(size=96)
    branch = dealt(96, 2)
    assert rank_eta_squared(frequency, branch, draws=2000, seed=0).beyond_chance
    assert not rank_eta_squared(frequency, branch, colour, draws=2000, seed=0).beyond_chance
    own = frequency + np.tile([0.0, 1.0], 48)
    assert rank_eta_squared(own, np.tile([0, 1], 48), colour, draws=2000, seed=0).beyond_chance


@pytest.mark.parametrize("kind", ["plain", "beyond a property that parts"])
def test_chance_passes_as_often_as_it_says(kind: str) -> None:
    rng = np.random.default_rng(0)
    branch, passed = dealt(48, 2), 0
    for seed in range(300):
        third = rng.normal(size=48) + 1.5 * branch
        values = rng.normal(size=48) + (0 if kind == "plain" else third)
        found = rank_eta_squared(values, branch, None if kind == "plain" else third, draws=200, seed=seed)
        passed += found.beyond_chance
    assert passed / 300 < 0.08


def test_networks_split_at_random_part_as_the_null_says() -> None:
    rng = np.random.default_rng(1)
    values, third = rng.normal(size=(2, 48))
    for without in (None, third):
        shares = random_split_shares(values, without, branches=4, draws=1500, seed=0)
        null = rank_eta_squared(values, dealt(48, 4), without, draws=1500, seed=0).null
        assert shares.mean() == pytest.approx(null.mean(), rel=0.08)
        assert np.quantile(shares, 0.95) == pytest.approx(np.quantile(null, 0.95), rel=0.12)


def test_the_area_is_folded_and_only_that_of_two_branches() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=40) - dealt(40, 2)
    area = mannwhitneyu(values[:20], values[20:]).statistic / 400
    assert folded_auc(values, dealt(40, 2)) == folded_auc(-values, dealt(40, 2)) == pytest.approx(max(area, 1 - area))
    assert math.isnan(folded_auc(values, dealt(40, 4)))
    assert math.isnan(folded_auc(values, np.zeros(40, int)))


def test_units_without_the_property_are_left_out() -> None:
    rng = np.random.default_rng(4)
    values, branch = rng.normal(size=48), dealt(48, 2)
    gone = values.copy()
    gone[[3, 30, 31]] = np.nan
    there = ~np.isnan(gone)
    found, without = (
        rank_eta_squared(gone, branch, draws=100, seed=0),
        rank_eta_squared(values[there], branch[there], draws=100, seed=0),
    )
    assert (found.share, found.p, found.units) == (without.share, without.p, 45)
    assert folded_auc(gone, branch) == folded_auc(values[there], branch[there])
    third = np.where(np.arange(48) == 7, np.nan, rng.normal(size=48))
    assert rank_eta_squared(gone, branch, third, draws=10, seed=0).units == 44


@pytest.mark.parametrize(
    ("values", "branch", "without"),
    [
        (np.ones(8), dealt(8, 2), None),
        (np.arange(8.0), np.zeros(8, int), None),
        (np.full(8, np.nan), dealt(8, 2), None),
        (np.arange(8.0), dealt(8, 2), np.arange(8.0) ** 3),
        (np.arange(1.0), np.zeros(1, int), None),
    ],
)
def test_where_there_is_no_share_it_is_none(values: np.ndarray, branch: np.ndarray, without: np.ndarray | None) -> None:
    found: RankEtaSquared = rank_eta_squared(values, branch, without, draws=20, seed=0)
    assert math.isnan(found.share)
    assert math.isnan(found.p)
    assert not found.beyond_chance
    assert len(found.null) == 20


def test_dead_filters_are_those_far_below_the_upper_quartile() -> None:
    strength = np.array([0.0, 0.04, 0.06, 1.0, 1.0, 1.0, 1.0, 9.0])
    assert living(strength).tolist() == [False, False, True, True, True, True, True, True]
    assert living(np.ones(5)).all()
    assert not living(np.zeros(5)).any()


def test_properties_of_other_lengths_are_refused() -> None:
    with pytest.raises(WbsiteError, match=r"\(8,\), \(6,\)"):
        rank_share(np.arange(8.0), dealt(6, 2))
    with pytest.raises(WbsiteError, match=r"\(8,\), \(8,\), \(7,\)"):
        rank_eta_squared(np.arange(8.0), dealt(8, 2), np.arange(7.0), draws=10, seed=0)
