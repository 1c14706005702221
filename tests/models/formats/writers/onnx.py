"""Makes networks of ONNX with the onnx package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from wbsite.models.formats import Contents, read

GENERATOR = np.random.default_rng(0)


CONV = GENERATOR.normal(size=(4, 3, 3, 2)).astype(np.float32)


DEPTHWISE = GENERATOR.normal(size=(4, 1, 3, 3)).astype(np.float32)


BIAS = np.float32([0.5, -1.25, 3, 1e-3])


def tensor(array: Any, name: str) -> Any:
    return numpy_helper.from_array(np.asarray(array), name)


def constant(array: Any, name: str) -> Any:
    return helper.make_node("Constant", [], [name], value=tensor(array, name))


def model(nodes: Sequence[Any], initializers: Sequence[Any] = (), opset: int = 21, **properties: Any) -> Any:
    """A network of nodes in a row from "x" to the last node's output."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", nodes[-1].output[0]))
    graph = helper.make_graph(list(nodes), "net", [x], [y], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10, **properties)


def loaded(tmp_path: Path, network: Any) -> Contents:
    path = tmp_path / "net.onnx"
    path.write_bytes(network.SerializeToString())
    return read(path)


def node(kind: str, *inputs: str, output: str = "y", name: str = "", **attributes: Any) -> Any:
    return helper.make_node(kind, list(inputs), [output], name=name, **attributes)


def convolutions(inline: bool) -> Any:
    """Every kind of layer, with initializers under torch's names, or with Constant nodes only."""
    rng = np.random.default_rng(1)
    arrays = {
        "conv.weight": CONV,
        "conv.bias": BIAS,
        "depthwise.weight": DEPTHWISE,
        "bn.weight": BIAS,
        "bn.bias": BIAS * 2,
        "bn.running_mean": BIAS * 3,
        "bn.running_var": np.abs(BIAS),
        "up.weight": rng.normal(size=(4, 3, 2, 2)).astype(np.float32),
        "fc.weight": rng.normal(size=(5, 24)).astype(np.float32),
        "fc.bias": rng.normal(size=5).astype(np.float32),
        "product": rng.normal(size=(5, 7)).astype(np.float32),
        "added": rng.normal(size=7).astype(np.float32),
    }
    nodes = [
        node("Conv", "x", "conv.weight", "conv.bias", output="a", name="/conv/Conv"),
        node("Conv", "a", "depthwise.weight", output="b", group=4),
        node("BatchNormalization", "b", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", output="c"),
        node("ConvTranspose", "c", "up.weight", output="d", group=2),
        node("Flatten", "d", output="e"),
        node("Gemm", "e", "fc.weight", "fc.bias", output="f", transB=1),
        node("MatMul", "f", "product", output="g", name="/head/MatMul"),
        node("Add", "added", "g", output="y"),
    ]
    if inline:
        return model([*(constant(array, name) for name, array in arrays.items()), *nodes]), arrays
    return model(nodes, [tensor(array, name) for name, array in arrays.items()]), arrays


def write(path: Path, inline: bool) -> Path:
    """A file of `convolutions`."""
    path.write_bytes(convolutions(inline)[0].SerializeToString())
    return path


def beside(path: Path, **external: str) -> Path:
    """A model whose kernels lie in another file in its folder, after 16 other bytes."""
    (path.parent / "net.data").write_bytes(bytes(16) + CONV.tobytes())
    weight = TensorProto(name="c.weight", dims=CONV.shape, data_type=TensorProto.FLOAT)
    weight.data_location = TensorProto.EXTERNAL
    entries = {"location": "net.data", "offset": "16", "length": str(CONV.nbytes)} | external
    for key, value in entries.items():
        weight.external_data.add(key=key, value=value)
    path.write_bytes(model([node("Conv", "x", "c.weight")], [weight]).SerializeToString())
    return path
