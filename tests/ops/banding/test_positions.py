"""Variance of a fully connected layer by position: the article's answer to "does a head use vertical position?"."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.ops.banding.positions import as_maps, position_shares


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_agrees_with_the_definition_written_out() -> None:
    weight = normal(5, 3, 4, 6).numpy().astype(np.float64)
    row = column = total = 0.0
    energy = np.zeros((4, 6))
    for unit in weight:
        for one in unit:
            centred = one - one.mean()
            energy += centred**2 / 15
            total += (centred**2).sum()
            row += sum(6 * centred[y].mean() ** 2 for y in range(4))
            column += sum(4 * centred[:, x].mean() ** 2 for x in range(6))
    found = position_shares(weight, resamples=10)
    assert (found.shares.row_share, found.shares.column_share) == pytest.approx((row / total, column / total))
    np.testing.assert_allclose(found.energy, energy)
    np.testing.assert_allclose(found.by_y, energy.mean(1))
    np.testing.assert_allclose(found.by_x, energy.mean(0))
    assert (found.shares.null_row_share, found.shares.null_column_share) == pytest.approx((3 / 23, 5 / 23))


def test_weights_that_depend_on_height_alone_are_explained_by_it() -> None:
    weight = normal(8, 5, 4, 1).expand(8, 5, 4, 4)
    found = position_shares(weight, resamples=10)
    assert (found.shares.row_share, found.shares.column_share) == pytest.approx((1.0, 0.0))
    np.testing.assert_allclose(found.by_x, float(found.energy.mean()))
    turned = position_shares(weight.transpose(2, 3), resamples=10)
    assert (turned.shares.index, turned.shares.low) == pytest.approx((-1.0, -1.0))


def test_a_row_that_is_read_strongly_stands_out_in_the_profile() -> None:
    weight = normal(64, 32, 4, 4)
    weight[:, :, 0] *= 3
    found = position_shares(weight, resamples=10)
    assert found.by_y[0] > 4 * found.by_y[1:].max()
    assert found.by_x.max() < 1.1 * found.by_x.min()


def test_maps_have_the_order_in_which_torch_flattens() -> None:
    linear = nn.Linear(3 * 4 * 5, 7, bias=False)
    x = normal(2, 3, 4, 5)
    maps = as_maps(linear.weight, (3, 4, 5))
    torch.testing.assert_close(torch.einsum("ochw,nchw->no", maps, x), linear(x.flatten(1)))


def test_large_layers_are_summed_in_parts_alike() -> None:
    weight = normal(300, 512, 6, 6).half()
    found = position_shares(weight, resamples=2)
    maps = weight.double()
    expected = (maps - maps.mean((2, 3), keepdim=True)).square().mean((0, 1))
    torch.testing.assert_close(found.energy, expected)


def test_constant_maps_have_no_shares() -> None:
    found = position_shares(torch.ones(4, 3, 2, 2))
    assert math.isnan(found.shares.index)
    assert not found.energy.any()


def test_refuses_other_shapes_saying_what_fits() -> None:
    with pytest.raises(WbsiteError, match=r"\(7, 60\); a layer that reads a 3×4×6 map has \(outputs, 72\)"):
        as_maps(normal(7, 60), (3, 4, 6))
    with pytest.raises(WbsiteError, match="60"):
        as_maps(normal(7, 60, 1, 1), (3, 4, 5))
    with pytest.raises(WbsiteError, match="1×8"):
        position_shares(normal(2, 3, 1, 8))
    with pytest.raises(WbsiteError, match="NaN"):
        position_shares(torch.full((2, 3, 4, 4), torch.nan))
