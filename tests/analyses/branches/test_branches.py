"""The branches of a network as tables and values: what statistics, stimuli and pages go by."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.branches.branches import NONE, UNKNOWN, run
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.models.networks import alexnet
from wbsite.models.networks.inception_layouts import SMALL
from wbsite.models.networks.inceptionv1 import InceptionV1
from wbsite.results.branches.branches import Branches


def result_of(build: Callable[[], nn.Module], side: int = 64) -> Branches:
    """The analysis of a network with fresh weights."""
    module = build().eval()
    spec = ModelSpec("made", "fresh", "Made", build, Preprocess(crop=side))
    layers = discover(module, spec.input_shape)
    return run(Context(LoadedModel(module, spec, ""), layers, None, torch.device("cpu"), {}, {}))


@pytest.fixture(scope="module")
def inception() -> Branches:
    return result_of(lambda: InceptionV1(SMALL))


def test_a_row_is_a_branch_and_its_members_are_layers_of_the_network(inception: Branches) -> None:
    rows, members = inception.rows, inception.members
    assert len(rows) == 9 * 4
    widths = members.assign(units=members["high"] - members["low"]).groupby(["group", "branch"])["units"].sum()
    pd.testing.assert_series_equal(rows.set_index(["group", "branch"])["units"].sort_index(), widths.sort_index())
    first = rows.iloc[1].to_dict()
    assert first == {
        "group": "mixed3a", "kind": "concat", "branch": "mixed3a_3x3", "units": 48, "kernel": 3, "depth": 2,
    }  # fmt: skip


def test_every_group_comes_with_a_small_graph(inception: Branches) -> None:
    groups = inception.groups
    assert [group.group for group in groups[:2]] == ["mixed3a", "mixed3b"]
    assert (groups[0].branches, groups[0].units) == (4, 96)
    for group in groups:
        numbers = {node.id for node in group.graph.nodes}
        assert {end for edge in group.graph.edges for end in edge} == numbers
    assert len(json.dumps(inception.contents().values)) < 20_000
    assert inception.none == ""


def test_towers_and_groups_are_told_apart() -> None:
    found = result_of(alexnet.small, 32)
    kinds = found.rows.groupby("group")["kind"].first().to_dict()
    assert kinds == {"conv1": "towers", "conv2": "groups", "conv3": "towers", "conv4": "groups", "conv5": "groups"}


class Plain(nn.Module):
    """Two convolutions, one after the other; or one that is added to what cannot be followed."""

    def __init__(self, adds: bool) -> None:
        super().__init__()
        self.first, self.second, self.adds = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), adds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        return x + self.second(x) if self.adds else self.second(x)


def test_a_network_without_branches_says_so() -> None:
    plain = result_of(lambda: Plain(adds=False))
    assert plain.none == NONE
    assert plain.groups == plain.passed_over == []
    assert plain.rows.empty
    assert plain.members.empty
    unknown = result_of(lambda: Plain(adds=True))
    assert unknown.none == UNKNOWN
    assert len(unknown.passed_over) == 1
