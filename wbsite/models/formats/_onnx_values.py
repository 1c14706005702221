"""Constants of an ONNX graph as arrays: initializers, Constant nodes, external data, and what is computed from them.

Sizes that a file claims are checked against the bytes there before anything is allocated, and files beside the model
are opened only inside its folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

LONGEST = 16
"""Most nodes between a constant and the layer that reads it."""

SMALLEST = 1 << 20
"""Numbers that a file of any size may hold."""


class Malformed(Exception):
    """The file contradicts itself or lacks what it names; the text says how."""


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes by name, as Python's numbers, bytes, lists, and onnx's own tensors and graphs.

    Raises:
        Malformed: one is of no known type.
    """
    from onnx import helper

    try:
        return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    except ValueError as error:
        raise Malformed(f"an attribute of {node.name or node.op_type} cannot be read: {error}") from error


def number(given: Mapping[str, Any], name: str, default: float) -> Any:
    """A number among attributes, of the type of its default.

    Raises:
        Malformed: it is something else.
    """
    value = given.get(name, default)
    if not isinstance(value, type(default)):
        raise Malformed(f"the attribute {name} is no {type(default).__name__}")
    return value


def integers(given: Mapping[str, Any], name: str) -> list[int] | None:
    """A list of integers among attributes; None where it is not given. Raises as `number`."""
    value = given.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, int) for item in value)):
        raise Malformed(f"the attribute {name} is no list of integers")
    return value


class External:
    """Files beside a model that hold its larger tensors.

    Args:
        path: of the model.
    """

    def __init__(self, path: Path) -> None:
        # Hubs' caches keep a model and its data as links to files that lie side by side elsewhere.
        self.folder = path.parent
        self.allowed = {path.parent.resolve(), path.resolve().parent}
        self.sizes: dict[Path, int] = {}

    def read(self, tensor: TensorProto, size: int) -> bytes:
        """The tensor's bytes.

        Args:
            size: how many there have to be.

        Raises:
            Malformed: the file lies outside the model's folder, is not there, or is too short.
        """
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if not all(isinstance(text, str) for text in (tensor.name, *entries, *entries.values())):
            raise Malformed("a name of its external data is no text")
        try:
            path = (self.folder / location).resolve()
            inside = any(path.is_relative_to(folder) for folder in self.allowed)
            if not location or Path(location).is_absolute() or ".." in Path(location).parts or not inside:
                raise Malformed(f"{tensor.name} lies in {location!r}, outside the model's folder")
            if not path.is_file():
                raise Malformed(f"{tensor.name} lies in {location}, which is not beside the model")
            offset = int(entries.get("offset", 0))
            length = int(entries.get("length", size))
            total = self.sizes.setdefault(path, path.stat().st_size)
            if length != size or not 0 <= offset <= total - size:
                raise Malformed(f"{tensor.name} is said to be bytes {offset} to {offset + length} of {location}, which "
                                f"has {total}; its shape needs {size}")  # fmt: skip
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except (OSError, ValueError) as error:
            raise Malformed(f"{tensor.name} cannot be read from {location[:80]!r}: {error}") from error


class Allowance:
    """Numbers that may be read in all, so that many layers that share a tensor do not fill the memory.

    Args:
        size: bytes of the model.
        external: its files, which count too.
    """

    def __init__(self, size: int, external: External) -> None:
        self.size, self.external, self.used = size, external, 0

    def take(self, count: int) -> None:
        """Counts numbers.

        Raises:
            Malformed: there cannot be as many.
        """
        self.used += count
        if self.used > SMALLEST + 8 * (self.size + sum(self.external.sizes.values())):
            raise Malformed("it claims more numbers than it holds")


