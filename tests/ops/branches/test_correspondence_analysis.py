"""Factors of connection strengths: blocks that were planted are found, chance and overall strength are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.branches.correspondence_analysis import (
    balanced,
    connectivity_factors,
    null_values,
    shuffled_strengths,
    strengths,
)


def planted(rng: np.random.Generator, outputs: int = 40, inputs: int = 30) -> torch.Tensor:
    """Two blocks, half of the units each, three times as strong inside, of kernels 3 × 3 with random signs; the
    overall strengths of units spread over a factor of ten."""
    inside = (np.arange(outputs)[:, None] < outputs // 2) == (np.arange(inputs)[None] < inputs // 2)
    scale = 10 ** rng.uniform(0, 1, (outputs, 1)) * 10 ** rng.uniform(0, 1, (1, inputs))
    weight = rng.normal(size=(outputs, inputs, 3, 3)) * (np.where(inside, 3, 1) * scale)[..., None, None]
    return torch.from_numpy(weight)


def test_factors_are_those_of_the_formula() -> None:
    """χ²/n, the weighted moments of coordinates, and the residuals put together again."""
    weight = torch.randn(12, 9, 3, 3, generator=torch.Generator().manual_seed(0))
    a = weight.double().abs().sum((2, 3)).numpy()
    p = a / a.sum()
    r, c = p.sum(1), p.sum(0)
    found = connectivity_factors(weight)
    expected = (p - np.outer(r, c)) / np.sqrt(np.outer(r, c))
    np.testing.assert_allclose(found.strength, a)
    np.testing.assert_allclose(found.residuals, expected, atol=1e-15)
    assert found.inertia == pytest.approx((a.sum() * expected**2).sum() / a.sum())
    assert found.values.shape == (8,)
    assert found.shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(c @ found.inputs, 0, atol=1e-12)
    np.testing.assert_allclose((found.inputs * c[:, None]).T @ found.inputs, np.diag(found.values**2), atol=1e-12)
    np.testing.assert_allclose((found.outputs * r[:, None]).T @ found.outputs, np.diag(found.values**2), atol=1e-12)
    # Reconstruction formula: A/n = r cᵀ (1 + Σ f_k g_k / σ_k).
    again = np.outer(r, c) * (1 + found.outputs / found.values @ found.inputs.T)
    np.testing.assert_allclose(again, p, atol=1e-12)
    # Distances between inputs over all factors are chi-squared distances of their profiles.
    profiles = p / c
    for i, j in ((0, 1), (3, 8)):
        chi = ((profiles[:, i] - profiles[:, j]) ** 2 / r).sum()
        assert ((found.inputs[i] - found.inputs[j]) ** 2).sum() == pytest.approx(chi)


def test_a_planted_block_is_the_first_factor_whatever_the_units_strengths() -> None:
    weight = planted(np.random.default_rng(0))
    found = connectivity_factors(weight)
    first = found.inputs[:, 0] > 0
    assert set(first[:15]) != set(first[15:]) and len(set(first[:15])) == len(set(first[15:])) == 1
    outputs = found.outputs[:, 0] > 0
    assert (outputs[:20] == first[0]).all() and (outputs[20:] != first[0]).all(), "read by their own block"
    null = null_values(found.strength, 50, 0, 2)
    assert found.values[0] > 1.5 * null[:, 0].max()
    assert found.values[1] < 1.2 * null[:, 1].max()


def test_random_weights_have_no_more_than_chance() -> None:
    """Over networks of random weights, p is below 5 % about as often as it says."""
    below = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scale = 10 ** rng.uniform(0, 0.5, (1, 20, 1, 1))
        found = connectivity_factors(rng.normal(size=(24, 20, 3, 3)) * scale)
        null = null_values(found.strength, 19, seed, 1)[:, 0]
        below += bool(found.values[0] > null.max())
    assert below <= 6, "2 expected of 40; 7 or more in one of 200 cases"


def test_overall_strength_alone_leaves_nothing() -> None:
    rng = np.random.default_rng(0)
    found = connectivity_factors(np.outer(rng.uniform(1, 9, 7), rng.uniform(1, 9, 5)))
    assert found.inertia == pytest.approx(0, abs=1e-20)
    assert not found.values.any()
    assert np.isfinite(found.inputs).all()


def test_scales_do_not_change_factors() -> None:
    """All weights together: exactly. Single units: with balanced strengths exactly, and little without."""
    rng = np.random.default_rng(0)
    weight = planted(rng).numpy()
    found = connectivity_factors(weight)
    np.testing.assert_allclose(connectivity_factors(1e-3 * weight).inputs, found.inputs, atol=1e-12)
    np.testing.assert_allclose(connectivity_factors(-weight).inputs, found.inputs)
    scaled = weight * rng.uniform(0.2, 5, (40, 1, 1, 1)) * rng.uniform(0.2, 5, (1, 30, 1, 1))
    one, other = (connectivity_factors(balanced(strengths(w))) for w in (weight, scaled))
    np.testing.assert_allclose(other.inputs[:, :2], one.inputs[:, :2], atol=1e-6)
    np.testing.assert_allclose(other.values, one.values, atol=1e-6)
    apart = connectivity_factors(scaled).inputs[:, 0]
    assert abs(np.corrcoef(apart, found.inputs[:, 0])[0, 1]) > 0.95


def test_a_unit_split_in_two_changes_no_other() -> None:
    """Distributional equivalence, which a plain singular value decomposition does not have."""
    a = strengths(planted(np.random.default_rng(1)))
    split = np.concatenate([a[:, :1] * 0.3, a[:, :1] * 0.7, a[:, 1:]], 1)
    found, other = connectivity_factors(a), connectivity_factors(split)
    np.testing.assert_allclose(other.inputs[0, :3], other.inputs[1, :3], atol=1e-9)
    np.testing.assert_allclose(np.abs(other.inputs[1:, :3]), np.abs(found.inputs[:, :3]), atol=1e-9)


def test_units_without_weights_have_no_place_and_move_no_other() -> None:
    weight = planted(np.random.default_rng(2), 10, 8)
    dead = torch.zeros(12, 9, 3, 3, dtype=torch.float64)
    dead[:10, :8] = weight
    found, other = connectivity_factors(weight), connectivity_factors(dead)
    assert np.isnan(other.inputs[8]).all() and np.isnan(other.outputs[10:]).all()
    np.testing.assert_allclose(other.inputs[:8], found.inputs, atol=1e-12)
    assert not other.residuals[:, 8].any()
    assert np.isfinite(balanced(other.strength)).all()
    assert not shuffled_strengths(other.strength, np.random.default_rng(0))[:, 8].any()


def test_the_null_keeps_overall_strengths_and_the_ratios() -> None:
    a = strengths(planted(np.random.default_rng(3), 120, 100))
    drawn = shuffled_strengths(a, np.random.default_rng(0))
    for axis in (0, 1):
        assert np.corrcoef(drawn.sum(axis), a.sum(axis))[0, 1] > 0.98
    expected = np.outer(a.sum(1), a.sum(0)) / a.sum()
    np.testing.assert_allclose(np.sort((drawn / expected).ravel()), np.sort((a / expected).ravel()))


def test_one_output_leaves_no_factor() -> None:
    assert connectivity_factors(torch.ones(1, 5, 1, 1)).inputs.shape == (5, 0)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (torch.zeros(3, 3, 1, 1), "all weights are zero"),
        (torch.full((2, 2, 1, 1), torch.nan), "not finite"),
        (torch.ones(4), r"shape \(4,\)"),
    ],
)
def test_what_is_no_kernel_is_refused(weight: torch.Tensor, said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        connectivity_factors(weight)
