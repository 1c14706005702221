"""Gradients of many units at once must be those that autograd gives for one: all expanded weights are."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from wbsite.graph.linear import LinearForm
from wbsite.graph.recording import record
from wbsite.graph.tape import INPUT, execute
from wbsite.ops.expanded.transposed import Transposed


class Odd(nn.Module):
    """Strides that leave a rest, ceiling pools with padding, groups, a value read twice, a part cut out, one that two
    calls make of one, and a fully connected end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 4, stride=3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding="same", groups=2, dilation=2)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 4 * 3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.local_response_norm(self.first(x).relu(), 3, k=2.0)
        left, right = F.max_pool2d(x, 3, 2, 1, ceil_mode=True).chunk(2, 1)
        x = torch.cat((right, left), 1)
        x = x + self.norm(self.second(x)).relu() + x * 0.5
        return self.fc(x[:, :, 1:, :3].flatten(1))


@pytest.mark.parametrize("magnitude", [False, True])
@pytest.mark.parametrize("name", ["odd", "googlenet", "mobilenet_v2"])
def test_gradients_are_autograds(name: str, magnitude: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = {"init_weights": False} if name == "googlenet" else {}
        module = Odd() if name == "odd" else getattr(torchvision.models, name)(weights=None, **options)
        side = 25 if name == "odd" else 64
        tape = record(module.double().eval().requires_grad_(False), (3, side, side))
        end = tape.value("")
        gradients = torch.randn(4, tape.shapes[end][1], dtype=torch.float64)
    calls, form = tape.path(INPUT, end), LinearForm(tape.shapes, magnitude=magnitude)
    x = torch.zeros(1, 3, side, side, dtype=torch.float64)
    found = Transposed(calls, INPUT, end, x, form)(gradients)
    x.requires_grad_()
    (made,) = execute(calls, {INPUT: x}, (end,), form).values()
    for row, gradient in zip(found, gradients, strict=True):
        (expected,) = torch.autograd.grad(made, x, gradient[None], retain_graph=True)
        torch.testing.assert_close(row, expected[0], rtol=1e-9, atol=1e-9 * float(expected.abs().max()))
