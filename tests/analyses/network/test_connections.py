"""The strongest connections of units: every kernel is the network's own, beside the unit that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.network.connections import applies, run
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.ops.expanded.weights import expanded_weights, path_products
from wbsite.results.network.connections import Connections, Reader, Span

PARAMS = {"count": 4, "cancelled": 2, "threshold": 0.75}


class Block(nn.Module):
    """Two stems that are added, a branch through a bottleneck beside a direct one, grouped and depthwise readers."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 12, 3, padding=1)
        self.b = nn.Conv2d(3, 12, 1)
        self.joined = nn.ReLU()
        self.direct = nn.Conv2d(12, 6, 3, padding=1)
        self.squeeze = nn.Conv2d(12, 5, 1)
        self.wide = nn.Conv2d(5, 6, 3, padding=1)
        self.grouped = nn.Conv2d(12, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, (1, 5), groups=8)
        self.gate = nn.Conv2d(8, 4, 1)
        self.after = nn.Conv2d(4, 3, 1)
        self.fc = nn.Linear(3, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.joined(self.a(x) + self.b(x))
        x = torch.cat((self.direct(x).relu(), self.wide(self.squeeze(x).relu()).relu()), 1)
        x = self.depthwise(self.grouped(x).relu()).relu()
        return self.fc(self.after(self.gate(x).relu() * x[:, 4:].sigmoid()).mean((2, 3)))


@pytest.fixture(scope="module")
def block() -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = Block().eval()
    blocks = {"direct": ("mixed", 0), "wide": ("mixed", 6)}
    return LoadedModel(module, ModelSpec("block", "random", "Block", Block, Preprocess(crop=16), blocks=blocks), "0")


@pytest.fixture(scope="module")
def connections(block: LoadedModel) -> Callable[..., Connections]:
    def of(layer: str, model: LoadedModel = block, **params: Any) -> Connections:
        layers = discover(model.module, model.spec.input_shape)
        given = {**PARAMS, **params}
        return run(Context(model, layers, layers.named(layer), torch.device("cpu"), given, {}))

    return of


def weight(model: LoadedModel, layer: str) -> torch.Tensor:
    return model.module.get_submodule(layer).weight.detach()


def test_inputs_are_the_kernels_of_largest_norm(block: LoadedModel, connections: Callable[..., Connections]) -> None:
    found, own = connections("direct"), weight(block, "direct")
    norm = own.flatten(2).norm(dim=2)
    for unit in range(6):
        expected = sorted(range(12), key=lambda channel: -norm[unit, channel])[:4]
        assert found.channel["input"][unit].tolist() == expected
        np.testing.assert_array_equal(found.kernel["input"][unit], own[unit, expected].numpy())
        share = float(norm[unit, expected].square().sum() / norm[unit].square().sum())
        assert found.share["input"][unit] == pytest.approx(share, rel=1e-5)
    assert found.inputs == (Span(layers=("a", "b"), first=0, units=12),), "added maps share a channel"


def test_a_grouped_convolution_gives_its_groups_inputs_alone(connections: Callable[..., Connections]) -> None:
    channels = connections("grouped").channel["input"]
    assert channels[:4].max() < 6 <= channels[4:].min()


def test_a_depthwise_convolution_has_one_input_a_unit(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    found = connections("depthwise")
    assert found.channel["input"].tolist() == [[i] for i in range(8)]
    np.testing.assert_array_equal(found.kernel["input"][:, 0], weight(block, "depthwise")[:, 0].numpy())
    np.testing.assert_allclose(found.share["input"], 1)


def test_outputs_are_the_kernels_that_read_the_unit(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    """Of one reader with groups, behind a concatenation: unit 2 of `wide` is its channel 8, in its second group."""
    found, reader = connections("wide", count=9), weight(block, "grouped")
    assert found.readers == (Reader(layer="grouped", kernel=(3, 3)),)
    for unit in range(6):
        norm = reader[4:, unit].flatten(1).norm(dim=1)
        order = (norm.argsort(descending=True) + 4).tolist()
        assert found.output_reader[unit].tolist() == [0] * 4 + [-1] * (len(found.output_reader[0]) - 4)
        assert found.output_channel[unit, :4].tolist() == order
        np.testing.assert_array_equal(found.output_kernel[unit, :4], reader[order, unit].flatten(1).numpy())


def test_readers_of_several_layers_and_sizes_are_ranked_together(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    found = connections("a", count=20)
    assert [reader.layer for reader in found.readers] == ["direct", "squeeze"]
    both = [("direct", i) for i in range(6)] + [("squeeze", i) for i in range(5)]
    norm = torch.cat([weight(block, name).flatten(2).norm(dim=2)[:, 7] for name in ("direct", "squeeze")])
    expected = [both[i] for i in norm.argsort(descending=True)]
    rows = found.rows.query("unit == 7 and kind == 'output'")
    assert list(zip(rows["other"], rows["channel"], strict=True)) == expected
    np.testing.assert_allclose(rows["norm"], norm.sort(descending=True).values, rtol=1e-5)


def test_a_fully_connected_layer_reads_units_too(block: LoadedModel, connections: Callable[..., Connections]) -> None:
    rows = connections("after").rows.query("unit == 1 and kind == 'output'")
    assert set(rows["other"]) == {"fc"}
    strongest = weight(block, "fc")[:, 1].abs().argmax()
    assert rows["channel"].iloc[0] == strongest
    assert rows["positive"].iloc[0] + rows["negative"].iloc[0] == pytest.approx(
        float(weight(block, "fc")[strongest, 1])
    )


def test_across_a_bottleneck_connections_are_expanded_weights(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    found = connections("wide")
    assert found.bottleneck is not None
    assert (found.bottleneck.layers, found.bottleneck.source, found.bottleneck.window) == (
        ("squeeze",),
        "joined",
        (3, 3),
    )
    expanded = expanded_weights(block, "joined", "wide")
    paths = path_products(block, "joined", "wide")
    norm = expanded.flatten(2).norm(dim=2)
    for unit in range(6):
        index = norm[unit].argsort(descending=True)[:4]
        assert found.channel["across"][unit].tolist() == index.tolist()
        np.testing.assert_allclose(found.kernel["across"][unit], expanded[unit, index], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(found.positive["across"][unit], paths.positive[unit, index].sum((1, 2)), rtol=1e-4)
        np.testing.assert_allclose(found.cancellation["across"][unit], paths.cancellation[unit, index], rtol=1e-4)
    assert connections("direct").bottleneck is None
    assert "across" not in connections("direct").channel


def cancelling(block: LoadedModel) -> LoadedModel:
    """The block with two of the bottleneck's units doing the same for input 3, and `wide` reading their difference."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        module = Block().eval()
    with torch.no_grad():
        module.squeeze.weight[:, 3] = 0
        module.squeeze.weight[:2, 3] = 9.0
        module.wide.weight[:, 1] = -module.wide.weight[:, 0]
    return LoadedModel(module, block.spec, "1")


def test_an_input_whose_paths_cancel_is_listed_with_what_cancels(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    """Its expanded weights are zero, so the list of the strongest would never show it."""
    found = connections("wide", cancelling(block))
    assert 3 not in found.channel["across"]
    rows = found.rows.query("kind == 'cancelled' and rank == 1")
    assert rows["channel"].tolist() == [3] * 6
    assert rows["cancellation"].tolist() == pytest.approx([1] * 6)
    assert (rows["positive"] > 1).all()
    assert rows["positive"].tolist() == pytest.approx((-rows["negative"]).tolist(), rel=1e-4)


def test_rows_number_units_as_their_pages_do_and_name_the_other_end(connections: Callable[..., Connections]) -> None:
    rows = connections("wide").rows
    assert sorted(set(rows["unit"])) == list(range(6, 12)), "counted over the block"
    assert rows["unit"].is_monotonic_increasing
    kinds = rows.groupby("kind")
    assert set(kinds.get_group("input")["other"]) == {"squeeze"}
    assert set(kinds.get_group("across")["other"]) == {"a+b"}
    assert kinds.get_group("input")["cancellation"].isna().all()
    parts = kinds.get_group("across")
    assert (parts["positive"] >= 0).all() and (parts["negative"] <= 0).all()
    assert parts["cancellation"].between(0, 1).all()
    pd.testing.assert_frame_equal(rows, connections("wide").rows)


def test_channels_that_stand_for_nothing_known_have_no_name(connections: Callable[..., Connections]) -> None:
    found = connections("after")
    assert found.inputs == (Span(layers=(), first=0, units=4),)
    assert set(found.rows.query("kind == 'input'")["other"]) == {""}


def test_a_path_that_cannot_be_expanded_leaves_a_reason(
    block: LoadedModel, connections: Callable[..., Connections]
) -> None:
    """The rest of the layer's connections stand."""
    model = cancelling(block)
    with torch.no_grad():
        model.module.squeeze.weight.fill_(torch.nan)  # type: ignore[operator, union-attr]
    found = connections("wide", model)
    assert "not finite" in found.bottleneck.reason
    assert set(found.rows["kind"]) == {"input", "output"}


def test_layers_without_kernels_say_why_they_have_no_connections(block: LoadedModel) -> None:
    layers = discover(block.module, block.spec.input_shape)
    assert applies(layers.named("a")) == ""
    assert "convolutions" in applies(layers.named("fc"))


class Stream(nn.Module):
    """A map to which every layer adds what it makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.adding = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        for layer in self.adding:
            x = x + layer(x).relu()
        return x


def test_a_sum_of_many_layers_is_named_by_the_first(connections: Callable[..., Connections]) -> None:
    model = LoadedModel(Stream().eval(), ModelSpec("stream", "random", "Stream", Stream, Preprocess(crop=16)), "0")
    names = {
        layer: set(connections(layer, model).rows.query("kind == 'input'")["other"])
        for layer in ("adding.3", "adding.4")
    }
    assert names == {"adding.3": {"a+adding.0+adding.1+adding.2"}, "adding.4": {"a+4 more"}}
    assert len(connections("adding.4", model).inputs[0].layers) == 5
