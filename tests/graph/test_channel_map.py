"""What a connection joins: a wrong channel here puts a wrong picture beside every kernel."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.graph.channel_map import Bottleneck, ChannelMap, Reader
from wbsite.graph.channel_origin import ChannelOrigin
from wbsite.graph.recording import Recorded


class Branches(nn.Module):
    """A block of two branches, one through a bottleneck, a gate, a power average; grouped and dense heads."""

    input_shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.direct = nn.Conv2d(8, 5, 1)
        self.squeeze = nn.Conv2d(8, 2, 1)
        self.wide = nn.Conv2d(2, 7, 5, padding=2)
        self.gate = nn.Conv2d(12, 12, 1)
        self.grouped = nn.Conv2d(12, 6, 3, padding=1, groups=3)
        self.plain = nn.Conv2d(12, 4, 1)
        self.fc = nn.Linear(6 * 4 * 4, 3)
        self.pooled = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(x).relu()
        x = F.max_pool2d(x, 2)
        x = torch.cat((self.direct(x).relu(), self.wide(self.squeeze(x).relu()).relu()), 1)
        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        x = (F.avg_pool2d(x * x, 2) + 1e-6).sqrt()
        return self.fc(self.grouped(x).relu().flatten(1)), self.pooled(self.plain(x).mean((2, 3)))


LAYERS = ("stem", "direct", "squeeze", "wide", "gate", "grouped", "fc", "plain", "pooled")


@pytest.fixture(scope="module")
def wiring() -> ChannelMap:
    return ChannelMap(Recorded.of(Branches().eval()), LAYERS)


def test_a_kernels_channels_are_the_units_of_the_layers_it_reads(wiring: ChannelMap) -> None:
    both = (ChannelOrigin(("direct",), 0, 5), ChannelOrigin(("wide",), 0, 7))
    assert wiring.inputs["stem"] == (ChannelOrigin(("input",), 0, 3),)
    assert wiring.inputs["direct"] == (ChannelOrigin(("stem",), 0, 8),)
    assert wiring.inputs["gate"] == both
    assert wiring.inputs["grouped"] == both, "a gate and a power average keep channels apart"
    assert wiring.inputs["fc"] == (ChannelOrigin(("grouped",), 0, 6),), "before the map is flattened"


def test_every_reader_of_a_unit_is_known_with_its_channel(wiring: ChannelMap) -> None:
    assert wiring.readers["wide"] == [Reader(name, 5, 0, 7) for name in ("gate", "grouped", "plain")]
    assert wiring.input_channels("wide", "plain", 7).tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert wiring.input_channels("stem", "plain", 8).tolist() == [-1] * 8
    assert wiring.readers["fc"] == []


def test_a_dense_layers_weights_are_kernels_over_the_map_it_reads(wiring: ChannelMap) -> None:
    dense = wiring.recorded.module.fc.weight
    torch.testing.assert_close(wiring.kernels("fc"), dense.reshape(3, 6, 4, 4))
    assert wiring.kernels("pooled").shape == (2, 4, 1, 1)
    assert wiring.groups("grouped") == 3
    assert wiring.groups("fc") == 1


def test_a_bottleneck_is_found_with_what_lies_behind_it(wiring: ChannelMap) -> None:
    found = wiring.bottleneck("wide")
    assert found == Bottleneck(("squeeze",), "stem")
    assert wiring.source_channels(found) == (ChannelOrigin(("stem",), 0, 8),)
    for layer in ("stem", "direct", "gate", "grouped"):
        assert wiring.bottleneck(layer) is None, layer


def test_a_layer_of_tokens_reads_no_units() -> None:
    class Tokens(nn.Module):
        input_shape = (3, 8, 8)

        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 6, 4, 4)
            self.mix = nn.Linear(6, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mix(self.patch(x).flatten(2).transpose(1, 2))

    wiring = ChannelMap(Recorded.of(Tokens().eval()), ("patch", "mix"))
    assert wiring.readers == {"patch": [], "mix": []}
