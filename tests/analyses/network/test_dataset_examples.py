"""The patches shown beside a unit are those that excite it most in the network itself, cut where the unit looks."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from wbsite.analyses.base import Context, Parts, PhotographCollection
from wbsite.analyses.network import dataset_examples
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.network.dataset_examples import DatasetExamples


class Branches(nn.Module):
    """Strides, pools, batch norm, two branches that are joined, and a gate that sees everything."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 5, stride=2, padding=2)
        self.left = nn.Conv2d(6, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.right = nn.Conv2d(6, 3, 1)
        self.deep = nn.Conv2d(7, 5, 3, padding=1)
        self.gate = nn.Conv2d(7, 5, 1)
        self.last = nn.Conv2d(5, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.first(x).relu_(), 3, 2)
        x = torch.cat((self.norm(self.left(x)).relu_(), self.right(x).relu()), 1)
        return self.last(self.deep(x).relu() * self.gate(x.mean((2, 3), keepdim=True)).sigmoid())


class Fickle(nn.Module):
    """Scales a picture by a number that it takes out of torch, so that its recording stands for no other picture."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x).relu() * (0.1 + abs(x.mean().item())))


Made = Callable[..., Context]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """made(module, photographs, (height, width), …): what the analysis is given of a network and random pictures."""

    def make(
        module: nn.Module, count: int, size: tuple[int, int] = (24, 24), channels: int = 3, blank: bool = False,
        **preprocess: Any,
    ) -> Context:  # fmt: skip
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
            for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm2d)):
                norm.running_var.copy_(torch.rand(norm.running_var.shape, generator=generator) + 0.5)
        module.eval().requires_grad_(False)
        spec = ModelSpec(
            "made", "here", "Made", lambda: module,
            Preprocess(crop=size, mean=(0.4,) * channels, std=(0.25,) * channels, **preprocess),
        )  # fmt: skip
        pixels = np.random.default_rng(7).integers(0, 256, (count, *size, 3), np.uint8)
        images = [Image.fromarray(picture) for picture in (0 * pixels if blank else pixels)]
        inputs = torch.stack([spec.preprocess(image) for image in images])
        names = tuple(f"class{i % 2}/{i}.png" for i in range(count))
        shown = PhotographCollection(
            "noise", names, f"{count} pictures of noise", "0" * 64, lambda numbers: inputs[list(numbers)]
        )
        return Context(
            LoadedModel(module, spec, "0" * 64), discover(module, spec.input_shape), None, torch.device("cpu"), {}, {},
            parts=Parts(Store(tmp_path / "store"), "parts", {}, Progress()),
            inputs={"photograph_collection": lambda: shown},
        )  # fmt: skip

    return make


def shown_inputs(context: Context) -> torch.Tensor:
    photographs = context.photograph_collection()
    return photographs.read(range(len(photographs.names)))


def responses(context: Context, layer: str) -> torch.Tensor:
    """(N, C, H, W) pre-activations in the network's own forward pass, one picture at a time."""
    module = context.model.module
    watched = module.norm if isinstance(module, Branches) and layer == "left" else module.get_submodule(layer)
    seen: list[torch.Tensor] = []
    handle = watched.register_forward_hook(lambda *given: seen.append(given[2].clone()))
    with torch.no_grad():
        for picture in shown_inputs(context):
            module(picture[None])
    handle.remove()
    return torch.cat(seen)


def sees(context: Context, layer: str, row: int, column: int) -> np.ndarray:
    """(H, W) bool: the pixels on which a position of a layer depends, by changing each of them."""
    module, (channels, height, width) = context.model.module, context.model.spec.input_shape
    x = torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(1)).requires_grad_()
    seen: list[torch.Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda *given: seen.append(given[2]))
    changed = np.zeros((height, width), bool)
    with torch.no_grad():
        module(x)
        for r in range(height):
            for c in range(width):
                for amount in (50.0, -50.0):
                    other = x.clone()
                    other[..., r, c] += amount
                    module(other)
                    changed[r, c] |= not torch.equal(seen[0][..., row, column], seen.pop()[..., row, column])
    handle.remove()
    return changed


