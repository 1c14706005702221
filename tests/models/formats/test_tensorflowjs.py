"""TensorFlow.js models: shards joined, numbers dequantised, axes turned as the layers that use them need it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read
from wbsite.models.formats.tensorflow._tensorflow import layer_name

from .writers.tensorflowjs import Arrays, layers, model, node, numbers


def same(tensor: torch.Tensor, expected: NDArray[Any]) -> None:
    assert tensor.dtype == torch.float32 and tensor.is_contiguous()
    np.testing.assert_array_equal(tensor.numpy(), expected.astype(np.float32), strict=True)


def test_a_layers_model(tmp_path: Path) -> None:
    """In the order of the model's layers, whatever the order in the file; classes tell kernels of one name apart."""
    arrays = {
        "dense/kernel": numbers(4, 3), "dense/bias": numbers(3), "bn/gamma": numbers(5, seed=1),
        "bn/beta": numbers(5, seed=2), "bn/moving_mean": numbers(5, seed=3), "bn/moving_variance": numbers(5, seed=4),
        "conv/kernel": numbers(3, 2, 4, 5), "up/kernel": numbers(3, 2, 4, 5),
        "dw/depthwise_kernel": numbers(3, 2, 4, 2),
        "dw3/kernel": numbers(3, 2, 4, 2), "dw3/bias": numbers(8), "sep/depthwise_kernel": numbers(3, 3, 4, 2),
        "sep/pointwise_kernel": numbers(1, 1, 8, 6), "sep/bias": numbers(6), "act/alpha": numbers(1, 1, 5),
        "steps": np.int32([3]),
    }  # fmt: skip
    topology = layers(
        ("input", "InputLayer"), ("conv", "Conv2D"), ("bn", "BatchNormalization"), ("act", "PReLU"),
        ("dw", "DepthwiseConv2D"), ("dw3", "DepthwiseConv2D"), ("up", "Conv2DTranspose"), ("sep", "SeparableConv2D"),
        ("dense", "Dense"),
    )  # fmt: skip
    contents = read(model(tmp_path, arrays, topology))
    assert contents.format == "TensorFlow.js layers model" and contents.types == "float32" and not contents.bgr
    state = contents.state
    assert list(state) == [
        "conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "dw.weight", "dw3.weight",
        "dw3.bias", "up.weight", "sep/depthwise.weight", "sep/pointwise.weight", "sep/pointwise.bias", "dense.weight",
        "dense.bias",
    ]  # fmt: skip
    same(state["conv.weight"], np.einsum("hwio->oihw", arrays["conv/kernel"]))
    same(state["up.weight"], np.einsum("hwoi->iohw", arrays["up/kernel"]))
    same(state["dense.weight"], arrays["dense/kernel"].T)
    same(state["sep/pointwise.weight"], np.einsum("hwio->oihw", arrays["sep/pointwise_kernel"]))
    same(state["bn.running_var"], arrays["bn/moving_variance"])
    for name, kernel in (("dw", arrays["dw/depthwise_kernel"]), ("dw3", arrays["dw3/kernel"])):
        assert state[f"{name}.weight"].shape == (8, 1, 3, 2)
        for channel, multiple in np.ndindex(4, 2):
            same(state[f"{name}.weight"][2 * channel + multiple, 0], kernel[:, :, channel, multiple])


