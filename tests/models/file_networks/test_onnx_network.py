"""A network in an ONNX file computes what it computed where it came from, and its layers are read as torch's own are.

Operators are compared with the results that the onnx package keeps for them, networks with torchvision's own, from
which they were exported, and with onnxruntime where it is installed.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded

onnx = pytest.importorskip("onnx")
from onnx import TensorProto  # noqa: E402

from wbsite.models.file_networks.onnx.network import OnnxNetwork, _attribute, _tensor  # noqa: E402
from wbsite.models.file_networks.onnx.node import Node, Unsupported  # noqa: E402
from wbsite.models.file_networks.onnx.operators import OPERATORS  # noqa: E402
from wbsite.models.formats import read  # noqa: E402
from wbsite.models.formats.onnx._messages import attributes  # noqa: E402

from .graphs import KERNELS, file_of, node  # noqa: E402

SIDE = 96

UNTESTED = {"Cast", "CastLike"}
"""Its cases go through types that are all float32 here."""

EMPTY = ("empty_set", "celu_bfloat16")
"""Cases of reductions over nothing, and of results that are rounded to bfloat16."""


@cache
def cases() -> dict[str, list[Any]]:
    """Operator → onnx's cases of it alone, on tensors of numbers."""
    from onnx.backend.test.case.node import collect_testcases

    found = defaultdict(list)
    for case in collect_testcases(None):
        nodes = case.model.graph.node if case.model is not None else ()
        if len(nodes) != 1 or nodes[0].domain or any(name in case.name for name in EMPTY):
            continue
        inputs, _ = case.data_sets[0]
        if all(isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind not in "OUSc" for value in inputs):
            found[nodes[0].op_type].append(case)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", sorted(OPERATORS.keys() - UNTESTED))
def test_operators_give_the_results_that_onnx_keeps(kind: str) -> None:
    """Or say that they do not compute a case."""
    computed = 0
    for case in cases()[kind]:
        (node,) = case.model.graph.node
        inputs, outputs = case.data_sets[0]
        named = dict(zip((value.name for value in case.model.graph.input), inputs, strict=True))
        opset = next(entry.version for entry in case.model.opset_import if not entry.domain)
        given = {name: _attribute(value) for name, value in attributes(node).items()}
        operands = [_tensor(np.asarray(named[name])) if name else None for name in node.input]
        try:
            results = OPERATORS[kind](Node(kind, given, opset, sum(map(bool, node.output))), *operands)
        except Unsupported:
            continue
        results = results if isinstance(results, tuple) else (results,)
        for result, expected in zip(results, outputs, strict=True):
            assert tuple(result.shape) == expected.shape, case.name
            expected = np.asarray(expected, np.float64)
            np.testing.assert_allclose(result.double(), expected, rtol=1e-3, atol=1e-5, err_msg=case.name)
        computed += 1
    assert computed


