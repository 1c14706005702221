"""Branches are called by what their layers' names share, unless that is the kind by which a framework numbers all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.graph.value_graph import DataFlow


class Chain(nn.Module):
    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names
        for name in names:
            self.add_module(name, nn.Conv2d(3, 3, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name in self.names:
            x = self.get_submodule(name)(x)
        return x


@pytest.mark.parametrize(
    ("others", "members", "name"),
    [
        (["conv2d_1"], ["conv2d_8", "conv2d_14"], ""),
        (["stem"], ["conv2d_8", "conv2d_14"], "conv2d"),
        (["b1_5x5", "b2_1x1"], ["b1_1x1", "b1_3x3"], "b1"),
        (["conv2d_1"], ["conv2d_8"], "conv2d_8"),
        (["stem"], ["head_a", "neck_a"], ""),
    ],
)
def test_numbers_have_nothing_in_common(others: list[str], members: list[str], name: str) -> None:
    net = Chain(*others, *members)
    shape = (3, 4, 4)
    flow = DataFlow(Recorded.of(net, shape), discover(net, shape).names)
    assert flow.common_name(members) == name
