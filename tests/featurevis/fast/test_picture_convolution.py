"""A gradient that is computed faster must be the same."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.featurevis.fast.frozen import frozen
from wbsite.featurevis.fast.picture_convolution import PictureConvolution
from wbsite.graph.recording import record

STRIDES = ((1, 1), (2, 2), (4, 3))
PADDINGS = ((0, 0), (3, 2))
SIZES = ((16, 16), (15, 22), (23, 18))


@pytest.mark.parametrize("kernel", [(7, 7), (5, 3), (1, 1), (11, 11), (2, 2)])
def test_output_and_gradient_are_torchs_at_every_stride_padding_and_size(kernel: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    for stride, padding, size, channels in itertools.product(STRIDES, PADDINGS, SIZES, (1, 3)):
        weight, bias, x = draw(5, channels, *kernel), draw(5), draw(2, channels, *size).requires_grad_()
        expected = F.conv2d(x, weight, bias, stride, padding)
        output = PictureConvolution.of(weight, bias, stride, padding)(x)
        assert torch.equal(output, expected)
        cotangent = draw(*expected.shape)
        gradients = [torch.autograd.grad(value, x, cotangent)[0] for value in (output, expected)]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("first", "replaced"),
    [
        (nn.Conv2d(3, 8, 7, stride=2, padding=3), True),
        (nn.Conv2d(1, 8, (3, 5), stride=(1, 2), bias=False), True),
        (nn.Conv2d(3, 8, 7, padding=3), True),
        (nn.Conv2d(3, 8, 1), False),
        (nn.Conv2d(3, 6, 3, stride=2, groups=3), False),
        (nn.Conv2d(3, 8, 3, stride=2, dilation=2), False),
        (nn.Conv2d(8, 8, 3, stride=2), False),
    ],
)
def test_convolutions_of_pictures_are_replaced_where_that_gains_and_no_others(first: nn.Conv2d, replaced: bool) -> None:
    module = nn.Sequential(first, nn.BatchNorm2d(first.out_channels), nn.ReLU()).eval()
    tape = record(module, (first.in_channels, 21, 18))
    value = tape.value("")
    program = frozen(tape.program([value]), torch.device("cpu"), torch.float32, True, {})
    assert any(isinstance(call.function, PictureConvolution) for call in program.calls) == replaced
    x = torch.rand(2, first.in_channels, 21, 18, generator=torch.Generator().manual_seed(0)).requires_grad_()
    outputs = program(x)[value], module(x)
    gradients = [torch.autograd.grad(output.sum(), x)[0] for output in outputs]
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)
