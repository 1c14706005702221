"""Which layers see stimuli, together with which others, and what is said of those that do not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.branches import tuning
from wbsite.core.store import Store
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.tuning import Tuning

SIDE = 24
NO_ROWS = pd.DataFrame(columns=list(Branches.fields["rows"].columns))


class Network(nn.Module):
    """Five plain layers of four units; which of them are whose branches, the tests say."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 5, stride=2, padding=2)
        for name in ("a", "b", "c", "d"):
            self.add_module(name, nn.Conv2d(4, 4, 3, padding=1))
        self.fc = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.first, self.a, self.b, self.c, self.d):
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


@pytest.fixture
def run() -> Callable[..., Tuning]:
    """run([(group, kind, layers), …], missing layer, …parameters): the analysis with these groups of branches."""

    def of(given: list[tuple[str, str, str]], missing: str = "", context: bool = False, **most: int) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = Network().eval().requires_grad_(False)
        if missing:
            module.get_submodule(missing).weight.data.fill_(float("nan"))
        spec = ModelSpec("network", "none", "Network", Network, Preprocess(crop=SIDE))
        rows = [
            {"group": group, "kind": kind, "branch": layer, "layer": layer, "low": 0, "high": 4}
            for group, kind, layers in given
            for layer in layers.split()
        ]
        members = pd.DataFrame(rows, columns=list(Branches.fields["members"].columns))
        branches = Branches(groups=[], none="", passed_over=[], rows=NO_ROWS, members=members)
        entry = Store(f"memory://{uuid.uuid4().hex}").put("0" * 64, branches.contents(), {})
        layers = discover(module, spec.input_shape)
        model = LoadedModel(module, spec, "0")
        made = Context(model, layers, None, torch.device("cpu"), {"most": most}, {"branches": entry})
        return made if context else tuning.ANALYSES[0].run(made)

    return of


def measured(result: Tuning) -> list[str]:
    return list(dict.fromkeys(result.rows["layer"]))


def test_a_network_without_branches_has_its_first_two_convolutions_measured(run: Callable[..., Tuning]) -> None:
    found = run([])
    assert measured(found) == ["first", "a"]
    sides = {layer.layer: layer.side for layer in found.layers}
    assert sides == {"first": 5, "a": 9}
    rows = found.rows
    assert rows["unit"].tolist() == [0, 1, 2, 3] * 2
    assert set(found.indices) <= set(rows.columns)
    for name, about in found.indices.items():
        known = rows[name].dropna()
        assert known.between(about.low, about.high).all(), name
    assert set(found.members["category"]) <= set(found.categories)
    assert all(about.index.removeprefix("-") in rows for about in found.categories.values())


def test_layers_of_a_group_and_of_groups_that_share_one_see_the_same(run: Callable[..., Tuning]) -> None:
    found = run([("x", "concat", "a b"), ("y", "dense", "b c"), ("z", "groups", "d")])
    assert measured(found) == ["first", "a", "b", "c", "d"]
    sides = {layer.layer: (layer.side, layer.canvas) for layer in found.layers}
    assert sides["a"] == sides["b"] == sides["c"]
    assert sides["first"] != sides["a"] != sides["d"]


def test_the_first_groups_are_measured_and_the_others_named(run: Callable[..., Tuning]) -> None:
    groups = [("x", "residual", "a b"), ("y", "residual", "c"), ("z", "concat", "d"), ("first", "towers", "first")]
    found = run(groups, groups=1, stages=1)
    assert measured(found) == ["first", "a", "b", "d"], "the first convolution is always measured and counts for none"
    omitted = {layer.layer: layer.reason for layer in found.omitted}
    assert omitted == {"c": "in this profile only the first 1 stages"}


def test_missing_weights_are_no_tuning(run: Callable[..., Tuning]) -> None:
    found = run([("x", "concat", "a b"), ("y", "concat", "c d")], missing="c")
    assert measured(found) == ["first", "a", "b"]
    assert {layer.layer for layer in found.omitted if "missing" in layer.reason} == {"c", "d"}
    found = run([("x", "concat", "a b")], missing="first")
    assert found.rows.empty and found.members.empty


def test_a_run_that_was_killed_goes_on(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    context = run([("x", "concat", "a b")], context=True)
    whole = tuning.ANALYSES[0].run(context)
    monkeypatch.setattr(tuning, "present", None)
    again = tuning.ANALYSES[0].run(context)
    pd.testing.assert_frame_equal(whole.rows, again.rows)
    assert whole.contents().values == again.contents().values
