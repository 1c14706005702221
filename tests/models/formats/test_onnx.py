"""ONNX files are read as the onnx package reads them: weights with torch's axes, whoever wrote the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional as F

from wbsite.models import load
from wbsite.models.formats import read

from .checks import assert_state
from .writers.onnx import BIAS, CONV, DEPTHWISE, convolutions, loaded, model, node, tensor


@pytest.mark.parametrize("inline", [False, True], ids=["initializers", "constants"])
def test_layers_have_torch_axes_and_the_order_of_the_graph(tmp_path: Path, inline: bool) -> None:
    network, arrays = convolutions(inline)
    contents = loaded(tmp_path, network)
    assert contents.format == "ONNX"
    assert contents.types == "float32"
    assert not contents.bgr
    expected = {key: array for key, array in arrays.items() if "." in key}
    expected |= {"head.weight": arrays["product"].T, "head.bias": arrays["added"]}
    assert_state(contents.state, expected)


def test_layers_compute_what_the_graph_does(tmp_path: Path) -> None:
    """Torch, on what was read, against the reference evaluator of onnx: a transposed convolution is not flipped."""
    arrays = {
        "a.weight": CONV[:, :, :2],
        "a.bias": BIAS,
        "up.weight": DEPTHWISE[:, :, :2],
        "m": BIAS[None].T @ BIAS[None],
    }
    nodes = [
        node("Conv", "x", "a.weight", "a.bias", output="a"),
        node("Conv", "a", "d.weight", output="b", group=4, pads=[1, 1, 1, 1]),
        node("ConvTranspose", "b", "up.weight", output="c", strides=[2, 2]),
        node("GlobalAveragePool", "b", output="d"),
        node("Squeeze", "d", "axes", output="e"),
        node("MatMul", "e", "m", output="f", name="m"),
        node("Add", "f", "a.bias", output="y"),
    ]
    arrays |= {"d.weight": DEPTHWISE, "axes": np.int64([2, 3])}
    network = model(nodes, [tensor(array, name) for name, array in arrays.items()])
    network.graph.output.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, None))
    state = loaded(tmp_path, network).state
    x = torch.randn(1, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    y = F.conv2d(x, state["a.weight"], state["a.bias"])
    y = F.conv2d(y, state["d.weight"], padding=1, groups=4)
    up = F.conv_transpose2d(y, state["up.weight"], stride=2)
    y = F.linear(y.mean((2, 3)), state["m.weight"], state["m.bias"])
    for result, expected in zip((y, up), ReferenceEvaluator(network).run(None, {"x": x.numpy()}), strict=True):
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_gemm_with_factors_and_either_order_of_axes(tmp_path: Path) -> None:
    weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    nodes = [
        node("Gemm", "x", "w", "one", output="a", name="first", alpha=2.0, beta=0.5),
        node("Gemm", "a", "v.weight", "row", output="y", name="second", transB=1),
    ]
    initializers = [tensor(weight, "w"), tensor(weight, "v.weight"), tensor(np.float32(4), "one")]
    state = loaded(tmp_path, model(nodes, [*initializers, tensor(np.float32([[1, 2, 3]]), "row")])).state
    np.testing.assert_array_equal(state["first.weight"].numpy(), 2 * weight.T)
    assert state["first.bias"].tolist() == [2, 2]
    np.testing.assert_array_equal(state["v.weight"].numpy(), weight)
    assert state["v.bias"].tolist() == [1, 2, 3]


def test_a_bias_that_is_added_is_one_only_where_it_fits(tmp_path: Path) -> None:
    """PaddlePaddle adds the bias of a convolution; hardswish adds 3, and a residual branch another map."""
    nodes = [
        node("Reshape", "b", "shape", output="row"),
        node("Conv", "x", "k.w_0", output="a"),
        node("Add", "a", "row", output="c"),
        node("Conv", "c", "l_weights", output="d"),
        node("Add", "d", "three", output="e"),
        node("Conv", "e", "m", output="f", name="Conv@2"),
        node("Add", "f", "wide", output="g"),
        node("Conv", "g", "n", output="h", name="used twice"),
        node("Add", "h", "row", output="i"),
        node("Mul", "h", "i", output="y"),
    ]
    square = np.ones((4, 4, 1, 1), np.float32)
    initializers = [tensor(BIAS, "b"), tensor(np.int64([1, -1, 1, 1]), "shape"), tensor(CONV, "k.w_0")]
    initializers += [tensor(square * i, name) for i, name in enumerate(("l_weights", "m", "n"))]
    initializers += [tensor(np.float32([3]), "three"), tensor(np.ones(4, np.float32), "wide")]
    state = loaded(tmp_path, model(nodes, initializers)).state
    assert list(state) == ["k.weight", "k.bias", "l.weight", "Conv@2.weight", "used twice.weight"]
    assert state["k.bias"].tolist() == BIAS.tolist()


def test_scopes_of_torch_become_paths_of_modules(tmp_path: Path) -> None:
    scopes = {
        "/layer2/layer2.0/downsample/downsample.0/Conv": "layer2.0.downsample.0",
        "/features/features.0/features.0.0/Conv": "features.0.0",
        "/Conv": "Conv_2",
        "block1/conv/Conv": "block1/conv",
    }
    names = [f"onnx::{i}" for i in range(len(scopes))]
    nodes = [node("Conv", "x", names[i], output=f"y{i}", name=scope) for i, scope in enumerate(scopes)]
    contents = loaded(
        tmp_path, model(nodes, [tensor(np.full((1, 1, 1, 1), i, np.float32), name) for i, name in enumerate(names)])
    )
    assert [key.removesuffix(".weight") for key in contents.state] == list(scopes.values())


def test_equal_weights_that_torch_writes_once_keep_their_names(tmp_path: Path) -> None:
    nodes = [
        node("Identity", "a.weight", output="b.weight"),
        node("Conv", "x", "a.weight", output="y1"),
        node("Conv", "y1", "b.weight"),
    ]
    state = loaded(tmp_path, model(nodes, [tensor(np.ones((4, 4, 1, 1), np.float32), "a.weight")])).state
    assert list(state) == ["a.weight", "b.weight"]


def test_names_are_unique_and_a_shared_weight_is_one_layer(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x", "shared.weight", "b", output="a", name="first"),
        node("Conv", "a", "shared.weight", "b", output="b1", name="second"),
        node("Conv", "b1", "v", output="c"),
        node("Conv", "c", "w", output="d", name="same"),
        node("Conv", "d", "u", output="y", name="same"),
    ]
    square = np.ones((4, 4, 1, 1), np.float32)
    initializers = [tensor(square * i, name) for i, name in enumerate(("shared.weight", "u", "v", "w"))]
    state = loaded(tmp_path, model(nodes, [*initializers, tensor(BIAS, "b")])).state
    assert list(state) == ["shared.weight", "shared.bias", "Conv_2.weight", "same.weight", "same_2.weight"]


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "DOUBLE", "FLOAT8E4M3FN", "FLOAT8E5M2"])
@pytest.mark.parametrize("raw", [True, False])
def test_number_types_of_floats(tmp_path: Path, kind: str, raw: bool) -> None:
    number = getattr(TensorProto, kind)
    values = CONV.astype(helper.tensor_dtype_to_np_dtype(number))
    weight = helper.make_tensor("c.weight", number, CONV.shape, values.tobytes() if raw else values.ravel(), raw=raw)
    nodes = [node("Cast", "c.weight", output="w", to=TensorProto.FLOAT), node("Conv", "x", "w")]
    contents = loaded(tmp_path, model(nodes, [weight]))
    np.testing.assert_array_equal(contents.state["c.weight"].numpy(), numpy_helper.to_array(weight).astype(np.float32))
    assert contents.types == str(values.dtype)


def dequantised(quantised: Any, scale: Any, zero: Any, **attributes: Any) -> Any:
    """By the reference evaluator of onnx."""
    nodes = [node("DequantizeLinear", "q", "s", "z", **attributes)]
    graph = helper.make_graph(nodes, "d", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [quantised, scale, zero])  # fmt: skip
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return ReferenceEvaluator(network).run(None, {})[0]


@pytest.mark.parametrize("kind", ["INT8", "UINT8", "INT4", "UINT4", "INT16", "FLOAT8E4M3FN"])
@pytest.mark.parametrize("scales", ["one", "units", "blocks"])
def test_quantised_kernels(tmp_path: Path, kind: str, scales: str) -> None:
    number = getattr(TensorProto, kind)
    rng = np.random.default_rng(2)
    levels = rng.integers(0, 8, size=(4, 6, 1, 1))
    quantised = helper.make_tensor("c.weight_quantized", number, levels.shape, levels.ravel())
    size = {"one": (), "units": (4,), "blocks": (4, 3, 1, 1)}[scales]
    scale = tensor(rng.uniform(0.01, 0.1, size=size).astype(np.float32), "s")
    integers = rng.integers(0, 1 if "FLOAT" in kind else 5, size=size)
    zero = helper.make_tensor("z", number, size, np.ravel(integers))
    attributes = {"one": {}, "units": {"axis": 0}, "blocks": {"axis": 1, "block_size": 2}}[scales]
    nodes = [node("DequantizeLinear", "c.weight_quantized", "s", "z", output="w", **attributes), node("Conv", "x", "w")]
    contents = loaded(tmp_path, model(nodes, [quantised, scale, zero]))
    quantised.name = "q"
    np.testing.assert_array_equal(contents.state["c.weight"].numpy(), dequantised(quantised, scale, zero, **attributes))
    assert contents.types == str(np.dtype(helper.tensor_dtype_to_np_dtype(number)))


def test_operators_that_compute_with_integers(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    arrays = {
        "xs": np.float32(0.5), "xz": np.uint8(3), "c.weight": rng.integers(-9, 9, (4, 3, 1, 1)).astype(np.int8),
        "ws": rng.uniform(0.1, 1, 4).astype(np.float32), "wz": np.zeros(4, np.int8), "ys": np.float32(1),
        "b": rng.integers(-999, 999, 4).astype(np.int32), "m": rng.integers(0, 255, (6, 4)).astype(np.uint8),
        "mz": np.uint8([1, 2, 3, 4]),
    }  # fmt: skip
    nodes = [
        node("QLinearConv", "x", "xs", "xz", "c.weight", "ws", "wz", "ys", "xz", "b", output="a"),
        node("QLinearMatMul", "a", "xs", "xz", "m", "ws", "mz", "ys", "xz", name="product"),
    ]
    contents = loaded(tmp_path, model(nodes, [tensor(array, name) for name, array in arrays.items()]))
    scale = arrays["ws"]
    assert list(contents.state) == ["c.weight", "c.bias", "product.weight"]
    np.testing.assert_array_equal(
        contents.state["c.weight"].numpy(), arrays["c.weight"].astype(np.float32) * scale[:, None, None, None]
    )
    np.testing.assert_allclose(contents.state["c.bias"].numpy(), arrays["b"] * 0.5 * scale, rtol=1e-6)
    difference = arrays["m"].astype(np.float32) - arrays["mz"]
    np.testing.assert_array_equal(contents.state["product.weight"].numpy(), (difference * scale).T)
    assert contents.types == "int8, uint8"


def test_layers_in_branches_see_the_constants_around_them(tmp_path: Path) -> None:
    def branch(name: str) -> Any:
        y = helper.make_tensor_value_info(f"y{name}", TensorProto.FLOAT, None)
        inner = [tensor(CONV, "inner.weight")] if name == "inner.weight" else []
        return helper.make_graph([node("Conv", "x", name, output=f"y{name}")], name, [], [y], inner)

    nodes = [node("If", "x", then_branch=branch("outer.weight"), else_branch=branch("inner.weight"))]
    contents = loaded(tmp_path, model(nodes, [tensor(CONV * 2, "outer.weight")]))
    np.testing.assert_array_equal(contents.state["inner.weight"].numpy(), CONV)
    np.testing.assert_array_equal(contents.state["outer.weight"].numpy(), CONV * 2)


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    network = model([node("Conv", "x", "c.weight")], [tensor(CONV, "c.weight")], producer_name="pytorch",
                    producer_version="2.9")  # fmt: skip
    helper.set_model_props(network, {"Image.BitmapPixelFormat": "Bgr8"})
    contents = loaded(tmp_path, network)
    assert contents.format == "ONNX (from pytorch 2.9)"
    assert contents.bgr


class Small(nn.Module):
    """A network with what torch's exporters treat in different ways."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, groups=4, bias=False)
        self.up = nn.ConvTranspose2d(8, 4, 2, groups=2)
        self.tokens = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.up(self.grouped(self.bn(self.conv(x)).relu()).relu())
        return self.fc(self.tokens(y.flatten(2).transpose(1, 2)).mean(1))


