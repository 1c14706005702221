"""Writes TensorFlow Lite's tables with flatbuffers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite as schema
from numpy.typing import NDArray

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int8": 9}


CONV, DEPTHWISE, DENSE, TRANSPOSED, DEQUANTIZE, DENSIFY = 3, 4, 9, 67, 6, 124


Vector = tuple[str, Sequence[float]]


class Table:
    """A table to be written: its name in the schema and its fields; values are tables, texts, vectors, numbers."""

    def __init__(self, kind: str, **fields: Any) -> None:
        self.kind, self.fields = kind, fields

    def write(self, builder: Any) -> int:
        written = {name: self._value(builder, value) for name, value in self.fields.items() if value is not None}
        getattr(schema, f"{self.kind}Start")(builder)
        for name, value in written.items():
            getattr(schema, f"{self.kind}Add{name}")(builder, value)
        return int(getattr(schema, f"{self.kind}End")(builder))

    def _value(self, builder: Any, value: Any) -> Any:
        if isinstance(value, Table):
            return value.write(builder)
        if isinstance(value, str):
            return builder.CreateString(value)
        if isinstance(value, np.ndarray):
            return builder.CreateNumpyVector(value)
        if isinstance(value, list):
            offsets = [table.write(builder) for table in value]
            builder.StartVector(4, len(offsets), 4)
            for offset in reversed(offsets):
                builder.PrependUOffsetTRelative(offset)
            return builder.EndVector()
        return value


def tensor(name: str, array: NDArray[Any] | None = None, shape: Sequence[int] = (1,), **more: Any) -> dict[str, Any]:
    """A constant, or a tensor that is computed; more: Scale, Zero, Axis, Sparsity, Type."""
    return {"name": name, "array": array, "shape": shape if array is None else array.shape, **more}


def lite(
    path: Path,
    tensors: list[dict[str, Any]],
    operators: list[tuple[int, list[int], list[int]]],
    options: Table | None = None,
    appended: bytes = b"",
    custom: str | None = None,
) -> Path:
    """A file with one graph; operators are (code, inputs, outputs), buffer i + 1 is that of tensor i.

    Args:
        custom: name of the operator of code 32.
    """
    buffers, records = [Table("Buffer")], []
    for entry in tensors:
        array = entry.get("stored", entry["array"])
        data = None if array is None else np.frombuffer(array.tobytes(), np.uint8)
        buffers.append(entry.get("buffer") or Table("Buffer", Data=data))
        quantization = None
        if "Scale" in entry:
            quantization = Table(
                "QuantizationParameters", Scale=np.float32(entry["Scale"]), ZeroPoint=np.int64(entry["Zero"]),
                QuantizedDimension=entry.get("Axis", 0),
            )  # fmt: skip
        records.append(
            Table(
                "Tensor", Name=entry["name"], Shape=np.int32(entry["shape"]), Buffer=len(buffers) - 1,
                Type=entry.get("Type", TYPES[str(array.dtype)] if array is not None else 0),
                Quantization=quantization, Sparsity=entry.get("Sparsity"),
            )
        )  # fmt: skip
    codes = sorted({code for code, _, _ in operators})
    calls = [
        Table(
            "Operator", OpcodeIndex=codes.index(code), Inputs=np.int32(inputs), Outputs=np.int32(outputs),
            BuiltinOptions=options, BuiltinOptionsType=8 if options else None,
        )
        for code, inputs, outputs in operators
    ]  # fmt: skip
    graph = Table(
        "SubGraph", Tensors=records, Operators=calls, Inputs=np.int32([0]), Outputs=np.int32([len(tensors) - 1])
    )
    model = Table(
        "Model", Version=3, Buffers=buffers, Subgraphs=[graph],
        OperatorCodes=[
            Table(
                "OperatorCode", BuiltinCode=code, DeprecatedBuiltinCode=code, CustomCode=custom if code == 32 else None,
            )
            for code in codes
        ],
    )  # fmt: skip
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.write(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()) + appended)
    return path


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def one_layer(path: Path, weights: dict[str, Any], code: int = CONV, **more: Any) -> Path:
    """A network of one layer without bias."""
    return lite(path, [tensor("input"), weights, tensor("out")], [(code, [0, 1], [2])], **more)


def compressed(segments: Sequence[int], indices: Sequence[int], width: int) -> Table:
    """A level of a sparse tensor with its two lists in one of three widths."""
    kind, dtype = {1: ("Uint8Vector", np.uint8), 2: ("Uint16Vector", np.uint16), 4: ("Int32Vector", np.int32)}[width]
    union = {"Int32Vector": 1, "Uint16Vector": 2, "Uint8Vector": 3}[kind]
    return Table(
        "DimensionMetadata", Format=1, ArraySegmentsType=union, ArraySegments=Table(kind, Values=dtype(segments)),
        ArrayIndicesType=union, ArrayIndices=Table(kind, Values=dtype(indices)),
    )  # fmt: skip


def dense_level(size: int) -> Table:
    return Table("DimensionMetadata", Format=0, DenseSize=size)


def whole_file(path: Path) -> Path:
    """A network with a bit of everything."""
    sparsity = Table(
        "SparsityParameters", TraversalOrder=np.int32([0, 1]),
        DimMetadata=[dense_level(2), compressed([0, 1, 3], [2, 0, 1], 1)],
    )  # fmt: skip
    tensors = [
        tensor("input", shape=(1, 6, 6, 2)),
        tensor("dw", np.ones((1, 3, 3, 4), np.int8), Scale=[1, 2, 3, 4], Zero=[0, 0, 0, 0], Axis=3),
        tensor("bias", np.int32([1, 2, 3, 4]), Scale=[1, 2, 3, 4], Zero=[0, 0, 0, 0]),
        tensor("conv", numbers(6, 2, 2, 2)), tensor("fc", numbers(2, 3), stored=numbers(3), Sparsity=sparsity),
        tensor("a", shape=(1, 4, 4, 4)), tensor("b"),
        tensor("densified"), tensor("c"),
    ]  # fmt: skip
    operators = [(DEPTHWISE, [0, 1, 2], [5]), (CONV, [5, 3], [6]), (DENSIFY, [4], [7]), (DENSE, [6, 7], [8])]
    return lite(path, tensors, operators)
