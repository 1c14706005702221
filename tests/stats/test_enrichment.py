"""Statistics of branches, against published values, slow obvious versions and scipy's own."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import stats

from wbsite.core.errors import WbsiteError
from wbsite.stats.enrichment import (
    counts,
    enrichment_p_value,
    false_discovery,
    familywise,
    odds_ratio,
    shuffled_sums,
    upper_tail,
)
from wbsite.stats.permanova import permanova, standard_ranks
from wbsite.stats.roc_auc import roc_auc


def exact(k: int, category: int, branch: int, layer: int) -> Fraction:
    ways = [comb(category, i) * comb(layer - category, branch - i) for i in range(k, min(category, branch) + 1)]
    return Fraction(sum(ways), comb(layer, branch))


@pytest.mark.parametrize(
    ("given", "expected"), [((9, 9, 32, 256), 2.4847e-9), ((30, 30, 96, 480), 1.6794e-23), ((0, 0, 3, 5), 1.0)]
)
def test_the_published_counts_have_their_probabilities(given: tuple[int, int, int, int], expected: float) -> None:
    assert enrichment_p_value(*given) == pytest.approx(expected, rel=5e-5)


@pytest.mark.parametrize("given", [(3, 7, 12, 40), (1, 1, 1, 1), (0, 5, 5, 10), (200, 900, 700, 3000)])
def test_it_is_the_exact_tail(given: tuple[int, int, int, int]) -> None:
    assert enrichment_p_value(*given) == pytest.approx(float(exact(*given)), rel=1e-9)
    assert float(upper_tail(np.array(given[0]), *given[1:])) == enrichment_p_value(*given)  # type: ignore[arg-type]


def test_counts_of_numpy_and_torch_are_taken() -> None:
    torch = pytest.importorskip("torch")
    given = (np.int64(9), torch.tensor(9), np.uint8(32), 256)
    assert enrichment_p_value(*given) == enrichment_p_value(9, 9, 32, 256)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((10, 9, 32, 256), "share 0 to 9"),
        ((-1, 9, 32, 256), "share 0 to 9"),
        ((0, 9, 8, 10), "share 7 to 8"),
        ((1, 300, 32, 256), "category is 300"),
        ((1, 9, -1, 256), "branch is -1"),
        ((0, 0, 0, 0), "a layer of 0 units"),
        ((1.5, 9, 32, 256), "k is 1.5"),
        (("9", 9, 32, 256), "k is '9'"),
        ((1, float("nan"), 32, 256), "category is nan"),
        ((None, 9, 32, 256), "k is None"),
    ],
)
def test_counts_of_no_units_are_refused(given: tuple[int, int, int, int], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        enrichment_p_value(*given)


def test_the_odds_ratio_is_that_of_the_table_with_a_half_in_each_cell() -> None:
    ratio, low, high = odds_ratio(np.array([9, 0, 5]), np.array([9, 0, 10]), np.array([32, 32, 50]), 256)
    middle = np.log(9.5 * 224.5 / (23.5 * 0.5))
    half = stats.norm.ppf(0.975) * np.sqrt(1 / 9.5 + 1 / 224.5 + 1 / 23.5 + 1 / 0.5)
    np.testing.assert_allclose([ratio[0], low[0], high[0]], np.exp([middle, middle - half, middle + half]))
    assert np.isnan([ratio[1], low[1], high[1]]).all(), "an empty category has no odds"
    assert low[2] < ratio[2] < high[2]


def some_layer() -> tuple[np.ndarray, np.ndarray]:
    branch = np.repeat([0, 1, 2], [4, 7, 9])
    categories = np.zeros((20, 3), bool)
    categories[:4, 0] = True  # all of the first branch
    categories[::3, 1] = True
    return branch, categories


def test_units_are_counted_and_their_labels_permuted_with_branch_sizes_kept() -> None:
    branch, categories = some_layer()
    np.testing.assert_array_equal(counts(branch, categories), [[4, 2, 0], [0, 2, 0], [0, 3, 0]])
    drawn = np.concatenate(list(shuffled_sums(np.bincount(branch), categories.astype(int), 4000, 0)))
    assert drawn.shape == (4000, 3, 3)
    assert (drawn.sum(1) == categories.sum(0)).all()
    for b, size in enumerate((4, 7, 9)):  # each cell alone is hypergeometric
        for c, total in enumerate((4, 7)):
            k = np.arange(5)
            at_least = (drawn[:, b, c, None] >= k).mean(0)
            np.testing.assert_allclose(at_least, upper_tail(k, total, size, 20), atol=0.03)  # type: ignore[arg-type]


def test_familywise_p_is_what_permuting_one_layer_at_a_time_gives() -> None:
    branch, categories = some_layer()
    found = familywise(branch, categories, 2000, 0)
    rng = np.random.default_rng(1)

    def p_of(labels: np.ndarray) -> np.ndarray:
        k = counts(labels, categories)
        sizes, totals = np.bincount(branch), categories.sum(0)
        return np.array([[enrichment_p_value(k[b, c], totals[c], sizes[b], 20) for c in range(3)] for b in range(3)])

    smallest = np.array([p_of(rng.permutation(branch)).min() for _ in range(400)])
    own = p_of(branch)
    slow = (1 + (smallest[:, None, None] <= own * (1 + 1e-9)).sum(0)) / 401
    np.testing.assert_allclose(found, slow, atol=0.05)
    assert (found >= own - 0.02).all(), "less than without regard to how many cells there are"
    np.testing.assert_array_equal(found, familywise(branch, categories, 2000, 0))


def test_false_discovery_leaves_out_what_was_no_test() -> None:
    q = false_discovery(np.array([0.01, np.nan, 0.04, 0.03]))
    np.testing.assert_allclose(q, [0.03, np.nan, 0.04, 0.04])
    assert np.isnan(false_discovery(np.array([np.nan]))).all()
    assert false_discovery(np.array([])).shape == (0,)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.integers(0, 5, 13).astype(float), rng.integers(1, 7, 21).astype(float)
    found = roc_auc(np.append(inside, np.nan), outside)
    pairs = inside[:, None] - outside
    assert found.auc == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2)
    assert (found.inside, found.outside) == (13, 21)
    assert found.p == pytest.approx(stats.mannwhitneyu(inside, outside).pvalue)
    turned = roc_auc(outside, inside)
    assert (turned.low, turned.high) == pytest.approx((1 - found.high, 1 - found.low))


@pytest.mark.parametrize(("n", "m", "shift", "scale"), [(32, 224, 0.0, 1.0), (32, 224, 1.0, 2.0), (48, 48, 2.0, 1.0)])
def test_the_interval_holds_the_true_area_as_often_as_it_says(n: int, m: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    true = stats.norm.cdf(shift / np.hypot(1, scale))
    found = [roc_auc(rng.normal(shift, scale, n), rng.normal(size=m)) for _ in range(400)]
    held = np.mean([one.low <= true <= one.high for one in found])
    assert held > 0.92
    assert np.mean([one.high - one.low for one in found]) < 0.26


def test_sets_that_part_wholly_or_not_at_all_have_an_interval() -> None:
    apart = roc_auc(np.arange(48) + 48.0, np.arange(48.0))
    assert apart.auc == apart.high == 1
    assert 0.9 < apart.low < 0.99
    tied = roc_auc(np.ones(5), np.ones(9))
    assert (tied.auc, tied.p) == (0.5, 1.0)
    assert tied.low < 0.5 < tied.high
    none = roc_auc(np.array([np.nan]), np.arange(3.0))
    assert np.isnan([none.auc, none.low, none.high, none.p]).all()


def test_a_block_that_differs_is_found_and_only_that_one() -> None:
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(5), 40)
    indices = rng.normal(size=(200, 4))
    indices[block == 3, :2] += 1.5
    indices[rng.random((200, 4)) < 0.1] = np.nan
    found = permanova(block, indices, 999, 0)
    assert found.p[3] == 0.001
    assert (np.delete(found.p, 3) > 0.01).all()
    assert found.share_p == 0.001
    assert found.share > 2 * found.expected_share


def test_blocks_are_compared_by_the_statistic_that_is_documented() -> None:
    rng = np.random.default_rng(0)
    block = np.repeat([0, 1, 2], [3, 5, 4])
    indices = np.column_stack([rng.normal(size=12), np.full(12, 7.0), rng.integers(0, 3, 12)])
    found = permanova(block, indices, 200, 0)
    z = np.column_stack([stats.zscore(stats.rankdata(indices[:, j])) for j in (0, 2)])  # the constant one says nothing
    np.testing.assert_allclose(standard_ranks(indices), z)
    for b, n in enumerate((3, 5, 4)):
        expected = (z[block == b].mean(0) ** 2).mean() / ((12 - n) / (n * 11))
        assert found.statistic[b] == pytest.approx(expected)
    means = [z[block == b].mean(0) for b in range(3)]
    assert found.share == pytest.approx(sum(n * (m**2).mean() for n, m in zip((3, 5, 4), means, strict=True)) / 12)
    assert found.expected_share == pytest.approx(2 / 11, abs=0.02)  # (B − 1) / (N − 1)


def test_what_grows_steadily_with_depth_is_identified() -> None:
    block = np.repeat(np.arange(6), 30)
    rng = np.random.default_rng(0)
    steady = permanova(block, (block + rng.normal(size=180))[:, None], 99, 0)
    alternating = permanova(block, (block % 2 * 3 + rng.normal(size=180))[:, None], 99, 0)
    assert steady.depth_share > 0.9
    assert alternating.depth_share < 0.3


def test_indices_that_are_all_undefined_compare_nothing() -> None:
    found = permanova(np.array([0, 1, 1]), np.full((3, 2), np.nan), 10, 0)
    assert np.isnan(found.p).all()


@pytest.mark.parametrize("decimals", [1, 12])
def test_p_of_an_area_is_mann_whitneys(decimals: int) -> None:
    """With ties and without, of few units (exact) and of many (normal)."""
    rng = np.random.default_rng(0)
    for n, m in itertools.product((2, 8, 9, 40), (3, 8, 9, 100)):
        inside, outside = rng.normal(0.5, 1, n).round(decimals), rng.normal(size=m).round(decimals)
        expected = stats.mannwhitneyu(inside, outside)
        found = roc_auc(inside, outside)
        assert found.p == pytest.approx(min(1, expected.pvalue), rel=1e-9)
        assert found.auc == pytest.approx(expected.statistic / (n * m), rel=1e-12)
