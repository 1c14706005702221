"""Weights across a bottleneck are shown over the right units of the right map."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.input_map import InputMap


class Narrowed(nn.Module):
    input_shape = (3, 32, 32)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 5, padding=2)
        self.other = nn.Conv2d(3, 4, 3, padding=1)
        self.both = nn.ReLU()
        self.squeeze = nn.Conv2d(10, 3, 1)
        self.norm = nn.BatchNorm2d(5)
        self.spatial = nn.Conv2d(3, 5, 3, padding=1)
        self.grouped = nn.Conv2d(10, 4, 3, padding=1, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = self.both(torch.cat([self.first(x), self.other(x)], 1))
        pooled = nn.functional.max_pool2d(both, 3, 2)
        behind = self.norm(self.spatial(self.squeeze(pooled).relu())).relu()
        return behind.mean((2, 3)) + self.grouped(both).mean((1, 2, 3))[:, None]


@pytest.fixture
def wires() -> ChannelMap:
    torch.manual_seed(0)
    module = Narrowed().eval()
    with torch.no_grad():
        module.norm.weight.copy_(torch.tensor([1.0, -2, 0.5, 1, 1]))
    return ChannelMap(Recorded.of(module), ("first", "other", "squeeze", "spatial", "grouped"))


def test_across_a_bottleneck_kernels_are_composed_over_the_pooled_map(wires: ChannelMap) -> None:
    wide = InputMap.of(wires, "spatial")
    assert (wide.layer, wide.side, wide.bottleneck) == ("squeeze", "input", ("squeeze",))
    assert wide.units == [*(("first", i) for i in range(6)), *(("other", i) for i in range(4))]
    module = wires.recorded.module
    scale = module.norm.weight / (1 + module.norm.eps) ** 0.5
    expected = torch.einsum("obhw,bc,o->ochw", module.spatial.weight, module.squeeze.weight[:, :, 0, 0], scale)
    torch.testing.assert_close(wide.kernels("spatial"), expected.detach())
    torch.testing.assert_close(wide.kernels("spatial", [3, 1]), expected.detach()[[3, 1]])


def test_without_a_bottleneck_they_are_the_layers_own_and_other_groups_are_zero(wires: ChannelMap) -> None:
    wide = InputMap.of(wires, "grouped")
    assert (wide.layer, wide.bottleneck, wide.channels) == ("grouped", (), 10)
    kernels, weight = wide.kernels("grouped"), wires.recorded.module.grouped.weight.detach()
    torch.testing.assert_close(kernels[:2, :5], weight[:2])
    torch.testing.assert_close(kernels[2:, 5:], weight[2:])
    assert not kernels[:2, 5:].any() and not kernels[2:, :5].any()


def test_a_layer_that_does_not_read_the_map_is_refused(wires: ChannelMap) -> None:
    with pytest.raises(WbsiteError, match="grouped does not depend on what squeeze reads"):
        InputMap.of(wires, "spatial").kernels("grouped")
