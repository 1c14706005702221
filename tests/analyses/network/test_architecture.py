"""What follows a network's last convolution is what its outputs are made of, not the first product with a matrix."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from wbsite.analyses.network.architecture import head
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded


class Tokens(nn.Module):
    """A convolution and two layers at every position of its map, then as named: what is left of positions."""

    def __init__(self, ending: str) -> None:
        super().__init__()
        self.conv, self.inner = nn.Conv2d(3, 8, 4, 4), nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.ending, self.fc = ending, nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.conv(x)
        tokens = maps.flatten(2).permute(0, 2, 1)
        tokens = tokens + self.inner(tokens)
        if self.ending == "pooled":
            return self.fc(tokens.mean(1))
        if self.ending == "maps":
            return self.fc(tokens).permute(0, 2, 1).reshape(len(x), 5, *maps.shape[2:])
        return self.fc(tokens)


def maps(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *layers)


NETWORKS = {
    "pooled": maps(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
    "positions": maps(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)),
    "convolutional": maps(nn.Conv2d(8, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "convolutional, with axes": maps(nn.Conv2d(8, 5, 1), nn.AdaptiveAvgPool2d(1)),
    "maps": maps(nn.Conv2d(8, 5, 1)),
    "maps, enlarged": maps(nn.ConvTranspose2d(8, 5, 2, 2)),
    "pooled, from tokens": Tokens("pooled"),
    "maps, from tokens": Tokens("maps"),
    "unknown, tokens": Tokens("tokens"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_is_what_is_left_of_positions(name: str) -> None:
    net = NETWORKS[name].eval()
    tape = Recorded.of(net, (3, 16, 16)).tape
    found = head(discover(net, (3, 16, 16)), tape.shapes[tape.outputs[""]])
    assert found.kind == name.partition(",")[0]
    assert found.positions == {"pooled": 1, "positions": 4}.get(found.kind, 0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("convnext_tiny", "pooled"), ("resnet18", "pooled"), ("squeezenet1_1", "convolutional"), ("alexnet", "positions")],
)
def test_heads_of_published_networks(name: str, kind: str) -> None:
    net = getattr(torchvision.models, name)(weights=None).eval()
    tape = Recorded.of(net, (3, 224, 224)).tape
    assert head(discover(net, (3, 224, 224)), tape.shapes[tape.outputs[""]]).kind == kind
