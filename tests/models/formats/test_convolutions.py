"""Transposed convolutions and groups are known without a network where the file tells of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from wbsite.core.errors import WbsiteError
from wbsite.graph.kernels import TRANSPOSED
from wbsite.models.formats import read
from wbsite.models.weights_alone import weights_alone

from .samples import SAMPLES
from .writers import flax_msgpack, matconvnet, onnx, tensorflowjs

Told = dict[str, tuple[bool, int | None]]

KERAS: Told = {
    "stem": (False, 1),
    "dw": (False, 8),
    "sep/depthwise": (False, 16),
    "sep/pointwise": (False, 1),
    "up": (True, 1),
    "grouped": (False, 5),
    "inner/inner_conv": (False, 1),
    "along": (False, 1),
}
TOLD: dict[str, Told] = {
    "caffemodel": {"conv1/7x7_s2": (False, 2)},
    "caffemodel-v1": {"conv1/7x7_s2": (False, 2)},
    "darknet": {
        "convolutional_0": (False, 1),
        "convolutional_2": (False, 8),
        "convolutional_5": (False, 1),
        "convolutional_10": (False, 1),
        "deconvolutional_11": (True, 1),
        "convolutional_14": (False, 1),
    },
    "keras-h5": KERAS,
    "keras": KERAS,
    "keras-weights": KERAS | {name: (name == "up", None) for name in KERAS if "dw" not in name and "sep" not in name},
    "matconvnet": {
        "conv1": (False, None),  # the first: the number of the picture's channels is not in the file
        "fc": (False, 1),
        "up": (True, None),
        "layer6": (False, None),  # behind a transposed one
        "one": (False, 1),
    },
    "onnx": {"conv": (False, 1), "depthwise": (False, 4), "up": (True, 2)},
    "tensorflowjs-graph": {"conv": (False, 1)},
    "tensorflowjs-layers": {"conv": (False, 1)},
    "tflite": {"dw": (False, 2), "conv": (False, 2)},
    **{name: {} for name in ("flax", "npz", "pytorch", "safetensors", "tensorflowjs-manifest", "torchscript")},
}
"""Sample → layer → (whether it is transposed, its groups)."""


@pytest.mark.parametrize("sample", TOLD)
def test_what_a_file_tells_of_its_convolutions(tmp_path: Path, sample: str) -> None:
    SAMPLES[sample].write(tmp_path / SAMPLES[sample].file)
    told = read(tmp_path / SAMPLES[sample].file).convolutions
    assert told == {f"{layer}.weight": known for layer, known in TOLD[sample].items()}


def test_flax_tells_by_the_names_that_it_gives(tmp_path: Path) -> None:
    kernel = np.ones((3, 3, 2, 4), np.float32)
    modules = {name: {"kernel": kernel} for name in ("Conv_0", "ConvTranspose_0", "stem")}
    (tmp_path / "net.msgpack").write_bytes(flax_msgpack.packed({"params": modules}))
    told = read(tmp_path / "net.msgpack").convolutions
    assert told == {"Conv_0.weight": (False, None), "ConvTranspose_0.weight": (True, None)}


def test_depthwise_kernels_of_tensorflowjs_have_a_group_a_channel(tmp_path: Path) -> None:
    arrays = {"dw/depthwise_kernel": np.ones((3, 3, 4, 2), np.float32)}
    for topology in (tensorflowjs.layers(("dw", "DepthwiseConv2D")), None):
        told = read(tensorflowjs.model(tmp_path, arrays, topology)).convolutions
        assert told == {"dw.weight": (False, 4)}


def test_groups_of_matconvnet_follow_from_the_layer_before(tmp_path: Path) -> None:
    """As of AlexNet, whose second kernels take the first 96 units in two halves."""
    shapes = {"conv1": (11, 11, 3, 96), "relu1": None, "pool1": None, "conv2": (5, 5, 48, 256), "odd": (1, 1, 3, 2)}
    layers = [
        {"type": name.rstrip("12"), "name": name}
        if shape is None
        else {"type": "conv", "name": name, "weights": matconvnet.cell(np.zeros(shape, np.float32), np.zeros((0, 0)))}
        for name, shape in shapes.items()
    ]
    scipy.io.savemat(tmp_path / "net.mat", {"layers": matconvnet.cell(*layers)})
    told = read(tmp_path / "net.mat").convolutions
    assert [known.groups for known in told.values()] == [None, 2, None]


@pytest.mark.parametrize("groups", [0, -2, 3])
def test_groups_that_do_not_fit_the_units_are_refused(tmp_path: Path, groups: int) -> None:
    node = onnx.node("Conv", "x", "c.weight", group=groups)
    (tmp_path / "net.onnx").write_bytes(
        onnx.model([node], [onnx.tensor(np.ones((4, 1, 3, 3), np.float32), "c.weight")]).SerializeToString()
    )
    with pytest.raises(WbsiteError, match=f"puts the 4 units of c.weight into {groups} groups"):
        read(tmp_path / "net.onnx")


@pytest.mark.parametrize("sample", ["darknet", "keras", "matconvnet"])
def test_weights_alone_are_shown_by_what_their_file_tells(tmp_path: Path, sample: str) -> None:
    path = tmp_path / SAMPLES[sample].file
    SAMPLES[sample].write(path)
    layers = weights_alone(path, "", path.name).module.layers((3, 1, 1))
    told = {name: known for name, known in TOLD[sample].items() if name != "along"}  # which has one axis of space
    assert [skipped.name for skipped in layers.skipped if skipped.reason == TRANSPOSED] == [
        name for name, (transposed, _) in told.items() if transposed
    ]
    for layer in layers.layers:
        if layer.kind == "conv":
            assert layer.groups == (told[layer.name][1] or 1)
    assert ("Groups" in layers.notes[1]) == (sample == "matconvnet")
    assert "ransposed" not in layers.notes[1]