class Values:
    """Constants of one graph by name.

    Args:
        graph: whose initializers and nodes these are.
        external: files beside the model.
        allowance: for the numbers read.
        outer: the graph around it, whose values it sees too.

    Raises:
        Malformed: a name in the graph is no text.
    """

    def __init__(self, graph: GraphProto, external: External, allowance: Allowance, outer: Values | None = None):
        self.external, self.allowance, self.outer = external, allowance, outer
        names = (name for node in graph.node for name in (node.name, node.op_type, *node.input, *node.output))
        if not all(isinstance(name, str) for name in chain(names, (tensor.name for tensor in graph.initializer))):
            raise Malformed("a name in it is no text")  # protobuf gives bytes then
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output if name}
        self.readers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.results = {value.name for value in graph.output}

    def origin(self, name: str) -> str:
        """The initializer or Constant that a value is, or is computed from alone; "" if it is none."""
        for _ in range(LONGEST):
            if self._tensor(name) is not None:
                return name
            node = self._maker(name)
            if node is None or node.op_type not in _STEPS or not node.input:
                return ""
            name = node.input[0]
        return ""

    def kind(self, name: str) -> str:
        """Number type of the tensor that a value comes from: "float32", "int8"."""
        tensor = self._tensor(self.origin(name))
        return "" if tensor is None else _type_name(tensor.data_type)

    def only_reader(self, name: str) -> NodeProto | None:
        """The one node that reads a value; None where it is read by none, by several, or is a result of the graph."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.results else None

    def array(self, name: str, depth: int = 0) -> NDArray[Any] | None:
        """A constant, of the type that the graph gives it; None where it is no constant, or not computed by these
        operators.

        Raises:
            Malformed: it is a constant that the file does not hold in full.
        """
        if not name or depth > LONGEST:
            return None
        tensor = self._tensor(name)
        if tensor is not None:
            return self._decoded(tensor)
        node = self._maker(name)
        if node is None or node.op_type not in _STEPS:
            return None
        operands = [self.array(operand, depth + 1) for operand in node.input]
        if (
            not operands
            or operands[0] is None
            or any(made is None and given for made, given in zip(operands, node.input, strict=True))
        ):
            return None
        return _STEPS[node.op_type](operands, attributes(node))

    def _tensor(self, name: str) -> TensorProto | None:
        if name in self.tensors:
            return self.tensors[name]
        node = self.makers.get(name)
        if node is None:
            return self.outer._tensor(name) if self.outer else None
        if node.op_type != "Constant" or not node.attribute:
            return None
        from onnx import TensorProto, helper

        entry = node.attribute[0]
        value = attributes(node)[entry.name]
        if isinstance(value, TensorProto):
            made = value
        elif entry.name in ("value_float", "value_floats", "value_int", "value_ints"):
            kind = TensorProto.FLOAT if "float" in entry.name else TensorProto.INT64
            values = value if isinstance(value, list) else [value]
            made = helper.make_tensor(name, kind, [len(values)] if entry.name.endswith("s") else [], values)
        else:
            return None
        self.tensors[name] = made
        return made

    def _maker(self, name: str) -> NodeProto | None:
        if name in self.makers:
            return self.makers[name]
        return self.outer._maker(name) if self.outer else None

    def _decoded(self, tensor: TensorProto) -> NDArray[Any]:
        """A tensor's numbers in its own type, (… its dims)."""
        from onnx import TensorProto, numpy_helper

        shape, name = list(tensor.dims), tensor.name
        bits = _BITS.get(_type_name(tensor.data_type), 0)
        if not bits:
            raise Malformed(f"{name} is of type {tensor.data_type}, which is none of numbers")
        if any(size < 0 for size in shape):
            raise Malformed(f"{name} has the shape {tuple(shape)}")
        count = math.prod(shape)
        size = (count * bits + 7) // 8
        if tensor.data_location == TensorProto.EXTERNAL:
            data = self.external.read(tensor, size)
            tensor = TensorProto(name=name, dims=shape, data_type=tensor.data_type, raw_data=data)
        if tensor.HasField("raw_data"):
            enough = len(tensor.raw_data) == size
        else:
            entries = max(map(len, (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data,
                                    tensor.uint64_data)))  # fmt: skip
            enough = entries == (size if bits < 8 else count)
        if not enough:
            raise Malformed(f"{name} of shape {tuple(shape)} does not have the {count} numbers that needs")
        self.allowance.take(count)
        try:
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError, OverflowError, KeyError, NotImplementedError) as error:
            raise Malformed(f"{name} cannot be read: {error}") from error