def test_a_graph_model(tmp_path: Path) -> None:
    """Fused and not, batch norm folded and not, biases added later, constants behind an identity."""
    arrays = {
        "net/conv/Conv2D_weights": numbers(3, 3, 2, 4), "net/conv/Conv2D_bn_offset": numbers(4),
        "net/dw/depthwise_weights": numbers(3, 3, 4, 2), "net/plain/kernel": numbers(1, 1, 8, 6),
        "net/plain/bias": numbers(6, seed=1), "net/bn/gamma": numbers(6, seed=2), "net/bn/beta": numbers(6, seed=3),
        "net/bn/moving_mean": numbers(6, seed=4), "net/bn/moving_variance": numbers(6, seed=5),
        "net/up/kernel": numbers(2, 2, 3, 6), "unknown_7": numbers(5, 3), "net/shape": np.int32([1, 8, 8, 3]),
        "net/fc2/MatMul/ReadVariableOp": numbers(2, 5), "net/offset": numbers(5, seed=6),
        "net/image/mean": numbers(3, seed=7),
    }  # fmt: skip
    nodes = [
        node("input", "Placeholder"),
        *(node(name, "Const") for name in arrays),
        node("identity", "Identity", "net/plain/kernel"),
        node("net/conv/Relu6", "_FusedConv2D", "input", "net/conv/Conv2D_weights", "net/conv/Conv2D_bn_offset"),
        node("net/dw/depthwise", "DepthwiseConv2dNative", "net/conv/Relu6", "net/dw/depthwise_weights"),
        node("net/plain/Conv2D", "Conv2D", "net/dw/depthwise", "identity:0", "^input"),
        node("net/plain/BiasAdd", "BiasAdd", "net/plain/Conv2D", "net/plain/bias"),
        node("net/bn/FusedBatchNormV3", "FusedBatchNormV3", "net/plain/BiasAdd", "net/bn/gamma", "net/bn/beta",
             "net/bn/moving_mean", "net/bn/moving_variance"),
        node("net/up/conv2d_transpose", "Conv2DBackpropInput", "net/shape", "net/up/kernel",
             "net/bn/FusedBatchNormV3:0"),
        node("net/fc/MatMul", "MatMul", "net/up/conv2d_transpose", "unknown_7", transpose_b=True),
        node("net/fc/add", "AddV2", "net/offset", "net/fc/MatMul"),
        node("net/fc2/MatMul", "MatMul", "net/fc/add", "net/fc2/MatMul/ReadVariableOp"),
        node("net/fc2/again", "MatMul", "net/fc/add", "net/fc2/MatMul/ReadVariableOp"),
    ]  # fmt: skip
    contents = read(model(tmp_path, arrays, {"node": nodes, "versions": {}}))
    assert contents.format == "TensorFlow.js graph model"
    state = contents.state
    assert list(state) == [
        "net/conv.weight", "net/conv.bias", "net/dw.weight", "net/plain.weight", "net/plain.bias", "net/bn.weight",
        "net/bn.bias", "net/bn.running_mean", "net/bn.running_var", "net/up.weight", "net/fc.weight", "net/fc.bias",
        "net/fc2.weight",
    ]  # fmt: skip
    same(state["net/conv.weight"], np.einsum("hwio->oihw", arrays["net/conv/Conv2D_weights"]))
    same(state["net/conv.bias"], arrays["net/conv/Conv2D_bn_offset"])
    same(state["net/dw.weight"][5, 0], arrays["net/dw/depthwise_weights"][:, :, 2, 1])
    same(state["net/plain.bias"], arrays["net/plain/bias"])
    same(state["net/bn.running_mean"], arrays["net/bn/moving_mean"])
    same(state["net/up.weight"], np.einsum("hwoi->iohw", arrays["net/up/kernel"]))
    same(state["net/fc.weight"], arrays["unknown_7"])
    same(state["net/fc.bias"], arrays["net/offset"])
    same(state["net/fc2.weight"], arrays["net/fc2/MatMul/ReadVariableOp"].T)


def test_a_manifest_without_a_model(tmp_path: Path) -> None:
    arrays = {
        "conv/filters": numbers(3, 3, 2, 4), "conv/bias": numbers(4), "sep/depthwise_filter": numbers(3, 3, 4, 1),
        "sep/pointwise_filter": numbers(1, 1, 4, 6), "sep/bias": numbers(6), "scale/weights": numbers(6),
        "scale/biases": numbers(6), "fc": numbers(6, 2), "anchors": numbers(1, 5, 4),
    }  # fmt: skip
    contents = read(model(tmp_path, arrays))
    assert contents.format == "TensorFlow.js weights manifest"
    assert {name: tuple(value.shape) for name, value in contents.state.items()} == {
        "conv.weight": (4, 2, 3, 3), "conv.bias": (4,), "sep/depthwise.weight": (4, 1, 3, 3),
        "sep/pointwise.weight": (6, 4, 1, 1), "sep/pointwise.bias": (6,), "scale.weight": (6,), "scale.bias": (6,),
        "fc.weight": (2, 6),
    }  # fmt: skip
    same(contents.state["fc.weight"], arrays["fc"].T)


def test_quantised_weights_and_statistics(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    bytes_, words = generator.integers(0, 256, (3, 3, 2, 4)), generator.integers(0, 65536, (4, 3))
    arrays: Arrays = {
        "conv/kernel": bytes_.astype(np.uint8), "fc/kernel": words.astype(np.uint16),
        "half/kernel": numbers(4, 3).astype(np.float16), "bn/moving_variance": np.uint8([0, 128, 255]),
        "bn/gamma": np.uint8([7, 7, 7]),
    }  # fmt: skip
    quantised = {
        "conv/kernel": {"scale": 0.0052, "min": -0.71}, "fc/kernel": {"scale": 3.1e-05, "min": -1},
        "half/kernel": {}, "bn/moving_variance": {"scale": 0.0451989, "min": 1.25}, "bn/gamma": {"scale": 1, "min": 0},
    }  # fmt: skip
    names = [(name.partition("/")[0], "Dense") for name in arrays]
    contents = read(model(tmp_path, arrays, layers(*names), quantised))
    assert contents.types == "float16, uint16, uint8"
    same(contents.state["conv.weight"], np.einsum("hwio->oihw", bytes_ * 0.0052 - 0.71))
    same(contents.state["fc.weight"], (words * 3.1e-05 - 1).T)
    same(contents.state["half.weight"], arrays["half/kernel"].T)
    same(contents.state["bn.running_var"], np.array([0, 128, 255]) * 0.0451989 + 1.25)
    same(contents.state["bn.weight"], np.array([7, 7, 7]))


def test_shards_that_are_missing_short_or_of_another_model(tmp_path: Path) -> None:
    path = model(tmp_path, {"conv/kernel": numbers(3, 3, 2, 4)}, layers(("conv", "Conv2D")))
    shard = tmp_path / "group1-shard2of3.bin"
    data = shard.read_bytes()
    for replacement in (data[:-1], data * 4, b""):
        shard.write_bytes(replacement)
        with pytest.raises(WbsiteError, match="expected 288 for the weights") as caught:
            read(path)
        assert str(path) in caught.value.message and "exported together" in caught.value.hint
    shard.unlink()
    with pytest.raises(WbsiteError, match=r"needs the shard 'group1-shard2of3\.bin', which is not beside it"):
        read(path)


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "a/../../secret", "..\\secret", "C:\\secret", "x" * 5000, "a\0b", "\ud800", "."],
)
def test_a_shard_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(32))
    path = model(tmp_path / "net", {"conv/kernel": numbers(8)}, layers(("conv", "Dense")), shards=1)
    document = json.loads(path.read_text())
    document["weightsManifest"][0]["paths"] = [name]
    path.write_text(json.dumps(document))
    with pytest.raises(WbsiteError, match=r"outside its folder|not beside it") as caught:
        read(path)
    str(caught.value).encode()


