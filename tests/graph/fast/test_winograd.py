"""Convolutions in fewer multiplications are those convolutions, up to rounding, and only where that takes less time."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.graph.fast.winograd import Winograd, with_fewer_products
from wbsite.graph.recording import record
from wbsite.graph.tape import Call


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize(("pictures", "channels", "side"), [(2, 64, (30, 31)), (5, 96, (16, 16)), (1, 64, (18, 66))])
def test_it_is_the_convolution(
    pictures: int, channels: int, side: tuple[int, int], padding: tuple[int, int], bias: bool
) -> None:
    x = numbers(pictures, channels, *side).relu().contiguous(memory_format=torch.channels_last)
    weight, shift = numbers(128, channels, 3, 3, seed=1), numbers(128, seed=2) if bias else None
    found = Winograd.of(weight, shift, padding)(x)
    exact = F.conv2d(x.double(), weight.double(), None if shift is None else shift.double(), padding=padding)
    assert found.shape == exact.shape
    rounding = float((F.conv2d(x, weight, shift, padding=padding) - exact).abs().max())
    error = float((found - exact).abs().max())
    assert 0 < error < 8 * rounding, "larger than what the convolution itself makes, but as small in kind"


@pytest.mark.parametrize("side", [(3, 3), (5, 5), (3, 40)])
def test_small_maps_are_convolved_as_ever(side: tuple[int, int]) -> None:
    x, weight = numbers(2, 64, *side), numbers(64, 64, 3, 3, seed=1)
    assert torch.equal(Winograd.of(weight, None, (0, 0))(x), F.conv2d(x, weight))


def test_maps_that_do_not_fit_are_refused_as_by_torch() -> None:
    convolution = Winograd.of(numbers(64, 64, 3, 3), None, (0, 0))
    for shape in ((1, 64, 2, 30), (1, 32, 30, 30)):
        with pytest.raises(RuntimeError):
            convolution(torch.zeros(shape))


def only_call(module: nn.Module, side: int = 24) -> Call:
    return record(module.eval(), (3, side, side)).calls[-1]


def test_a_recorded_convolution_is_replaced_and_computes_the_same() -> None:
    net = nn.Sequential(nn.Conv2d(3, 64, 1), nn.Conv2d(64, 96, 3, padding=1))
    call = only_call(net)
    quick = with_fewer_products(call)
    assert isinstance(quick.function, Winograd)
    assert (quick.operation, quick.inputs, quick.outputs) == ("conv2d", call.inputs, call.outputs)
    x = numbers(2, 64, 24, 24)
    torch.testing.assert_close(quick.run({call.inputs[0]: x}), call.run({call.inputs[0]: x}), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        nn.Conv2d(64, 64, 3, stride=2),
        nn.Conv2d(64, 64, 3, dilation=2),
        nn.Conv2d(64, 64, 3, groups=2),
        nn.Conv2d(64, 64, 3, padding="same"),
        nn.Conv2d(64, 64, 5),
        nn.Conv2d(64, 2, 3),
        nn.ReLU(),
    ],
)
def test_others_stay_as_they_are(last: nn.Module) -> None:
    call = only_call(nn.Sequential(nn.Conv2d(3, 64, 1), last))
    assert with_fewer_products(call) is call


def test_in_double_precision_nothing_changes() -> None:
    call = only_call(nn.Sequential(nn.Conv2d(3, 64, 1), nn.Conv2d(64, 96, 3)).double())
    assert with_fewer_products(call) is call
