"""The long tail on photographs: every layer is measured or said to be left out, whatever the order and the sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context, Photographs
from wbsite.analyses.expanded import long_tail
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.expanded.long_tail import LongTail

PARAMS = {"photographs": 8, "positions": 30, "seed": 0}


class Network(nn.Module):
    """A plain layer, a depthwise one, a grouped one and a 1×1 without a rectifier."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.grouped = nn.Conv2d(16, 24, 3, stride=2, groups=2)
        self.norm = nn.BatchNorm2d(24)
        self.point = nn.Conv2d(24, 10, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.depthwise(self.plain(x).relu()).relu()
        return self.point(self.norm(self.grouped(x)).relu()).mean((2, 3))


@pytest.fixture
def network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Network()


@pytest.fixture
def run() -> Callable[..., LongTail]:
    """run(module, missing, …parameters): the analysis on ten noise pictures of 12×12."""

    def of(module: nn.Module, missing: tuple[str, ...] = (), **params: Any) -> LongTail:
        spec = ModelSpec("network", "none", "Network", Network, Preprocess(crop=12))
        module = module.eval().requires_grad_(False)
        inputs = torch.randn(10, 3, 12, 12, generator=torch.Generator().manual_seed(5))
        photographs = Photographs(inputs, "noise", 10, "10 pictures of noise", "0")
        layers = discover(module, spec.input_shape)
        model = LoadedModel(module, spec, "0", missing)
        params = {**PARAMS, **params}
        context = Context(
            model, layers, None, torch.device("cpu"), params, {}, inputs={"photographs": lambda: photographs}
        )
        return long_tail.ANALYSES[0].run(context)

    return of


def test_every_convolution_is_measured_in_every_order(run: Callable[..., LongTail], network: Network) -> None:
    result = run(network)
    rows, layers = result.rows, result.per_layer
    assert list(layers["layer"]) == ["plain", "depthwise", "grouped", "point"]
    assert list(layers["inputs"]) == [3, 1, 8, 24], "inputs of one unit"
    assert list(layers["samples"]) == [240, 240, 8 * 25, 8 * 25], "a map of 5×5 has no more positions"
    assert set(rows["order"]) == {"norm", "contribution", "random"}
    for _, curve in rows.groupby(["layer", "order"]):
        assert curve["median"].iloc[-1] == 1
        assert curve["share"].iloc[-1] == 1
        assert (curve["low"] <= curve["median"]).all() and (curve["median"] <= curve["high"]).all()
    assert list(layers["rectified"]) == [True, True, True, False]
    assert rows[rows["layer"] == "point"]["after_median"].isna().all()
    assert result.photographs_used == 8
    assert result.photographs.what == "10 pictures of noise"
    assert result.summary["norm"].layers == 1, "the others have no more inputs than a reader may look at"


def test_units_with_one_input_need_one(run: Callable[..., LongTail], network: Network) -> None:
    layers = run(network).per_layer.set_index("layer")
    assert layers.loc["depthwise", "norm_inputs"] == 1
    assert layers.loc["depthwise", "norm_share"] == 1


def test_the_strongest_inputs_say_more_than_random_ones(run: Callable[..., LongTail], network: Network) -> None:
    with torch.no_grad():
        network.point.weight[:, ::5] *= 6
    rows = run(network).rows.set_index(["layer", "order", "kept"])["median"]
    assert rows["point", "norm", 4] > rows["point", "random", 4] + 0.2
    assert rows["point", "contribution", 4] > rows["point", "random", 4] + 0.2


def test_a_sample_in_several_batches_and_groups_is_the_same(
    run: Callable[..., LongTail], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room decides how much is held at a time, and nothing else."""
    whole = run(network)
    monkeypatch.setattr(long_tail, "_PATCHES_BYTES", 1)
    grouped = run(network)
    assert grouped.per_layer.equals(whole.per_layer)
    assert grouped.rows.round(4).equals(whole.rows.round(4))


def test_weights_that_are_not_there_are_named(run: Callable[..., LongTail], network: Network) -> None:
    nn.init.constant_(network.grouped.weight, float("nan"))
    result = run(network, missing=("grouped.weight",))
    reasons = {skip.layer: skip.reason for skip in result.skipped}
    assert "does not hold" in reasons["grouped"]
    assert "before it" in reasons["point"]
    assert list(result.per_layer["layer"]) == ["plain", "depthwise"]


def test_the_seed_decides(run: Callable[..., LongTail], network: Network) -> None:
    one, other, third = run(network), run(network), run(network, seed=1)
    assert one.rows.equals(other.rows)
    assert not one.rows.equals(third.rows)
