"""Reads `.tflite` files: the constants of TensorFlow Lite's layers, found through the operators that use them.

Layers are in the order of the operators. Of a layer's weights:

| operator | in the file | here |
|---|---|---|
| CONV_2D | (O, kh, kw, I/groups) | (O, I/groups, kh, kw) |
| DEPTHWISE_CONV_2D | (1, kh, kw, C·M) | (C·M, 1, kh, kw), the M kernels of one input channel in succession |
| TRANSPOSE_CONV | (O, kh, kw, I) | (I, O, kh, kw), not flipped |
| FULLY_CONNECTED | (O, I) | (O, I) |

After a flattened map, I of a fully connected layer counts rows, columns, channels, where torch counts channels first.

Numbers are float32, float16, or integers of 8 to 64 bits that stand for (value − zero point)·scale, with one scale or
one for each index of an axis. Weights that a DEQUANTIZE or DENSIFY operator unpacks are found behind it, sparse ones
included. Weights of custom operators are
listed, and not read. Refused in words: 4-bit integers, integers without a scale, other quantisations, shuffled weights.

What is lost: batch norm, which the converter folds into weights and biases (where it does not, it is a multiplication
and an addition, which are not read, nor are PReLU's slopes); names, which the converter often changes: a layer is
called after its weights, or after the operator's output where they have no name. Channels are in the order of the
network's input, usually red, green, blue; the file does not say.

The tables are read by the generated schema of the package `tflite`. Neither it nor flatbuffers verifies a file, so
every size is compared with the file's before anything of this size is made.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError, optional
from wbsite.models import memory
from wbsite.models.formats.base import DAMAGED, Contents, Convolution, Format, groups_of, number_types

from ._tensorflow import Names, layer_name

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

IDENTIFIER = b"TFL3"
MOST_INPUTS = 16
"""Of a custom operator, that are looked at; a damaged one may claim any number."""
VALUES_PER_BYTE = 16
"""At most so many weights are taken from a file for each of its bytes; only sparse or shared ones are more than two."""


class Malformed(Exception):
    """The file is not what the schema allows; the text says what is wrong."""


class Unsupported(Exception):
    """The file is fine but keeps its weights in a way that is not read; the text says which."""


@dataclass(frozen=True)
class Layer:
    """Weights in torch's axes, bias (O) or None, the number type of the weights in the file, and what the file tells of
    the convolution where it is one."""

    name: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    dtype: str
    convolution: Convolution | None


def claims(path: Path, head: bytes) -> bool:
    """By the identifier of the schema."""
    return head[4:8] == IDENTIFIER


def read(path: Path) -> Contents:
    """`LAYER.weight` and `LAYER.bias` of every layer with constant weights.

    Raises:
        WbsiteError: the file is cut short, damaged, or has weights that are not read; or `tflite` is not installed.
    """
    data = path.read_bytes()
    if data[4:8] != IDENTIFIER:
        raise WbsiteError(f"{path} is truncated or is not a TensorFlow Lite file.", DAMAGED)
    with optional(f"reading {path}", "formats"):
        import tflite  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: F401
    try:
        return _contents(_File(data))
    except Unsupported as error:
        raise WbsiteError(f"{path} is not read: {error}.", "Convert the network without this option.") from error
    # flatbuffers and the generated schema check nothing themselves: these are what offsets outside the file come to.
    except (Malformed, struct.error, TypeError, ValueError, OverflowError) as error:
        raise WbsiteError(f"{path} is truncated or damaged: {error}.", DAMAGED) from error


def _contents(file: _File) -> Contents:
    import torch

    state: dict[str, torch.Tensor] = {}
    convolutions: dict[str, Convolution] = {}
    names, types = Names(), []
    for layer in file.layers():
        name = names.unique(layer.name)
        types.append(layer.dtype)
        state[f"{name}.weight"] = torch.from_numpy(layer.weight)
        if layer.convolution is not None:
            convolutions[f"{name}.weight"] = layer.convolution
        if layer.bias is not None:
            state[f"{name}.bias"] = torch.from_numpy(layer.bias)
    return Contents(
        state,
        "TensorFlow Lite",
        types=number_types(types),
        convolutions=convolutions,
        left_out={names.unique(name): reason for name, reason in file.left_out},
    )


class _File:
    """The tables of one file, and how many more values may be taken from it."""

    def __init__(self, data: bytes) -> None:
        import tflite

        self.data = data
        self.remaining = VALUES_PER_BYTE * len(data)
        self.custom: list[str] = []  # names of operators that are not TensorFlow Lite's own, by code
        self.left_out: list[tuple[str, str]] = []
        self.schema = tflite
        self.model = tflite.Model.GetRootAs(data, 0)
        operator = tflite.BuiltinOperator
        self.kernels: dict[int, tuple[int, int, tuple[int, ...]]] = {
            operator.CONV_2D: (1, 2, (0, 3, 1, 2)),
            operator.DEPTHWISE_CONV_2D: (1, 2, (3, 0, 1, 2)),
            operator.TRANSPOSE_CONV: (1, 3, (3, 0, 1, 2)),
            operator.FULLY_CONNECTED: (1, 2, (0, 1)),
        }
        """Operator → which of its inputs are weights and bias, and the order of the weights' axes here."""
        kind = tflite.TensorType
        self.dtypes = {
            kind.FLOAT32: "float32", kind.FLOAT16: "float16", kind.FLOAT64: "float64", kind.INT8: "int8",
            kind.UINT8: "uint8", kind.INT16: "int16", kind.INT32: "int32", kind.INT64: "int64",
        }  # fmt: skip
        self.type_names = {value: name for name, value in vars(kind).items() if name.isupper()}

    def layers(self) -> Iterator[Layer]:
        """Every layer with constant weights; several may have one name."""
        codes = []
        for i in range(self._count(self.model.OperatorCodesLength())):
            code = self.model.OperatorCodes(i)
            codes.append(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
            self.custom.append(bytes((code.CustomCode() or b"")[:100]).decode("utf-8", "replace"))
        operators = 0
        for i in range(self._count(self.model.SubgraphsLength())):
            graph = self.model.Subgraphs(i)
            operators += self._count(graph.OperatorsLength())
            self._count(operators)
            yield from self._graph_layers(graph, codes)

    def _graph_layers(self, graph: Any, codes: list[int]) -> Iterator[Layer]:
        unpacking = (self.schema.BuiltinOperator.DEQUANTIZE, self.schema.BuiltinOperator.DENSIFY)
        packed: dict[int, int] = {}
        users = []
        for i in range(graph.OperatorsLength()):
            operator = graph.Operators(i)
            if operator.OpcodeIndex() >= len(codes):
                raise Malformed("an operator has a code that is not listed")
            code = codes[operator.OpcodeIndex()]
            if code in unpacking and operator.InputsLength() and operator.OutputsLength():
                packed[operator.Outputs(0)] = operator.Inputs(0)
            elif code in self.kernels:
                users.append((operator, code))
            elif code == self.schema.BuiltinOperator.CUSTOM:
                self._leave_out(graph, packed, operator)
        read: set[int] = set()
        for operator, code in users:
            place, bias_place, axes = self.kernels[code]
            source = self._constant(graph, packed, operator, place)
            if source is None or source in read:
                continue
            read.add(source)
            self._refuse_shuffled(operator)
            tensor = self._tensor(graph, source)
            weight = self._values(tensor)
            if weight.ndim != len(axes) or (code == self.schema.BuiltinOperator.DEPTHWISE_CONV_2D and len(weight) != 1):
                raise Malformed(f"weights of shape {weight.shape} are used by {self._operator_name(code)}")
            weight = weight.transpose(axes).copy()
            bias_source = self._constant(graph, packed, operator, bias_place)
            bias = None if bias_source is None else self._values(self._tensor(graph, bias_source))
            units = weight.shape[1 if code == self.schema.BuiltinOperator.TRANSPOSE_CONV else 0]
            if bias is not None and bias.shape != (units,):
                raise Malformed(f"weights of {units} units have a bias of shape {bias.shape}")
            output = self._tensor(graph, operator.Outputs(0)) if operator.OutputsLength() else None
            convolution = self._convolution(graph, operator, code, weight)
            yield Layer(layer_name(_text(tensor), _text(output)), weight, bias, self.dtypes[tensor.Type()], convolution)

    def _leave_out(self, graph: Any, packed: dict[int, int], operator: Any) -> None:
        """Notes the kernels of an operator that is not TensorFlow Lite's own: constants of several axes."""
        kind = self.custom[operator.OpcodeIndex()]
        for place in range(min(operator.InputsLength(), MOST_INPUTS)):
            source = self._constant(graph, packed, operator, place)
            tensor = None if source is None else self._tensor(graph, source)
            if tensor is not None and tensor.ShapeLength() > 1:
                reason = f"weights of the operator {kind}, which is not TensorFlow Lite's own"
                self.left_out.append((layer_name(_text(tensor), ""), reason))

    def _convolution(self, graph: Any, operator: Any, code: int, weight: NDArray[np.float32]) -> Convolution | None:
        """What an operator is, with the groups that its input's channels make; None where it is no convolution.

        Args:
            weight: in torch's axes.
        """
        if weight.ndim != 4:
            return None
        if code == self.schema.BuiltinOperator.TRANSPOSE_CONV:
            return Convolution(transposed=True)
        tensor = self._tensor(graph, operator.Inputs(0))
        channels = tensor.Shape(3) if tensor.ShapeLength() == 4 else 0
        return Convolution(groups=groups_of(channels, weight.shape))

    def _count(self, number: int) -> int:
        """A number of tables, which need four bytes each to be listed."""
        if 4 * number > len(self.data):
            raise Malformed(f"it lists {number} tables in {len(self.data)} bytes")
        return number

    def _operator_name(self, code: int) -> str:
        operators = vars(self.schema.BuiltinOperator)
        return next(name for name, value in operators.items() if name.isupper() and value == code)

    def _tensor(self, graph: Any, index: int) -> Any:
        if not 0 <= index < self._count(graph.TensorsLength()):
            raise Malformed(f"an operator uses tensor {index}, which is not listed")
        return graph.Tensors(index)

    def _constant(self, graph: Any, packed: dict[int, int], operator: Any, place: int) -> int | None:
        """Index of the constant behind an operator's input; None where it has none or it is computed."""
        if place >= operator.InputsLength():
            return None
        index: int = operator.Inputs(place)
        for _ in range(3):  # at most DENSIFY and then DEQUANTIZE
            if index not in packed:
                break
            index = packed[index]
        if index == -1 or self._bytes(self._tensor(graph, index)) is None:
            return None
        return index

    def _refuse_shuffled(self, operator: Any) -> None:
        if operator.BuiltinOptionsType() != self.schema.BuiltinOptions.FullyConnectedOptions:
            return
        table = operator.BuiltinOptions()
        if table is None:
            return
        options = self.schema.FullyConnectedOptions()
        options.Init(table.Bytes, table.Pos)
        if options.WeightsFormat() != self.schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise Unsupported("the weights of a fully connected layer are shuffled for one kind of processor")

    def _bytes(self, tensor: Any) -> memoryview | None:
        """A constant's bytes; None where the tensor is computed."""
        index = tensor.Buffer()
        if index >= self._count(self.model.BuffersLength()):
            raise Malformed(f"a tensor is in buffer {index}, which is not listed")
        buffer = self.model.Buffers(index)
        if buffer is None:
            return None
        if buffer.DataLength():
            return memoryview(buffer.DataAsNumpy())
        # Files above 2 GB have their buffers after the tables.
        start, size = buffer.Offset(), buffer.Size()
        if start <= 1 or size == 0:
            return None
        if start + size > len(self.data):
            raise Malformed(f"a buffer of {size} bytes at {start} is cut off")
        return memoryview(self.data)[start : start + size]

    def _values(self, tensor: Any) -> NDArray[np.float32]:
        """A constant's values in its shape in the file."""
        import numpy as np

        name = _text(tensor)
        dtype = self.dtypes.get(tensor.Type())
        if dtype is None:
            kind = self.type_names.get(tensor.Type(), f"number {tensor.Type()}")
            raise Unsupported(f"{name!r} holds numbers of type {kind}")
        shape = [] if tensor.ShapeIsNone() else [int(length) for length in tensor.ShapeAsNumpy()]
        if not 0 < len(shape) <= 5 or min(shape) < 1:
            raise Malformed(f"{name!r} has the shape {tuple(shape)}")
        count = math.prod(shape)
        self.remaining -= count
        if self.remaining < 0:
            raise Malformed(f"its weights, {name!r} the last of them, would be more than the file can hold")
        data = self._bytes(tensor)
        assert data is not None, "only constants are asked for"
        item = np.dtype(dtype).newbyteorder("<")
        memory.take(count * (4 if item.kind == "f" else 20), name)
        if len(data) % item.itemsize:
            raise Malformed(f"{name!r} has {len(data)} bytes, which are no {dtype} numbers")
        flat = np.frombuffer(data, item)
        sparsity = tensor.Sparsity()
        if sparsity is not None:
            positions = self._positions(sparsity, shape)
            if len(positions) != flat.size:
                raise Malformed(f"{name!r} is sparse with {flat.size} values at {len(positions)} places")
        elif flat.size != count:
            raise Malformed(f"{name!r} of shape {tuple(shape)} has {len(data)} bytes")
        if sparsity is not None:
            # Places without a value hold a zero of the stored type, as in TensorFlow Lite's own DENSIFY.
            dense = np.zeros(count, item)
            dense[positions] = flat
            flat = dense
        array = flat.reshape(shape)
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged number may be any
            if item.kind == "f":
                return array.astype(np.float32)
            scale, zero_point = self._scales(tensor, shape)
            return ((array.astype(np.float64) - zero_point) * scale).astype(np.float32)

    def _scales(self, tensor: Any, shape: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and zero point of an integer tensor, in a shape that broadcasts to the tensor's."""
        import numpy as np

        name = _text(tensor)
        quantization = tensor.Quantization()
        if quantization is None or quantization.ScaleLength() == 0:
            raise Unsupported(f"{name!r} holds integers without a scale")
        if quantization.DetailsType() != self.schema.QuantizationDetails.NONE:
            raise Unsupported(f"{name!r} is quantised otherwise than by scales and zero points")
        scale = quantization.ScaleAsNumpy().astype(np.float64)
        zero_point = np.zeros(1)
        if quantization.ZeroPointLength():
            zero_point = quantization.ZeroPointAsNumpy().astype(np.float64)
        axis = quantization.QuantizedDimension()
        pair = []
        for values in (scale, zero_point):
            if values.size != 1:
                if not 0 <= axis < len(shape) or values.size != shape[axis]:
                    raise Malformed(f"{name!r} of shape {tuple(shape)} has {values.size} scales along axis {axis}")
                values = values.reshape([-1 if i == axis else 1 for i in range(len(shape))])
            pair.append(values)
        return pair[0], pair[1]

    def _positions(self, sparsity: Any, shape: list[int]) -> NDArray[np.int64]:
        """Where the values of a sparse tensor lie in the dense one, flattened, in the order of the values.

        A sparse tensor is a tree with one level for each axis, and one for each axis within blocks, in the traversal
        order. A dense level has every index below every node, a compressed one those listed, as in a compressed sparse
        row matrix. The leaves are the values.
        """
        import numpy as np

        rank = len(shape)
        order = _integers(sparsity.TraversalOrderIsNone(), sparsity.TraversalOrderAsNumpy)
        blocked = _integers(sparsity.BlockMapIsNone(), sparsity.BlockMapAsNumpy)
        if sorted(order) != list(range(rank + len(blocked))) or sparsity.DimMetadataLength() != len(order):
            raise Malformed("a sparse tensor has other axes than its shape")
        if len(set(blocked)) != len(blocked) or not set(blocked) <= set(range(rank)):
            raise Malformed("a sparse tensor has blocks along axes that it does not have")
        levels = {axis: sparsity.DimMetadata(i) for i, axis in enumerate(order)}
        blocks = {axis: levels[rank + i].DenseSize() for i, axis in enumerate(blocked)}
        sizes, steps = {}, {}
        for axis, length in enumerate(shape):
            block, stride = blocks.get(axis, 1), math.prod(shape[axis + 1 :])
            dense = levels[axis].Format() == self.schema.DimensionType.DENSE
            if block < 1 or length % block or (dense and levels[axis].DenseSize() * block != length):
                raise Malformed(f"a sparse tensor of shape {tuple(shape)} has blocks that do not fill it")
            sizes[axis], steps[axis] = length // block, stride * block
        for i, axis in enumerate(blocked):
            sizes[rank + i], steps[rank + i] = blocks[axis], math.prod(shape[axis + 1 :])
        nodes = np.zeros(1, np.int64)
        for axis, level in levels.items():
            size = sizes[axis]
            if level.Format() == self.schema.DimensionType.DENSE:
                if len(nodes) * size > math.prod(shape):
                    raise Malformed("a sparse tensor lists more places than its shape has")
                nodes = (nodes[:, None] + np.arange(size) * steps[axis]).ravel()
                continue
            segments = self._vector(level.ArraySegmentsType(), level.ArraySegments())
            indices = self._vector(level.ArrayIndicesType(), level.ArrayIndices())
            lengths = np.diff(segments)
            ends = len(segments) != len(nodes) + 1 or segments[0] != 0 or segments[-1] != len(indices)
            if ends or (lengths < 0).any() or (len(indices) and not 0 <= indices.min() <= indices.max() < size):
                raise Malformed("a sparse tensor's lists of indices do not fit its shape")
            nodes = np.repeat(nodes, lengths) + indices * steps[axis]
        return nodes

    def _vector(self, kind: int, table: Any) -> NDArray[np.int64]:
        """A list of integers of one of three widths."""
        import numpy as np

        widths = self.schema.SparseIndexVector
        vectors = {
            widths.Int32Vector: self.schema.Int32Vector,
            widths.Uint16Vector: self.schema.Uint16Vector,
            widths.Uint8Vector: self.schema.Uint8Vector,
        }
        if table is None or kind not in vectors:
            raise Malformed("a sparse tensor lacks a list of indices")
        vector = vectors[kind]()
        vector.Init(table.Bytes, table.Pos)
        if vector.ValuesIsNone():
            return np.zeros(0, np.int64)
        values: NDArray[np.int64] = vector.ValuesAsNumpy().astype(np.int64)
        return values


def _integers(none: bool, values: Any) -> list[int]:
    """A short list of a table's integers; empty where it has none."""
    return [] if none else [int(value) for value in values()[:16]]


def _text(tensor: Any) -> str:
    """A tensor's name, as far as names go; it may be empty. Damaged tables could all have the whole file as theirs."""
    name = None if tensor is None else tensor.Name()
    return "" if name is None else bytes(name[:500]).decode("utf-8", "replace")


FORMATS = (Format("tflite", "TensorFlow Lite", (".tflite",), claims, read),)
