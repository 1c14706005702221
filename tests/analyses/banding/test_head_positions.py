"""Heads that read positions: a wrong map, or one from pooled values, would be a made-up figure about AlexNet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from wbsite.analyses.banding.head_positions import ANALYSES, applies, run
from wbsite.analyses.base import Context
from wbsite.graph.layers import discover
from wbsite.models import load
from wbsite.results.banding.head_positions import HeadPositions


def reasons(module: nn.Module, side: int) -> dict[str, str]:
    """Linear layer → why it has no result."""
    return {layer.name: applies(layer) for layer in discover(module, (3, side, side)).layers if layer.kind == "linear"}


def result(name: str, layer: str) -> HeadPositions:
    model = load(name)
    layers = discover(model.module, model.spec.input_shape)
    assert applies(layers.named(layer)) == ""
    params = ANALYSES[0].parameters("quick")
    return run(Context(model, layers, layers.named(layer), torch.device("cpu"), params, {}))


def test_bundled_alexnet_s_first_fully_connected_layer_reads_4_by_4_positions() -> None:
    found = result("alexnet_32", "fc6")
    assert (found.units, found.channels, found.height, found.width, found.positions) == (384, 128, 4, 4, 16)
    weight = load("alexnet_32").module.get_submodule("fc6").weight.detach().double().numpy().reshape(384, 128, 4, 4)
    centred = weight - weight.mean((2, 3), keepdims=True)
    total = (centred**2).sum()
    assert found.row_share == pytest.approx(4 * (centred.mean(3) ** 2).sum() / total)
    assert found.column_share == pytest.approx(4 * (centred.mean(2) ** 2).sum() / total)
    assert found.low is not None and found.index is not None and found.high is not None
    assert found.low <= found.index <= found.high
    np.testing.assert_allclose(found.energy, (centred**2).mean((0, 1)))
    np.testing.assert_allclose(found.by_y.mean(), found.energy.mean())


@pytest.mark.parametrize(("name", "layer", "reads"), [("alexnet", 1, (256, 6, 6)), ("vgg11", 0, (512, 7, 7))])
def test_torchvision_s_networks_read_the_map_after_their_pooling(
    name: str, layer: int, reads: tuple[int, int, int]
) -> None:
    with torch.device("meta"):
        module = models.get_model(name, weights=None)
    found = discover(module, (3, 224, 224)).named(f"classifier.{layer}")
    assert (found.reads, applies(found)) == (reads, "")
    other = reasons(module, 224)
    assert sum(reason == "" for reason in other.values()) == 1
    assert all("another fully connected layer" in reason for reason in filter(None, other.values()))


def test_layers_without_positions_say_why() -> None:
    class Heads(nn.Module):
        """Ways to lose positions that leave a square number of values a channel, or the right number of them."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)
            self.pooled, self.averaged = nn.Linear(5, 2), nn.Linear(5, 2)
            self.rows, self.column, self.both = nn.Linear(20, 2), nn.Linear(20, 2), nn.Linear(40, 2)
            self.last_axis, self.tokens, self.every = nn.Linear(80, 2), nn.Linear(80, 2), nn.Linear(80, 2)
            self.pixels, self.after = nn.Linear(48, 2), nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            logits = [
                self.pooled(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1)),
                self.averaged(y.mean((2, 3))),
                self.rows(y.mean(3).flatten(1)),
                self.column(y.mean(3, keepdim=True).flatten(1)),
                self.both(torch.cat((y.mean(3).flatten(1), y.mean(2).flatten(1)), 1)),
                self.last_axis(y.permute(0, 2, 3, 1).contiguous().flatten(1)),
                self.tokens(y.flatten(2).transpose(1, 2).flatten(1)),
                self.every(y.relu().flatten(1)),
                self.pixels(x.flatten(1)),
            ]
            return self.after(sum(logits[1:], logits[0]))

    found = reasons(Heads(), 4)
    assert [name for name, reason in found.items() if not reason] == ["every", "pixels"]
    assert "one number a channel" in found["pooled"]
    assert "4×1 positions" in found["column"]
    for name in ("averaged", "rows", "both", "last_axis", "tokens", "after"):
        assert "cannot be traced" in found[name], name
    assert "every position of a map" in applies(discover(Heads(), (3, 4, 4)).named("conv"))


def test_export_prints_one_row_and_says_why_other_layers_have_none(
    rebuilt: Path, cli: Callable[..., Any], speck_weights: Path
) -> None:
    of = ("export", "head_positions", "--model", "speck", "--weights-dir", str(speck_weights))
    ran = cli(*of)
    assert ran.status == 0, ran.err
    (row,) = csv.DictReader(io.StringIO(ran.out))
    assert list(row) == [
        "model", "layer", "units", "channels", "height", "width", "row_share", "column_share", "index", "low", "high",
    ]  # fmt: skip
    assert (row["layer"], row["units"], row["channels"], row["height"], row["width"]) == ("fc", "2", "4", "2", "2")
    refused = cli(*of, "--layer", "conv2")
    assert refused.status == 2
    assert "every position of a map with the same weights" in refused.err
