"""Which nodes of an ONNX graph are layers, what they are called, and what they multiply by, with torch's axes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wbsite.models.formats.base import Convolution

from ._messages import Malformed, attributes, number
from ._steps import dequantised

if TYPE_CHECKING:
    from onnx import NodeProto

    from ._values import Values

_ENDS = (".weight", ".weight_quantized", ".w_0", "_weights", "_scale")
"""Of the names of kernels and of batch norm's factors, after the name of their layer."""

_Parts = tuple[dict[str, NDArray[Any] | None], str]


@dataclass(frozen=True)
class Layer:
    """What one node multiplies by.

    Attributes:
        name: that no other layer has.
        parts: "weight" with torch's axes and what else there is of "bias", "running_mean", "running_var": float32.
        added: name of the sum in which the bias is added, where the node itself has none; else "".
        repeated: whether an earlier node has read the same weight; name is then that of its layer.
        convolution: what the node says of it, where it is one.
    """

    name: str
    parts: Mapping[str, NDArray[np.float32]]
    added: str = ""
    repeated: bool = False
    convolution: Convolution | None = None


class LayerReader:
    """Tells which nodes of a graph, given one after another, are layers.

    Attributes:
        types: of the kernels read, as the file holds them.
    """

    def __init__(self) -> None:
        self.types: list[str] = []
        self._names: set[str] = set()
        self._read: dict[str, str] = {}  # weight → layer
        self._number: Counter[str] = Counter()

    def read(self, node: NodeProto, values: Values, repeats: bool = False) -> Layer | None:
        """A node's layer; None where it is none.

        Args:
            values: constants of the graph that it is in.
            repeats: whether also of a weight that an earlier node has read.

        Raises:
            Malformed: its weights are damaged.
        """
        kind = node.op_type
        self._number[kind] += 1
        if kind not in KERNELS or node.domain not in DOMAINS:
            return None
        given, weight = attributes(node), _input(node, KERNELS[kind])
        if kind == "MatMul" and not values.origin(weight):
            weight = _input(node, 0)
        root = values.origin(weight)
        key = weight if weight.endswith(_ENDS) else root  # torch writes equal weights once, with an Identity for others
        if not root or (key in self._read and not repeats and kind != "BatchNormalization"):
            return None
        parts, added = _parts(node, given, weight, values)
        if (kernel := parts.get("weight")) is None:
            return None
        transposed, groups = kind == "ConvTranspose", number(given, "group", 1)
        units = kernel.shape[1] * groups if transposed else kernel.shape[0]
        known = {part: array for part, array in parts.items() if array is not None}
        wrong = [part for part, array in known.items() if part != "weight" and array.shape != (units,)]
        if wrong:
            raise Malformed(f"the {wrong[0]} of {node.name or kind} does not fit its {units} units")
        # Copied, so that what the file's own number type takes can go.
        copied = {part: np.array(array, np.float32, order="C") for part, array in known.items()}
        if kind == "BatchNormalization":
            return Layer(self._name(node, weight, root), copied)
        if key in self._read:
            return Layer(self._read[key], copied, added, repeated=True)
        self._read[key] = self._name(node, weight, root)
        self.types.append(values.kind(weight))
        convolution = Convolution(transposed, groups) if "Conv" in kind else None
        return Layer(self._read[key], copied, added, convolution=convolution)

    def _name(self, node: NodeProto, weight: str, root: str) -> str:
        """A layer's name that no other has."""
        pairs = ((text, end) for text in (weight, root) for end in _ENDS)
        name = next((text.removesuffix(end) for text, end in pairs if text.endswith(end) and text != end), "")
        if not name or name in self._names:
            name = _module(node)
        if not name:
            name = f"{node.op_type}_{self._number[node.op_type] - 1}"
        if name in self._names:
            name = next(other for i in count(2) if (other := f"{name}_{i}") not in self._names)
        self._names.add(name)
        return name


def _module(node: NodeProto) -> str:
    """A node's name without its operator, or the dotted path of torch's module that made it, where it is told: in
    metadata, or as a name like "/a/a.0/b/Conv", which is "a.0.b"."""
    scopes = [str(entry.value) for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
    paths = re.findall("'([^']*)'", scopes[0]) if scopes else []  # of the network, the modules in it, and the operator
    if len(paths) > 2:
        return str(paths[-2])
    scope = str(node.name).removesuffix(f"/{node.op_type}")
    if not scope.startswith("/"):
        return scope
    parts: list[str] = []
    for part in scope.strip("/").split("/"):
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


KERNELS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "BatchNormalization": 1, "QLinearConv": 3,
           "QLinearMatMul": 3, "QGemm": 3}  # fmt: skip
"""Operator of a layer → which of its inputs is the weight."""

DOMAINS = ("", "ai.onnx", "com.microsoft")
"""Whose operators these are."""