def of(result: DatasetExamples, layer: str, unit: int) -> pd.DataFrame:
    rows = result.rows
    return rows[(rows["layer"] == layer) & (rows["unit"] == unit)]


def check_winners(context: Context, result: DatasetExamples, layer: str) -> None:
    expected = responses(context, layer)
    best, places = expected.flatten(2).max(2)
    for unit in range(expected.shape[1]):
        found = of(result, layer, unit)
        order = best[:, unit].argsort(descending=True, stable=True)[:9]
        assert found["rank"].tolist() == list(range(1, 10))
        assert found["photograph"].tolist() == order.tolist()
        position = found["row"].to_numpy() * expected.shape[3] + found["column"].to_numpy()
        assert position.tolist() == places[order, unit].tolist()
        np.testing.assert_allclose(found["activation"], best[order, unit], rtol=1e-4, atol=1e-5)


def check_photographs(context: Context, result: DatasetExamples) -> None:
    """What is kept are the pixels that the network saw."""
    assert result.shown.tolist() == sorted(set(result.rows["photograph"]))
    names = context.photograph_collection().names
    assert result.names == tuple(names[number] for number in result.shown)
    grey = context.model.spec.input_shape[0] == 1
    for number in result.shown.tolist():
        with Image.open(io.BytesIO(result.photograph(number))) as image:
            assert image.format == "WEBP"
            again = context.model.spec.preprocess(image.convert("L") if grey else image.convert("RGB"))
        torch.testing.assert_close(again, shown_inputs(context)[number], rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", ["first", "left", "right", "deep", "gate", "last"])
def test_winners_are_those_of_the_networks_own_forward_pass(made: Made, layer: str) -> None:
    context = made(Branches(), 30)
    check_winners(context, dataset_examples.run(context), layer)


def test_photographs_are_kept_as_the_network_saw_them(made: Made) -> None:
    context = made(Branches(), 30, colors="BGR", scale=255.0)
    check_photographs(context, dataset_examples.run(context))


@pytest.mark.parametrize(("layer", "field"), [("first", (5, 5)), ("left", (17, 17)), ("deep", (25, 25))])
def test_a_patch_is_what_the_unit_sees_as_far_as_it_lies_in_the_photograph(
    made: Made, layer: str, field: tuple[int, int]
) -> None:
    context = made(Branches(), 12, (20, 36))
    result = dataset_examples.run(context)
    about = next(about for about in result.layers if about.layer == layer)
    assert about.field == field
    rows = result.rows[result.rows["layer"] == layer]
    for place in rows.drop_duplicates(["row", "column"]).head(4).itertuples():
        top, left = (
            max(0, stride * at + offset)
            for stride, at, offset in zip(about.stride, (place.row, place.column), about.offset, strict=True)
        )
        assert (place.top, place.left) == (top, left)
        changed = sees(context, layer, place.row, place.column)
        inside = np.zeros_like(changed)
        inside[place.top : place.top + place.height, place.left : place.left + place.width] = True
        assert not (changed & ~inside).any(), "it depends on nothing else"
        if layer == "first":
            assert (changed == inside).all(), "and on all of it"


def test_behind_a_gate_that_sees_everything_the_patch_is_the_whole_photograph(made: Made) -> None:
    result = dataset_examples.run(made(Branches(), 12))
    fields = {about.layer: about.field for about in result.layers}
    assert fields["gate"] is None and fields["last"] is None
    rows = result.rows[result.rows["layer"].isin(["gate", "last"])]
    assert (rows[["top", "left", "height", "width"]] == [0, 0, 24, 24]).all(axis=None)


def test_a_network_in_grey_and_an_input_that_is_no_square(made: Made) -> None:
    context = made(Branches(1), 15, (18, 40), channels=1)
    result = dataset_examples.run(context)
    assert result.size == (18, 40)
    for layer in ("first", "deep"):
        check_winners(context, result, layer)
    check_photographs(context, result)
    with Image.open(io.BytesIO(result.photograph(int(result.shown[0])))) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[..., 0] == pixels[..., 1]).all()