class Detector(nn.Module):
    """Two levels, the smaller enlarged in two ways, with one head for both."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.deep = nn.Conv2d(16, 32, 3, 2, 1)
        self.fine, self.coarse = nn.Conv2d(16, 24, 1), nn.Conv2d(32, 24, 1)
        self.up = nn.ConvTranspose2d(24, 24, 2, 2)
        self.head = nn.Conv2d(24, 9, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = F.silu(self.stem(x))
        coarse = self.coarse(self.deep(fine).relu())
        fine = self.fine(fine) + F.interpolate(coarse, scale_factor=2) + self.up(coarse)
        return torch.cat([self.head(level).flatten(2).permute(0, 2, 1) for level in (fine, coarse)], 1)


NETWORKS = ("resnet18", "mobilenet_v2", "squeezenet1_1", "googlenet", "shufflenet_v2_x0_5", "densenet121",
            "efficientnet_b0", "mobilenet_v3_small")  # fmt: skip


def network(name: str) -> nn.Module:
    """Random weights, and statistics of batch norm that are not those of doing nothing."""
    torch.manual_seed(0)
    if name == "detector":
        return Detector().eval()
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    made: nn.Module = getattr(torchvision.models, name)(weights=None, **options)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return made.eval()


def exported(native: nn.Module, path: Path, dynamo: bool) -> OnnxNetwork:
    torch.onnx.export(native, (torch.randn(1, 3, SIDE, SIDE),), str(path), dynamo=dynamo)
    return OnnxNetwork(path).eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "dynamo"),
    [*((name, False) for name in (*NETWORKS, "detector")), ("shufflenet_v2_x0_5", True), ("detector", True)],
)
def test_exports_compute_what_the_network_does_in_every_layer(tmp_path: Path, name: str, dynamo: bool) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    native = network(name)
    net = exported(native, tmp_path / "net.onnx", dynamo)
    assert net.input_shape == (3, SIDE, SIDE)
    tapes = [Recorded.of(module, (3, SIDE, SIDE)).tape for module in (native, net)]
    layers = [discover(module, (3, SIDE, SIDE)) for module in (native, net)]
    for attribute in ("name", "weight_shape", "stride", "padding", "groups", "inputs", "output_shape", "reads"):
        expected, read_back = ([getattr(layer, attribute) for layer in side.layers] for side in layers)
        assert read_back == expected, attribute
    assert layers[1].notes == layers[0].notes
    x = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))  # two, exported for one
    values = [[tape.activation(layer) for layer in layers[0].names] for tape in tapes]
    with torch.no_grad():
        results = [tape.program(wanted)(x) for tape, wanted in zip(tapes, values, strict=True)]
        outputs = [module(x) for module in (native, net)]
    for layer, first, second in zip(layers[0].names, *values, strict=True):
        expected = results[0][first]
        scale = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(results[1][second], expected, rtol=0, atol=1e-4 * scale, msg=layer)
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_onnxruntime_gives_the_same(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    net = exported(network("densenet121"), path, dynamo=False)
    x = torch.randn(1, 3, SIDE, SIDE)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(net(x).numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", [(6, 1, 2, 2), (6, 2, 3, 2)], ids=["depthwise", "grouped"])
def test_transposed_convolutions_in_groups_are_onnxruntimes(tmp_path: Path, kernel: tuple[int, ...]) -> None:
    """The onnx package's own evaluator computes these wrongly (findings)."""
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(2)
    groups = 6 if kernel[1] == 1 else 3
    arrays = {"up.weight": rng.normal(size=kernel), "up.bias": rng.normal(size=groups * kernel[1])}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    up = node("ConvTranspose", "x", "up.weight", "up.bias", group=groups, strides=[2, 2], pads=[0, 1, 1, 0])
    path = file_of(tmp_path / "net.onnx", [up], arrays, (2, 6, 5, 4))
    x = torch.randn(2, 6, 5, 4)
    (expected,) = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(OnnxNetwork(path)(x).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_parameters_are_those_that_the_file_is_read_as(tmp_path: Path) -> None:
    net = exported(network("densenet121"), tmp_path / "net.onnx", dynamo=False)
    state, parameters = read(tmp_path / "net.onnx").state, net.state_dict()
    assert state.keys() <= parameters.keys()
    for key, value in state.items():
        assert torch.equal(parameters[key], value), key


def test_a_hard_swish_that_is_written_out_can_be_expanded_through(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x", "a.weight", output="a"),
        node("Add", "a", "three", output="b"),
        node("Clip", "b", "zero", "six", output="c"),
        node("Mul", "a", "c", output="d"),
        node("Div", "d", "six", output="e"),
        node("Conv", "e", "b.weight"),
    ]
    arrays = {"a.weight": KERNELS, "b.weight": KERNELS.reshape(3, 6, 3, 3)}
    arrays |= {name: np.float32(value) for name, value in (("three", 3), ("zero", 0), ("six", 6))}
    tape = Recorded.of(OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, arrays)), (3, 8, 8)).tape
    assert [call.operation for call in tape.calls] == ["conv2d", "hardswish", "conv2d"]


def test_one_sided_padding_as_tensorflow_has_it(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x", "a.weight", output="a", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("MaxPool", "a", auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, {"a.weight": KERNELS}))
    x = torch.randn(1, 3, 8, 8)
    expected = F.conv2d(F.pad(x, (0, 1, 0, 1)), torch.from_numpy(KERNELS), stride=2)
    expected = F.max_pool2d(F.pad(expected, (0, 1, 0, 1), value=-torch.inf), 3, 2)
    torch.testing.assert_close(net(x), expected)


def test_a_bias_that_is_computed_is_added(tmp_path: Path) -> None:
    """As torch's newer exporter writes one of zeros, before it optimises the graph."""
    nodes = [
        node("Neg", "given", output="bias"),
        node("Conv", "x", "a.weight", "bias", output="a"),
        node("GlobalAveragePool", "a", output="b"),
        node("Flatten", "b", output="c"),
        node("Gemm", "c", "fc.weight", "each", output="d", transB=1, beta=2.0),
        node("Gemm", "d", "last.weight", "bias", output="y", alpha=0.5, beta=3.0),
    ]
    rng = np.random.default_rng(1)
    shapes = {"given": 6, "fc.weight": (5, 6), "each": (2, 5), "last.weight": (5, 6)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, arrays | {"a.weight": KERNELS}, (2, 3, 8, 8)))
    x = torch.randn(2, 3, 8, 8)
    t = {name: torch.from_numpy(array) for name, array in arrays.items()}
    y = F.conv2d(x, torch.from_numpy(KERNELS), -t["given"]).mean((2, 3)) @ t["fc.weight"].T + 2 * t["each"]
    torch.testing.assert_close(net(x), 0.5 * y @ t["last.weight"] - 3 * t["given"])
    assert {"a.weight", "fc.weight", "last.weight"} <= net.state_dict().keys()