def test_links_in_the_folder_are_followed(tmp_path: Path) -> None:
    """Stores of downloads keep a file under its digest and link to it."""
    path = model(tmp_path / "net", {"fc/kernel": numbers(4, 3)}, layers(("fc", "Dense")), shards=1)
    shard = path.parent / "group1-shard1of1.bin"
    shard.rename(tmp_path / "digest")
    shard.symlink_to(tmp_path / "digest")
    assert read(path).state["fc.weight"].shape == (3, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [10**9, 10**9]}, "expected 4" + "0" * 18),
        ({"shape": [10**4000] * 8}, "has no shape"),
        ({"shape": [-3, -4]}, "has no shape"),
        ({"shape": "3"}, "has no shape"),
        ({"dtype": "string"}, "is of type 'string'"),
        ({"dtype": []}, r"is of type \[\]"),
        ({"quantization": {"dtype": []}}, r"quantised to \[\]"),
        ({"quantization": {"dtype": "uint4"}}, "quantised to 'uint4'"),
        ({"quantization": {"dtype": "uint8", "scale": float("nan"), "min": 0}}, "without a scale"),
        ({"quantization": {"dtype": "uint8", "scale": 10**400, "min": 0}}, "without a scale"),
        ({"quantization": {"dtype": "uint8", "scale": 1}}, "without a scale"),
        ({"name": None}, "has no name"),
    ],
)
def test_a_manifest_that_is_not_one_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = model(tmp_path, {"fc/kernel": numbers(3, 4)}, layers(("fc", "Dense")))
    document = json.loads(path.read_text())
    document["weightsManifest"][0]["weights"][0] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(WbsiteError, match=words) as caught:
        read(path)
    assert str(path) in caught.value.message and caught.value.hint


@pytest.mark.parametrize("name", ["group1-shard1of1.bin", ".//./group1-shard1of1.bin"])
def test_a_shard_counts_once(tmp_path: Path, name: str) -> None:
    """A small file could otherwise ask for any amount of memory."""
    path = model(tmp_path, {"fc/kernel": numbers(3, 4)}, shards=1)
    group = json.loads(path.read_text())[0]
    path.write_text(json.dumps([group, group | {"paths": [name], "weights": [group["weights"][0] | {"name": "b"}]}]))
    with pytest.raises(WbsiteError, match="is listed twice"):
        read(path)


def test_names_that_cannot_be_written_are_replaced(tmp_path: Path) -> None:
    path = model(tmp_path, {"fc\ud800/kernel": numbers(3, 4)})
    assert list(read(path).state) == ["fc?.weight"]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"modelTopology": {}, "weightsManifest": 3}', '[{"weights": [3]}]'])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(WbsiteError) as caught:
        read(tmp_path / "model.json")
    assert str(tmp_path / "model.json") in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    ("constant", "operator", "name"),
    [
        ("StatefulPartitionedCall/net/conv1/Conv2D/ReadVariableOp", "x", "StatefulPartitionedCall/net/conv1"),
        ("MobilenetV2/Conv/Conv2D_weights", "x", "MobilenetV2/Conv"),
        ("MobilenetV2/expanded_conv/depthwise/depthwise_weights", "x", "MobilenetV2/expanded_conv/depthwise"),
        ("net/bn/FusedBatchNormV3;net/dw/depthwise;net/dw_1/depthwise_dequantize", "x", "net/dw"),
        ("net/conv/weights_quant/FakeQuantWithMinMaxVars", "x", "net/conv"),
        ("conv2d_3/Kernel", "x", "conv2d_3"),
        ("tfl.pseudo_qconst12", "net/fc/BiasAdd", "net/fc"),
        ("unknown_12", "net/bn_1/FusedBatchNormV3", "net/bn_1"),
        ("Func/StatefulPartitionedCall/input/_262", "net/dense/BiasAdd", "net/dense"),
        ("kernel", "x", "kernel"),
        (";/;", "", "layer"),
    ],
)
def test_a_layer_is_called_after_its_weights(constant: str, operator: str, name: str) -> None:
    assert layer_name(constant, operator) == name
