"""Factors are worth showing only if two groups of inputs that make a family up are found as two."""

from __future__ import annotations

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.expanded.weight_factors import explained_by_count, weight_factors


@pytest.fixture
def family() -> torch.Tensor:
    """Units that are excited by one group of inputs on one side and inhibited by another there, (4, 10, 3, 3)."""
    fine, coarse = torch.zeros(10), torch.zeros(10)
    fine[[1, 4]], coarse[[2, 7, 8]] = torch.tensor([3.0, 4.0]), torch.tensor([2.0, 2.0, 1.0])
    side = torch.tensor([[1.0, 0, -1]] * 3)
    maps = torch.stack([side, -side, side.T, -side.T])
    return torch.einsum("uhw,c->uchw", maps, 1.5 * fine - coarse)


def test_two_groups_are_two_factors_with_opposite_maps(family: torch.Tensor) -> None:
    found = weight_factors(family, 2)
    assert found.explained == pytest.approx(1, abs=1e-3)
    assert found.inputs[0].nonzero().flatten().tolist() == [1, 4]
    assert found.shares[0][[1, 4]].tolist() == pytest.approx([3 / 7, 4 / 7], abs=1e-3)
    assert found.shares[1][[2, 7, 8]].tolist() == pytest.approx([0.4, 0.4, 0.2], abs=1e-3)
    fine, coarse = found.maps[..., 0], found.maps[..., 1]
    assert (fine[0, :, 0] > 0).all() and (fine[0, :, 2] < 0).all()
    torch.testing.assert_close(fine.sign(), -coarse.sign())


def test_the_product_is_the_weights(family: torch.Tensor) -> None:
    found = weight_factors(family, 2)
    rebuilt = torch.einsum("uhwn,nc->uchw", found.maps, found.inputs)
    torch.testing.assert_close(rebuilt, family, atol=0.02, rtol=0)


def test_more_factors_explain_more(family: torch.Tensor) -> None:
    torch.manual_seed(0)
    noisy = family + 0.3 * torch.randn(family.shape)
    explained = list(explained_by_count(noisy, range(1, 7)).values())
    assert explained == sorted(explained)
    assert 0 < explained[0] < explained[1] < 1


def test_units_of_zeros_explain_nothing() -> None:
    found = weight_factors(torch.zeros(2, 3, 3, 3), 2)
    assert found.explained == 0
    assert not found.shares.any()


def test_kernels_without_positions_are_refused() -> None:
    with pytest.raises(WbsiteError, match="1×1"):
        weight_factors(torch.ones(2, 3, 1, 1), 2)