def _type_name(kind: int) -> str:
    from onnx import helper

    try:
        return str(np.dtype(helper.tensor_dtype_to_np_dtype(kind)))
    except (KeyError, TypeError):
        return ""


_BITS = (
    dict.fromkeys(("float64", "int64", "uint64"), 64)
    | dict.fromkeys(("float32", "int32", "uint32"), 32)
    | dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 16)
    | dict.fromkeys(("bool", "int8", "uint8", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 8)
    | dict.fromkeys(("int4", "uint4", "float4_e2m1fn"), 4)
    | dict.fromkeys(("int2", "uint2"), 2)
)
"""Of one number, by type."""


def dequantised(operands: list[Any], given: Mapping[str, Any]) -> NDArray[Any]:
    """(x − zero point) · scale, of one scale for all, one along an axis, or one a block of it."""
    x, scale, zero, *_ = [*operands, None, None]
    if scale is None:
        raise Malformed("a DequantizeLinear node has no scale")
    axis, block = number(given, "axis", 1), number(given, "block_size", 0)
    scale = _along(scale, x, axis, block)
    exact = np.int64 if x.dtype.itemsize >= 4 and "int" in x.dtype.name else np.float32
    x = x.astype(exact) - (0 if zero is None else _along(zero, x, axis, block).astype(exact))
    return np.asarray((x * scale.astype(np.float32)).astype(scale.dtype))


def _along(array: NDArray[Any], x: NDArray[Any], axis: int, block: int) -> NDArray[Any]:
    """Scales in a shape that x can be multiplied by."""
    if array.size == 1:
        return array.reshape(())
    if not -x.ndim <= axis < x.ndim:
        raise Malformed(f"scales along axis {axis} of a tensor of shape {x.shape}")
    size, axis = x.shape[axis], axis % x.ndim
    if array.ndim == 1 and len(array) == size:
        return array.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    expected = [-(-size // block) if i == axis else other for i, other in enumerate(x.shape)] if block > 0 else []
    if list(array.shape) != expected:
        raise Malformed(f"scales of shape {array.shape} for a tensor of shape {x.shape}")
    return array.repeat(min(block, size), axis).take(range(size), axis)


def _cast(operands: list[Any], given: Mapping[str, Any]) -> NDArray[Any] | None:
    name = _type_name(number(given, "to", 0))
    known = name.startswith(("float", "bfloat")) or name in ("int32", "int64", "int8", "uint8")
    return operands[0].astype(np.dtype(name)) if known else None


def _transposed(operands: list[Any], given: Mapping[str, Any]) -> NDArray[Any]:
    order = integers(given, "perm") or list(range(operands[0].ndim))[::-1]
    if sorted(order) != list(range(operands[0].ndim)):
        raise Malformed(f"a tensor of shape {operands[0].shape} is transposed by {order}")
    return np.asarray(operands[0].transpose(order))


def _reshaped(operands: list[Any], given: Mapping[str, Any]) -> NDArray[Any]:
    x, sizes = operands[0], operands[1] if len(operands) > 1 else None
    target = [int(size) for size in ((integers(given, "shape") or ()) if sizes is None else np.ravel(sizes))]
    if not number(given, "allowzero", 0):
        target = [x.shape[i] if size == 0 and i < x.ndim else size for i, size in enumerate(target)]
    try:
        return np.asarray(x.reshape(target))
    except ValueError as error:
        raise Malformed(f"a tensor of shape {x.shape} is put into the shape {tuple(target)}") from error


_STEPS: dict[str, Callable[[list[Any], Mapping[str, Any]], NDArray[Any] | None]] = {
    "DequantizeLinear": dequantised,
    "Cast": _cast,
    "Transpose": _transposed,
    "Identity": lambda operands, given: operands[0],
    "Reshape": _reshaped,
}
"""Operators between a constant and the layer that reads it: operands, attributes → array."""