@pytest.mark.parametrize("exporter", ["script", "dynamo"])
@pytest.mark.filterwarnings("ignore")
def test_exports_of_torch(tmp_path: Path, exporter: str) -> None:
    """Weights are those of the module to the last bit, but for convolutions into which batch norm was folded."""
    if exporter == "dynamo":
        pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    network = Small().eval()
    network.bn.running_mean.normal_()
    network.bn.running_var.uniform_(0.5, 2)
    path = tmp_path / "net.onnx"
    torch.onnx.export(network, (torch.randn(1, 3, 16, 16),), path, dynamo=exporter == "dynamo", external_data=True)
    contents = read(path)
    state = network.state_dict()
    factor = state["bn.weight"] / (state["bn.running_var"] + network.bn.eps).sqrt()
    folded = contents.state.pop("conv.weight")
    torch.testing.assert_close(folded, state["conv.weight"] * factor[:, None, None, None])
    offset = (state["conv.bias"] - state["bn.running_mean"]) * factor + state["bn.bias"]
    torch.testing.assert_close(contents.state.pop("conv.bias"), offset)
    assert list(contents.state) == [key for key in state if not key.startswith(("conv", "bn"))]
    for key, value in contents.state.items():
        assert torch.equal(value, state[key]), key


@pytest.mark.parametrize(
    ("kind", "domain"), [("LSTM", ""), ("ConvInteger", ""), ("Deformed", "org.example"), ("Conv", "org.example")]
)
def test_weights_that_are_not_read_are_listed(tmp_path: Path, kind: str, domain: str) -> None:
    kernels = np.ones((2, 3, 3, 3), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "a.weight"], ["a"], name="a"),
        helper.make_node(kind, ["a", "b.weight"], ["b"], name="b", domain=domain),
        helper.make_node("Shape", ["b"], ["y"], name="c", domain="org.example"),
    ]
    tensors = [numpy_helper.from_array(kernels, name) for name in ("a.weight", "b.weight")]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    path = tmp_path / "net.onnx"
    path.write_bytes(
        helper.make_model(helper.make_graph(nodes, "net", values[:1], values[1:], tensors)).SerializeToString()
    )
    assert list(read(path).state) == ["a.weight"]
    (skipped,) = load(str(path)).module.skipped
    assert (skipped.name, skipped.reason) == ("b", f"weights of the operator {kind}, which are not read")
