"""Kernels as the formats' own libraries have them, in torch's axes and in the order of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]


def of_torch(path: Path) -> Iterator[Array]:
    """By torch's own reader of tensors alone."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    yield from (tensor.numpy() for tensor in state.values() if tensor.ndim > 1)


def of_onnx(path: Path) -> Iterator[Array]:
    """By the onnx package: initializers and constants that convolutions and products read, each once."""
    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = node.attribute[0].t
    for node in graph.node:
        if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
            continue
        tensor = constants.pop(node.input[1], None)
        if tensor is not None:
            array = numpy_helper.to_array(tensor)
            plain = node.op_type == "MatMul" or (
                node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute)
            )
            yield array.T if plain else array


def of_tensorflowjs(path: Path) -> Iterator[Array]:
    """By NumPy from the manifest: every weight of two or four axes, those with "depthwise" in the name by channels."""
    document = json.loads(path.read_text())
    for group in document["weightsManifest"] if isinstance(document, dict) else document:
        data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        place = 0
        for weight in group["weights"]:
            coding = weight.get("quantization")
            kind = np.dtype(coding["dtype"] if coding else weight["dtype"])
            count = int(np.prod(weight["shape"]))
            array = np.frombuffer(data, kind, count, place).reshape(weight["shape"])
            place += count * kind.itemsize
            if coding:
                array = (array.astype(np.float64) * coding["scale"] + coding["min"]).astype(np.float32)
            if array.ndim == 4 and "depthwise" in weight["name"]:
                yield np.einsum("hwcm->cmhw", array).reshape(-1, 1, *array.shape[:2])
            elif array.ndim in (2, 4):
                yield np.moveaxis(array, (-1, -2), (0, 1))


def of_tflite(path: Path) -> Iterator[Array]:
    """By the schema: constants of the operators with weights, behind those that unpack them."""
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    axes = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}
    names = {getattr(tflite.BuiltinOperator, name): name for name in (*axes, "DEQUANTIZE", "DENSIFY")}
    packed: dict[int, int] = {}
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        if name in ("DEQUANTIZE", "DENSIFY"):
            packed[operator.Outputs(0)] = operator.Inputs(0)
        elif name is not None:
            index = operator.Inputs(1)
            while index in packed:
                index = packed[index]
            array = _constant(model, graph.Tensors(index))
            if array is not None:
                yield array.transpose(axes[name])


def _constant(model: Any, tensor: Any) -> Array | None:
    buffer = model.Buffers(tensor.Buffer())
    if not buffer.DataLength():
        return None
    kind = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16}[tensor.Type()]
    values = buffer.DataAsNumpy().view(kind).astype(np.float32)
    shape = tuple(int(side) for side in tensor.ShapeAsNumpy())
    return values.reshape(shape) if tensor.Sparsity() is None else _dense(tensor.Sparsity(), values, shape)


def _dense(sparsity: Any, values: Array, shape: tuple[int, ...]) -> Array:
    """A sparse tensor without blocks, by the rows of its tree one after another."""
    assert sparsity.BlockMapIsNone()
    order = [int(axis) for axis in sparsity.TraversalOrderAsNumpy()]
    result, numbers = np.zeros(shape, np.float32), iter(values)
    vectors = {1: tflite.Int32Vector, 2: tflite.Uint16Vector, 3: tflite.Uint8Vector}

    def vector(kind: int, table: Any) -> list[int]:
        entries = vectors[kind]()
        entries.Init(table.Bytes, table.Pos)
        return [int(entry) for entry in entries.ValuesAsNumpy()]

    levels = []
    for i in range(len(order)):
        level = sparsity.DimMetadata(i)
        if level.Format() == tflite.DimensionType.DENSE:
            levels.append(None)
        else:
            segments = vector(level.ArraySegmentsType(), level.ArraySegments())
            levels.append((segments, vector(level.ArrayIndicesType(), level.ArrayIndices())))

    def walk(depth: int, node: int, place: dict[int, int]) -> None:
        if depth == len(order):
            result[tuple(place[axis] for axis in range(len(shape)))] = next(numbers)
            return
        axis, level = order[depth], levels[depth]
        if level is None:
            children = [(node * shape[axis] + i, i) for i in range(shape[axis])]
        else:
            segments, indices = level
            children = [(k, indices[k]) for k in range(segments[node], segments[node + 1])]
        for child, index in children:
            walk(depth + 1, child, {**place, axis: index})

    walk(0, 0, {})
    assert next(numbers, None) is None
    return result