_UNREAD = ("ConvInteger", "MatMulInteger", "LSTM", "GRU", "RNN", "DynamicQuantizeLSTM", "DeformConv")
"""Operators with weights that are not read."""


def unread(node: NodeProto) -> bool:
    """Whether a node's constants are weights that are not read: of such an operator, or of one that is not ONNX's."""
    return node.op_type in _UNREAD or node.domain not in DOMAINS


def _input(node: NodeProto, place: int) -> str:
    return str(node.input[place]) if place < len(node.input) else ""


def _parts(node: NodeProto, given: Mapping[str, Any], weight: str, values: Values) -> _Parts:
    """Kernels with torch's axes, bias (O) and the like by name, and the sum that the bias comes from; none where the
    node is no layer."""
    kind = node.op_type
    if kind == "BatchNormalization":
        names = ("weight", "bias", "running_mean", "running_var")
        vectors = {name: values.array(_input(node, i + 1)) for i, name in enumerate(names)}
        if any(vector is not None and vector.ndim != 1 for vector in vectors.values()):
            raise Malformed(f"batch norm {node.name} has parameters that are no vectors")
        return ({}, "") if any(vector is None for vector in vectors.values()) else (vectors, "")
    kernel = values.array(weight)
    if kernel is None or (kernel.ndim != 2 and "Conv" not in kind):
        return {}, ""
    if "Conv" in kind and kernel.ndim < 3:
        raise Malformed(f"the kernels of {node.name or kind} are of shape {kernel.shape}")
    if kind.startswith("Q"):
        return _quantised(node, given, kernel, values), ""
    own = _input(node, 2)
    bias = values.array(own)
    if "Conv" in kind:
        units = kernel.shape[1] * number(given, "group", 1) if kind == "ConvTranspose" else kernel.shape[0]
        return _with_bias(kernel, bias) if own else _with_sum(kernel, node, values, units, kernel.ndim - 2)
    if kind == "MatMul":
        left = weight == _input(node, 0)
        return _with_bias(kernel, None) if left else _with_sum(kernel.T, node, values, len(kernel.T))
    alpha, beta = number(given, "alpha", 1.0), number(given, "beta", 1.0)
    kernel = kernel if number(given, "transB", 0) else kernel.T
    kernel = kernel if alpha == 1 else alpha * kernel
    if not own:
        return _with_sum(kernel, node, values, len(kernel))
    if bias is None or (bias.ndim == 2 and len(bias) > 1):  # another one for every sample
        return _with_bias(kernel, None)
    bias = bias.reshape(-1).repeat(len(kernel) if bias.size == 1 else 1)
    return _with_bias(kernel, bias if beta == 1 else beta * bias)


def _with_bias(kernel: NDArray[Any], bias: NDArray[Any] | None) -> _Parts:
    return {"weight": kernel, "bias": None if bias is None else bias.reshape(-1)}, ""


def _with_sum(kernel: NDArray[Any], node: NodeProto, values: Values, units: int, trailing: int = 0) -> _Parts:
    """Kernels with what an Add that alone reads the node's result adds to each unit, if there is one.

    Args:
        units: O.
        trailing: axes of the result after that of its units.
    """
    reader = values.only_reader(str(node.output[0])) if node.output else None
    if reader is None or reader.op_type != "Add" or len(reader.input) != 2 or not reader.output:
        return _with_bias(kernel, None)
    bias = values.array(next((name for name in reader.input if name != node.output[0]), ""))
    if bias is None or bias.ndim <= trailing or not bias.shape[bias.ndim - 1 - trailing] == bias.size == units:
        return _with_bias(kernel, None)
    return _with_bias(kernel, bias)[0], str(reader.output[0])


def _quantised(
    node: NodeProto, given: Mapping[str, Any], kernel: NDArray[Any], values: Values
) -> dict[str, NDArray[Any] | None]:
    """Kernels and bias of an operator that computes with integers: weight · its scale, bias · both scales."""
    x_scale, scale, zero = (values.array(_input(node, place)) for place in (1, 4, 5))
    if x_scale is None or scale is None or zero is None or x_scale.size != 1:
        return {}
    turned = node.op_type != "QLinearConv" and not number(given, "transB", 0)
    axis = 1 if turned else 0
    kernel = dequantised([kernel, scale, zero], {"axis": axis})
    kernel = kernel.T if turned else kernel
    place = {"QLinearConv": 8, "QGemm": 6}.get(node.op_type, len(node.input))
    bias = values.array(_input(node, place))
    if bias is not None:
        product = np.float32(x_scale.reshape(())) * scale.astype(np.float32)
        bias = dequantised([bias.reshape(-1), product], {"axis": 0})
    alpha = number(given, "alpha", 1.0)
    return {"weight": kernel if alpha == 1 else kernel * alpha, "bias": bias}