def test_a_network_whose_recording_stands_for_no_other_picture_is_run_itself(made: Made) -> None:
    context = made(Fickle(), 20)
    result = dataset_examples.run(context)
    check_winners(context, result, "second")
    assert "its own code" in result.remark or "own code is run" in result.remark


def test_units_that_never_fire_show_what_comes_closest_and_constant_ones_nothing(made: Made) -> None:
    context = made(Branches(), 12)
    module = context.model.module
    assert isinstance(module, Branches)
    module.first.bias[2] = -100.0
    module.first.weight[3] = 0
    result = dataset_examples.run(context)
    about = result.layers[0]
    assert (about.layer, about.rectified, about.silent, about.alike) == ("first", True, 1, 1)
    silent = of(result, "first", 2)
    assert len(silent) == 9 and (silent["activation"] < 0).all()
    assert silent["activation"].is_monotonic_decreasing
    assert len(of(result, "first", 3)) == 0


def test_photographs_that_are_all_alike_excite_nothing_more_than_others(made: Made) -> None:
    result = dataset_examples.run(made(Branches(), 12, blank=True))
    assert all(about.alike == about.units for about in result.layers)
    assert (len(result.rows), len(result.shown), len(result.encoded)) == (0, 0, 0)


def test_fewer_photographs_than_patches_give_several_each_that_are_apart(made: Made) -> None:
    context = made(Branches(), 2)
    result = dataset_examples.run(context)
    assert result.apart
    expected = responses(context, "first")
    for unit in range(6):
        found = of(result, "first", unit)
        assert len(found) == 9
        left = expected[:, unit].clone()
        for row in found.itertuples():
            assert row.activation == pytest.approx(float(left.max()), rel=1e-4), "the strongest of those left"
            number, (r, c) = row.photograph, (row.row, row.column)
            assert float(left[number, r, c]) == pytest.approx(row.activation, rel=1e-4)
            left[number, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2] = -torch.inf  # half of 5 pixels, stride 2
    assert result.rows[result.rows["layer"] == "last"].groupby("unit").size().max() == 2, "of a whole picture, one"


def test_a_killed_run_goes_on_behind_the_last_finished_chunk(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_examples, "CHUNK", 10)
    context = made(Branches(), 25)
    photographs, asked = context.photograph_collection(), []

    def read(numbers: Any) -> torch.Tensor:
        asked.extend(numbers)
        if len(asked) > 20 and read.killing:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return photographs.read(numbers)

    read.killing = True  # type: ignore[attr-defined]
    watched = replace(context, inputs={"photograph_collection": lambda: replace(photographs, read=read)})
    with pytest.raises(KeyboardInterrupt):
        dataset_examples.run(watched)
    read.killing, asked[:] = False, []  # type: ignore[attr-defined]
    resumed = dataset_examples.run(watched)
    assert asked[:5] == [20, 21, 22, 23, 24]
    monkeypatch.setattr(dataset_examples, "CHUNK", 100)
    pd.testing.assert_frame_equal(resumed.rows, dataset_examples.run(context).rows)


def test_a_layer_without_weights_and_all_behind_it_are_left_out_with_the_reason(made: Made) -> None:
    context = made(Branches(), 12)
    module = context.model.module
    assert isinstance(module, Branches)
    module.left.weight[:] = torch.nan
    context = replace(context, model=replace(context.model, missing=("left.weight",)))
    result = dataset_examples.run(context)
    reasons = {left.layer: left.reason for left in result.left_out}
    assert "weights file" in reasons["left"]
    assert reasons["deep"] == (
        "its activations are no finite numbers: the weights file does not hold it, or a layer before it"
    )
    assert {about.layer for about in result.layers} == {"first", "right"}


def test_larger_photographs_are_compressed(made: Made) -> None:
    result = dataset_examples.run(made(nn.Sequential(nn.Conv2d(3, 4, 3)), 10, (96, 96)))
    assert max(np.diff(result.ends, prepend=0)) < 96 * 96 * 3 / 3
