"""Long-range expanded weights: independent weights must not come out smooth, and nothing is left out unsaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.expanded import long_range
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.expanded.long_range import LongRange, RangeSummaries

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
def run() -> Callable[..., LongRange]:
    """run(module, …parameters): the analysis of a network for 24×24 pictures."""

    def of(module: nn.Module, **params: Any) -> LongRange:
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


def test_of_independent_weights_a_twentieth_passes(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    """Or any network would be found to have electron orbitals. 24 units of 5 pairs of 6 networks."""
    tables = pd.concat([run(chain(seed)).rows for seed in range(6)])
    for _, table in tables.groupby("measure"):
        assert len(table) == 36
        assert 0.02 < table["share"].mean() < 0.09
        assert abs(table["excess"].mean()) < 0.02


def test_smooth_kernels_are_found_smooth(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    result = run(smooth(chain()))
    rows = result.rows[result.rows["measure"] == "smoothness"]
    assert (rows["share"] > 0.9).all()
    assert (rows["excess_low"] > 0).all()
    summary = result.summary.smoothness["2"]
    assert summary.above == summary.pairs == 3
    assert summary.share_low is None, "three pairs have no interval"


def test_lobes_of_both_signs_are_told_from_blobs(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    """Where all weights have one sign, so have all paths, shuffled or not."""
    module = chain()
    with torch.no_grad():
        for part in module.children():
            part.weight.abs_()
    rows = run(module).rows.set_index(["measure", "target", "kind"])
    assert rows.loc[("balance", "conv5", "3"), "median"] == 0
    assert rows.loc[("balance", "conv5", "3"), "null_limit"] == 0


def test_sources_lie_two_and_three_back_and_at_the_start(
    run: Callable[..., LongRange], chain: Callable[..., Chain]
) -> None:
    rows = run(chain()).rows
    pairs = {(row.target, row.kind): (row.source, row.steps, row.rows) for row in rows.itertuples()}
    assert pairs == {
        ("conv3", "2"): ("conv1", 2, 5),
        ("conv4", "2"): ("conv2", 2, 5),
        ("conv4", "3"): ("conv1", 3, 7),
        ("conv5", "2"): ("conv3", 2, 5),
        ("conv5", "3"): ("conv2", 3, 7),
        ("conv5", "first"): ("conv1", 4, 9),
    }


def test_what_has_no_linear_form_is_named(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    result = run(chain(gate=True))
    assert {pair.target for pair in result.skipped} == {"conv5"}
    assert all("mul" in pair.reason or "sigmoid" in pair.reason for pair in result.skipped)
    assert "conv5" not in set(result.rows["target"])


def test_maps_too_large_to_look_at_are_named(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    result = run(chain(), largest=6)
    assert {pair.kind for pair in result.skipped} == {"3", "first"}
    assert set(result.rows["kind"]) == {"2"}


def test_weights_that_are_not_there_are_named(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    module = chain()
    nn.init.constant_(module.conv5.weight, float("nan"))
    skipped = run(module).skipped
    assert {pair.target for pair in skipped} == {"conv5"}
    assert all("weights file" in pair.reason for pair in skipped)


def test_a_network_without_spatial_layers_has_no_pairs(run: Callable[..., LongRange]) -> None:
    result = run(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)))
    assert result.summary == RangeSummaries(smoothness={}, balance={})
    assert len(result.rows) == len(result.per_unit) == len(result.examples) == 0


def test_examples_are_the_units_at_stated_quantiles(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    """Not those that look best."""
    result = run(smooth(chain()))
    examples, units = result.examples, result.per_unit
    pair = units[(units["target"] == "conv4") & (units["kind"] == "2") & (units["measure"] == "smoothness")]
    for which, quantile in (("median", 0.5), ("upper quartile", 0.75)):
        chosen = examples[(examples["kind"] == "2") & (examples["which"] == which)].iloc[0]
        assert chosen["target"] == "conv4"
        gap = (pair["value"] - pair["value"].quantile(quantile)).abs()
        assert gap.min() == pytest.approx(abs(chosen["unit_smoothness"] - pair["value"].quantile(quantile)))
    for example, rows in examples.groupby("example"):
        maps = result.maps[str(example)]
        assert maps.shape == (4, rows["rows"].iloc[0], rows["columns"].iloc[0])
        np.testing.assert_allclose(np.sqrt((maps**2).sum((1, 2))), rows["norm"], rtol=1e-5)
        assert (rows["norm"].diff().dropna() <= 0).all()


def test_the_seed_decides(run: Callable[..., LongRange], chain: Callable[..., Chain]) -> None:
    one, other, third = run(chain()), run(chain()), run(chain(), seed=1)
    assert one.rows.equals(other.rows)
    assert one.summary == other.summary != third.summary
