"""Constants of an ONNX graph as arrays: initializers, Constant nodes, external data, and what is computed from them.

Sizes that a file claims are checked against the bytes there before anything is allocated, and files beside the model
are opened only inside its folder.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from wbsite.models import memory

from ._external import Allowance, External
from ._messages import Malformed, attributes, type_name
from ._steps import STEPS

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

LONGEST = 16
"""Most nodes between a constant and the layer that reads it."""


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
            if node is None or node.op_type not in STEPS or not node.input:
                return ""
            name = node.input[0]
        return ""

    def kind(self, name: str) -> str:
        """Number type of the tensor that a value comes from: "float32", "int8"."""
        tensor = self._tensor(self.origin(name))
        return "" if tensor is None else type_name(tensor.data_type)

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
        if node is None or node.op_type not in STEPS:
            return None
        operands = [self.array(operand, depth + 1) for operand in node.input]
        if (
            not operands
            or operands[0] is None
            or any(made is None and given for made, given in zip(operands, node.input, strict=True))
        ):
            return None
        return STEPS[node.op_type](operands, attributes(node))

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
        bits = _BITS.get(type_name(tensor.data_type), 0)
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
        memory.take(8 * count if bits > 32 else 4 * count, name)
        try:
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError, OverflowError, KeyError, NotImplementedError) as error:
            raise Malformed(f"{name} cannot be read: {error}") from error


_BITS = (
    dict.fromkeys(("float64", "int64", "uint64"), 64)
    | dict.fromkeys(("float32", "int32", "uint32"), 32)
    | dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 16)
    | dict.fromkeys(("bool", "int8", "uint8", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 8)
    | dict.fromkeys(("int4", "uint4", "float4_e2m1fn"), 4)
    | dict.fromkeys(("int2", "uint2"), 2)
)
"""Of one number, by type."""
