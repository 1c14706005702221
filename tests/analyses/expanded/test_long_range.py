"""Long-range expanded weights: independent weights must not come out smooth, and nothing is left out unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.expanded import long_range
from wbsite.core.store import Contents
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess

PARAMS = {"targets": 10, "units": 24, "draws": 6, "scattered": 2, "maps": 4, "largest": 64, "seed": 0}


class Chain(nn.Module):
    """Five convolutions; the last but one can be followed by a gate, which has no linear form."""

    def __init__(self, gate: bool = False, width: int = 24) -> None:
        super().__init__()
        widths = [3, *[width] * 5]
        self.gate = gate
        for i in range(5):
            self.add_module(f"conv{i + 1}", nn.Conv2d(widths[i], widths[i + 1], 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(1, 6):
            x = self.get_submodule(f"conv{i}")(x).relu()
            if i == 4 and self.gate:
                x = x * torch.sigmoid(x)
        return x


def smooth(module: nn.Module) -> nn.Module:
    """Replaces every kernel by a ramp along x of its own strength."""
    with torch.no_grad():
        for part in module.children():
            part.weight.copy_(part.weight.mean((2, 3), keepdim=True) * torch.tensor([1.0, 2.0, 3.0]))
    return module


@pytest.fixture
def run() -> Callable[..., Contents]:
    """run(module, …parameters): the analysis of a network for 24×24 pictures."""

    def of(module: nn.Module, **params: Any) -> Contents:
        spec = ModelSpec("chain", "none", "Chain", Chain, Preprocess(crop=24))
        module = module.eval().requires_grad_(False)
        model = LoadedModel(module, spec, "0")
        layers = discover(module, spec.input_shape)
        context = Context(model, layers, None, torch.device("cpu"), {**PARAMS, **params}, {})
        return long_range.ANALYSES[0].run(context)

    return of


@pytest.fixture
def chain() -> Callable[..., Chain]:
    def of(seed: int = 0, **given: Any) -> Chain:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Chain(**given)

    return of


def test_of_independent_weights_a_twentieth_passes(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    """Or any network would be found to have electron orbitals. 24 units of 5 pairs of 6 networks."""
    tables = pd.concat([run(chain(seed)).tables["rows"] for seed in range(6)])
    for _, table in tables.groupby("measure"):
        assert len(table) == 36
        assert 0.02 < table["share"].mean() < 0.09
        assert abs(table["excess"].mean()) < 0.02


def test_smooth_kernels_are_found_smooth(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    found = run(smooth(chain()))
    rows = found.tables["rows"][found.tables["rows"]["measure"] == "smoothness"]
    assert (rows["share"] > 0.9).all()
    assert (rows["excess_low"] > 0).all()
    summary = found.values["summary"]["smoothness"]["2"]
    assert summary["above"] == summary["pairs"] == 3
    assert summary["share_low"] is None, "three pairs have no interval"


def test_lobes_of_both_signs_are_told_from_blobs(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    """Where all weights have one sign, so have all paths, shuffled or not."""
    module = chain()
    with torch.no_grad():
        for part in module.children():
            part.weight.abs_()
    rows = run(module).tables["rows"].set_index(["measure", "target", "kind"])
    assert rows.loc[("balance", "conv5", "3"), "median"] == 0
    assert rows.loc[("balance", "conv5", "3"), "null_limit"] == 0


def test_sources_lie_two_and_three_back_and_at_the_start(
    run: Callable[..., Contents], chain: Callable[..., Chain]
) -> None:
    rows = run(chain()).tables["rows"]
    pairs = {(row.target, row.kind): (row.source, row.steps, row.rows) for row in rows.itertuples()}
    assert pairs == {
        ("conv3", "2"): ("conv1", 2, 5),
        ("conv4", "2"): ("conv2", 2, 5),
        ("conv4", "3"): ("conv1", 3, 7),
        ("conv5", "2"): ("conv3", 2, 5),
        ("conv5", "3"): ("conv2", 3, 7),
        ("conv5", "first"): ("conv1", 4, 9),
    }


def test_what_has_no_linear_form_is_named(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    found = run(chain(gate=True))
    assert {one["target"] for one in found.values["skipped"]} == {"conv5"}
    assert all("mul" in one["reason"] or "sigmoid" in one["reason"] for one in found.values["skipped"])
    assert "conv5" not in set(found.tables["rows"]["target"])


def test_maps_too_large_to_look_at_are_named(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    found = run(chain(), largest=6)
    assert {one["kind"] for one in found.values["skipped"]} == {"3", "first"}
    assert set(found.tables["rows"]["kind"]) == {"2"}


def test_weights_that_are_not_there_are_named(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    module = chain()
    nn.init.constant_(module.conv5.weight, float("nan"))
    found = run(module)
    assert {one["target"] for one in found.values["skipped"]} == {"conv5"}
    assert all("weights file" in one["reason"] for one in found.values["skipped"])


def test_a_network_without_spatial_layers_has_no_pairs(run: Callable[..., Contents]) -> None:
    found = run(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)))
    assert found.values["summary"] == {"smoothness": {}, "balance": {}}
    assert len(found.tables["rows"]) == len(found.tables["examples"]) == 0


def test_examples_are_the_units_at_stated_quantiles(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    """Not those that look best."""
    found = run(smooth(chain()))
    examples, units = found.tables["examples"], found.tables["units"]
    of = units[(units["target"] == "conv4") & (units["kind"] == "2") & (units["measure"] == "smoothness")]
    for which, quantile in (("median", 0.5), ("upper quartile", 0.75)):
        chosen = examples[(examples["kind"] == "2") & (examples["which"] == which)].iloc[0]
        assert chosen["target"] == "conv4"
        gap = (of["value"] - of["value"].quantile(quantile)).abs()
        assert gap.min() == pytest.approx(abs(chosen["unit_smoothness"] - of["value"].quantile(quantile)))
    for example, rows in examples.groupby("example"):
        maps = found.arrays[f"example_{example}"]
        assert maps.shape == (4, rows["rows"].iloc[0], rows["columns"].iloc[0])
        np.testing.assert_allclose(np.sqrt((maps**2).sum((1, 2))), rows["norm"], rtol=1e-5)
        assert (rows["norm"].diff().dropna() <= 0).all()


def test_values_are_json_and_the_seed_decides(run: Callable[..., Contents], chain: Callable[..., Chain]) -> None:
    one, other, third = run(chain()), run(chain()), run(chain(), seed=1)
    json.dumps(one.values, allow_nan=False)
    assert one.values == other.values
    assert one.values["summary"] != third.values["summary"]
