"""A file of ONNX is a model by its path: its input, the order of its colours, pictures of its units."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from wbsite.core.model_input import ModelInput
from wbsite.featurevis import Target, quick_pictures, quick_settings
from wbsite.featurevis.image_model import image_model
from wbsite.graph.layers import discover
from wbsite.models import load

onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402

from wbsite.graph.stored_kernels import StoredKernels  # noqa: E402

from .graphs import KERNELS, file_of, node  # noqa: E402


def test_a_file_is_a_model_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its name; one that has no network gives its kernels."""
    monkeypatch.chdir(tmp_path)
    net = torchvision.models.squeezenet1_1(weights=None).eval()
    (tmp_path / "runs, old").mkdir()
    path = tmp_path / "runs, old" / "net.bin"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.rand(1, 3, 64, 64),), str(path), dynamo=False)
    loaded = load("runs, old/net.bin")
    assert loaded.spec.input_shape == (3, 64, 64)
    assert loaded.spec.title == "net.bin"
    assert loaded.provenance["source_format"] == "onnx"
    layers = discover(loaded.module, loaded.spec.input_shape)
    assert len(layers.convs) == 26
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    alone = load("weights.pth")
    assert alone.alone and not loaded.alone
    assert isinstance(alone.module, StoredKernels)
    assert len(alone.module.layers(alone.spec.input_shape).convs) == 26


@pytest.mark.parametrize(
    ("pixels", "said", "colors", "sentence"),
    [
        ("", None, "RGB", "taken for red, green and blue: the file does not say"),
        ("", "BGR", "BGR", "Its channels are blue, green and red, as given."),
        ("", "RGB", "RGB", ""),
        ("Bgr8", None, "BGR", "Its channels are blue, green and red, from its input_space."),
        ("Rgb8", None, "RGB", ""),
    ],
)
def test_an_order_of_colours_that_the_file_does_not_say_is_a_guess(
    tmp_path: Path, pixels: str, said: Any, colors: str, sentence: str
) -> None:
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], {"a.weight": KERNELS}, (1, 3, 64, 64))
    if pixels:
        made = onnx.load(path)
        helper.set_model_props(made, {"Image.BitmapPixelFormat": pixels})
        onnx.save(made, path)
    loaded = load(str(path), said=ModelInput(channels=said, mean=(0.5,) * 3, std=(0.5,) * 3))
    weight = torch.from_numpy(KERNELS)
    assert torch.equal(loaded.spec.filters_in_rgb(weight), weight.flip(1) if colors == "BGR" else weight)
    assert sentence in loaded.spec.note
    assert ("green" in loaded.spec.note) == bool(sentence)
    assert loaded.spec.assumed == ("taken for" in sentence)
    assert ('channels = "BGR" in its table' in loaded.spec.note) == loaded.spec.assumed


def test_grey_pictures_have_no_order_of_colours(tmp_path: Path) -> None:
    arrays = {"a.weight": KERNELS[:, :1]}
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], arrays, (1, 1, 64, 64))
    assert "green" not in load(str(path)).spec.note


def test_pictures_are_made_at_the_size_that_constants_of_the_graph_fix(tmp_path: Path) -> None:
    """Of layers behind them; those before take a smaller one. The network itself answers as was measured."""
    nodes = [
        node("Conv", "x", "a.weight", output="a", pads=[1, 1, 1, 1]),
        node("Reshape", "a", "row", output="b"),
        node("Transpose", "b", output="c", perm=[0, 2, 1]),
        node("MatMul", "c", "mixed", output="d"),
        node("Softmax", "d", output="e", axis=1),
        node("Transpose", "e", output="f", perm=[0, 2, 1]),
        node("Reshape", "f", "map", output="g"),
        node("Conv", "g", "b.weight"),
    ]
    arrays = {
        "a.weight": KERNELS,
        "b.weight": KERNELS.reshape(3, 6, 3, 3),
        "mixed": 3 * KERNELS[:, :2, :, 0].reshape(6, 6),
    }
    arrays |= {"row": np.int64([1, 6, 256]), "map": np.int64([1, 6, 16, 16])}
    model = load(str(file_of(tmp_path / "net.onnx", nodes, arrays, (1, 3, 16, 16))))
    settings = quick_settings(8, 4)
    for layer, shape in (("a", (8, 8)), ("b", (16, 16))):
        targets = [Target(layer, channel) for channel in range(3)]
        seen = image_model(model, targets, settings, torch.device("cpu"))
        assert (seen.shape, seen.way) == (shape, "batches")
        for pictures in quick_pictures(model, targets, settings, torch.device("cpu")):
            assert all(picture.agrees for picture in pictures)
            assert [picture.own for picture in pictures[:2]] == pytest.approx(
                [picture.activation for picture in pictures[:2]], rel=0.05
            )
