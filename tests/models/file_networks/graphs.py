"""Small graphs of ONNX, written to files for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def file_of(
    path: Path, nodes: Sequence[Any], arrays: dict[str, Any], sizes: Sequence[Any] = (1, 3, 8, 8), opset: int = 17
) -> Path:
    """A graph from "x" to the last node's result."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(list(nodes), "net", [x], [y], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def node(kind: str, *inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, list(inputs), [output], **attributes)


KERNELS = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
