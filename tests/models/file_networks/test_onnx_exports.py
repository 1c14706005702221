"""The bundled simplified_32 exported to ONNX is the same network: activations, layers, expanded weights, and H, unless
batch norm was folded, which is said.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models import LoadedModel, load
from wbsite.ops.banding import banding_index
from wbsite.ops.expanded import expanded_weights, path_products

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from wbsite.models.formats.onnx.onnx import network  # noqa: E402

SHAPE = (3, 32, 32)
PAIRS = (("input", "0a"), ("2a", "3a"), ("3a", "5a"), ("5b", "fc"))
"""Source and target of expanded weights: from the picture, next to each other, over a layer, and into the classes."""

EXPORTS: dict[str, dict[str, Any]] = {
    "older": {"dynamo": False},
    "older, batch norm kept": {
        "dynamo": False,
        "training": torch.onnx.TrainingMode.PRESERVE,
        "do_constant_folding": False,
    },
    "newer": {"dynamo": True},
    "newer, not optimised": {"dynamo": True, "optimize": False},
}
FOLDED = ("older", "newer")


@cache
def native() -> LoadedModel:
    return load("simplified_32")


@pytest.fixture(scope="module", params=EXPORTS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, LoadedModel]:
    """How it was exported, and the network in the file."""
    options = EXPORTS[request.param]
    if options["dynamo"]:
        pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("exports") / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(native().module, (torch.rand(1, *SHAPE),), str(path), **options)
    return request.param, load(str(path))


def test_layers_and_activations_are_the_networks(exported: tuple[str, LoadedModel]) -> None:
    models = [native(), exported[1]]
    assert models[1].spec.input_shape == SHAPE
    layers = [discover(model.module, SHAPE) for model in models]
    for attribute in ("name", "weight_shape", "stride", "padding", "groups", "inputs", "output_shape", "reads"):
        expected, found = ([getattr(layer, attribute) for layer in side.layers] for side in layers)
        assert found == expected, attribute
    assert layers[1].notes == layers[0].notes
    tapes = [Recorded.of(model).tape for model in models]
    x = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    for layer in layers[0].names:
        values = [tape.activation(layer) for tape in tapes]
        expected, found = (tape.program([value])(x)[value] for tape, value in zip(tapes, values, strict=True))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4, msg=layer)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_expanded_weights_are_the_networks(exported: tuple[str, LoadedModel], source: str, target: str) -> None:
    expected, found = (expanded_weights(model, source, target) for model in (native(), exported[1]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    expected, found = (path_products(model, source, target).positive for model in (native(), exported[1]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_the_banding_index_is_the_networks_unless_batch_norm_was_folded(exported: tuple[str, LoadedModel]) -> None:
    name, model = exported
    indices = []
    for layer in discover(native().module, SHAPE).convs:
        kernels = native().module.get_submodule(layer.name).weight
        found = model.module.get_submodule(layer.name).weight
        if name in FOLDED:
            norm = native().module.get_submodule(f"{layer.name}_norm")
            kernels = kernels * (norm.weight / (norm.running_var + norm.eps).sqrt()).reshape(-1, 1, 1, 1)
        torch.testing.assert_close(found, kernels, rtol=1e-5, atol=1e-6)
        trained = native().module.get_submodule(layer.name).weight
        indices.append((banding_index(found).index, banding_index(trained).index))
    differences = [abs(index - trained) for index, trained in indices]
    said = "folded batch norm into the kernels of 7 layers (0a, 1a, 2a and 4 more)"
    if name in FOLDED:
        assert max(differences) > 0.01
        assert said in model.spec.note
        assert said in str(model.provenance["reading"])
    else:
        assert max(differences) == 0
        assert "folded" not in model.spec.note
        assert "reading" not in model.provenance


KERNELS = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)


def file_of(tmp_path: Path, weight: str, bias: str, *, producer: str = "", norm: bool = False, rule: str = "") -> Path:
    """One convolution, followed by batch norm or not."""
    conv = helper.make_node("Conv", ["x", weight, *filter(None, [bias])], ["a"])
    if rule:
        helper.set_model_props(conv, {"pkg.onnxscript.rewriter.rule_name": rule})
    arrays = {weight: KERNELS} | ({bias: KERNELS[:, 0, 0, 0]} if bias else {})
    nodes = [conv]
    if norm:
        nodes.append(helper.make_node("BatchNormalization", ["a", "s", "b", "m", "v"], ["b1"]))
        arrays |= dict.fromkeys("sbmv", np.ones(6, np.float32))
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", nodes[-1].output[0]))
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10, producer_name=producer)
    onnx.save(model, str(tmp_path / "net.onnx"))
    return tmp_path / "net.onnx"


def reading(path: Path) -> str:
    made: nn.Module = network(path)
    return str(made.reading)


@pytest.mark.parametrize(
    "traces",
    [
        {"weight": "onnx::Conv_80", "bias": "onnx::Conv_81", "producer": "pytorch"},
        {"weight": "545", "bias": "546", "producer": "pytorch"},
        {"weight": "a.weight", "bias": "a.weight_bias", "producer": "pytorch", "rule": "FuseBatchNormIntoConv, Other"},
        {"weight": "model/a/Conv2D_weights_fused_bn", "bias": "model/a/Conv2D_bias_fused_bn", "producer": "tf2onnx"},
        {"weight": "ConvBnFusion_W_a.weight", "bias": "ConvBnFusion_BN_B_norm.bias", "producer": "onnxruntime"},
    ],
)
def test_who_folds_leaves_traces(tmp_path: Path, traces: dict[str, str]) -> None:
    assert "folded batch norm into the kernels of 1 layer (" in reading(file_of(tmp_path, **traces))


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"weight": "a.weight", "bias": "a.bias", "producer": "pytorch"}, "does not show"),
        ({"weight": "80", "bias": "81"}, "does not show"),
        ({"weight": "onnx::Conv_80", "bias": "a.bias", "producer": "pytorch"}, "does not show"),
        ({"weight": "a.weight", "bias": "a.bias", "producer": "pytorch", "rule": "Other"}, "does not show"),
        ({"weight": "a.weight", "bias": ""}, ""),
        ({"weight": "a.weight", "bias": "", "norm": True}, ""),
    ],
)
def test_nothing_is_claimed_where_nothing_shows_it(tmp_path: Path, described: dict[str, Any], said: str) -> None:
    """A layer without a bias has no batch norm folded into it, and one that is followed by batch norm has none yet."""
    found = reading(file_of(tmp_path, **described))
    assert "kernels of 1 layer" not in found
    assert (said in found) if said else not found