@pytest.mark.parametrize("value", [np.int64(3), np.float32(3)], ids=["whole", "floating"])
def test_a_number_that_is_expanded_to_one_number_is_a_constant(tmp_path: Path, value: np.generic) -> None:
    """As PaddlePaddle's text recognisers compute a size; so is one that is cut out of several."""
    nodes = [
        node("Identity", "three", output="same"),
        node("Expand", "same", "sizes", output="wide"),
        node("Slice", "wide", "zero", "one", output="cut"),
        node("Cast", "cut", output="factor", to=TensorProto.FLOAT),
        node("Conv", "x", "a.weight", output="a"),
        node("Mul", "a", "factor"),
    ]
    arrays = {"three": value, "zero": np.int64([0]), "one": np.int64([1]), "a.weight": KERNELS}
    for count in (1, 2) if value.dtype.kind == "i" else (1,):
        net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, arrays | {"sizes": np.int64([count])}))
        assert [call.operation for call in Recorded.of(net, (3, 8, 8)).tape.calls][-1] == "mul"


def test_an_empty_list_of_sizes_is_a_constant(tmp_path: Path) -> None:
    """As PaddlePaddle's text recognisers make a number of a vector of one."""
    nodes = [
        node("Conv", "x", "a.weight", output="a"),
        node("ReduceMean", "a", output="mean", keepdims=0),
        node("Reshape", "mean", "none"),
    ]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, {"a.weight": KERNELS, "none": np.int64([])}))
    assert Recorded.of(net, (3, 8, 8)).tape.calls[-1].operation == "reshape"


def test_names_that_torch_takes_are_underscored(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x", "forward.weight", output="a"),
        node("Add", "a", "forward", output="b"),
        node("Mul", "b", "type..x", output="y"),
    ]
    arrays = {"forward.weight": KERNELS, "forward": KERNELS[:1, :1, :1, :1].repeat(6, 1), "type..x": KERNELS[0, 0, 0]}
    net = OnnxNetwork(
        file_of(tmp_path / "net.onnx", nodes, arrays | {"type..x": KERNELS[:, :1, :1, :1].reshape(1, 6, 1, 1)})
    )
    assert set(net.state_dict()) == {"forward_.weight", "forward_.bias", "type_._.x"}
    assert net(torch.zeros(1, 3, 8, 8)).shape == (1, 6, 6, 6)


def test_an_operator_that_fails_is_named_with_the_shapes(tmp_path: Path) -> None:
    nodes = [node("Conv", "x", "a.weight", output="a"), node("Reshape", "a", "sizes")]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, {"a.weight": KERNELS, "sizes": np.int64([1, 216])}))
    assert net(torch.zeros(1, 3, 8, 8)).shape == (1, 216)
    assert net(torch.zeros(4, 3, 8, 8)).shape == (4, 216)
    with pytest.raises(WbsiteError, match=r"Reshape \(y\) fails on values of shapes \[\(1, 6, 7, 7\)"):
        net(torch.zeros(1, 3, 9, 9))


def test_a_value_that_nothing_makes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="nothing makes z"):
        OnnxNetwork(file_of(tmp_path / "net.onnx", [node("Add", "x", "z")], {}))


def test_a_skipped_layer_is_named_by_what_it_is(tmp_path: Path) -> None:
    nodes = [node("Conv", "x", "a.weight", output="a"), node("ConvTranspose", "a", "up.weight")]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, {"a.weight": KERNELS, "up.weight": KERNELS}))
    (skipped,) = discover(net, (3, 8, 8)).skipped
    assert (skipped.name, skipped.kind) == ("up", "conv_transpose2d")
