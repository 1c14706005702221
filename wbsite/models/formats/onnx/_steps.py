"""What lies between a constant of an ONNX graph and the layer that reads it: few operators, computed with NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._messages import Malformed, integers, number, type_name


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
    name = type_name(number(given, "to", 0))
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


STEPS: dict[str, Callable[[list[Any], Mapping[str, Any]], NDArray[Any] | None]] = {
    "DequantizeLinear": dequantised,
    "Cast": _cast,
    "Transpose": _transposed,
    "Identity": lambda operands, given: operands[0],
    "Reshape": _reshaped,
}
"""Operators between a constant and the layer that reads it: operands, attributes → array."""
