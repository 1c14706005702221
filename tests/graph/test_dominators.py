"""A layer is explained from the maps that all its inputs pass; a wrong one would leave paths out of the explanation."""

from __future__ import annotations

import torch
from torch import nn

from wbsite.graph.dominators import Route, immediate_dominators, routes
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import INPUT


class Block(nn.Module):
    """A stem, two branches through a bottleneck and past it, and two layers that read both."""

    input_shape = (3, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.wide = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)
        self.squeeze, self.branch = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 4, 3, padding=1)
        self.joined = nn.Identity()
        self.last, self.end = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu()
        x = self.joined(torch.cat((self.wide(x).relu(), self.branch(self.squeeze(x)).relu()), 1))
        return self.end(self.last(x).relu())


LAYERS = ("stem", "wide", "squeeze", "branch", "last", "end")


def test_a_dominator_is_passed_by_every_path() -> None:
    tape = Recorded.of(Block()).tape
    dominators = immediate_dominators(tape)
    stem, joined = tape.activation("stem"), tape.value("joined")
    assert dominators[INPUT] == INPUT
    assert dominators[tape.value("wide")] == dominators[tape.value("squeeze")] == dominators[joined] == stem
    assert dominators[tape.value("branch")] == tape.value("squeeze")
    assert dominators[tape.value("last")] == joined


def test_routes_lead_over_wide_maps_and_not_over_bottlenecks() -> None:
    found = routes(Recorded.of(Block()), LAYERS, LAYERS)
    assert found == {"last": Route("stem", "joined", "last"), "end": Route("stem", "joined", "end")}
