"""ONNX's operators on each number by itself, and products of matrices, as calls of torch: see `node`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from .node import OPERATORS, Node, Operator, Tensor, Unsupported, operator


def _together(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """On one device: sizes computed on the CPU meet data on another."""
    if x.device != y.device:
        return (x.to(y.device), y) if x.device.type == "cpu" else (x, y.to(x.device))
    return x, y


# One value


def _unary(function: Operator) -> Operator:
    return lambda node, x: function(x)


_ONE: dict[str, Operator] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSwish": F.hardswish, "Mish": F.mish,
    "Softplus": F.softplus, "Softsign": F.softsign, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt,
    "Abs": torch.abs, "Neg": torch.neg, "Reciprocal": torch.reciprocal, "Floor": torch.floor, "Ceil": torch.ceil,
    "Round": torch.round, "Erf": torch.erf, "Sign": torch.sign, "Sin": torch.sin, "Cos": torch.cos,
    "Not": torch.logical_not,
}  # fmt: skip
OPERATORS.update({name: _unary(function) for name, function in _ONE.items()})


@operator("Identity", "Dropout")
def _identity(node: Node, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None) -> Any:
    if training is not None and bool(training):
        raise Unsupported("in training mode")
    return (x, torch.ones_like(x, dtype=torch.bool)) if node.outputs == 2 else x


@operator("LeakyRelu")
def _leaky_relu(node: Node, x: Tensor) -> Tensor:
    return F.leaky_relu(x, node.get("alpha", 0.01))


@operator("Elu")
def _elu(node: Node, x: Tensor) -> Tensor:
    return F.elu(x, node.get("alpha", 1.0))


@operator("Celu")
def _celu(node: Node, x: Tensor) -> Tensor:
    return F.celu(x, node.get("alpha", 1.0))


@operator("Selu")
def _selu(node: Node, x: Tensor) -> Tensor:
    if not math.isclose(node.get("gamma", 1.0507), 1.0507, abs_tol=1e-3):
        raise Unsupported("with another gamma than torch's")
    return F.selu(x)


@operator("Gelu")
def _gelu(node: Node, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=node.get("approximate", "none"))


@operator("HardSigmoid")
def _hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    slope, offset = node.get("alpha", 0.2), node.get("beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-6) and offset == 0.5:
        return F.hardsigmoid(x)
    return torch.clamp(x * slope + offset, 0, 1)


@operator("PRelu")
def _prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    if slope.numel() in (1, x.shape[1] if x.ndim > 1 else 1) and (slope.ndim < 2 or slope.shape[0] == slope.numel()):
        return F.prelu(x, slope.reshape(-1))
    return F.relu(x) - slope * F.relu(-x)


@operator("Clip")
def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    lowest = node.get("min") if low is None else low.item()
    highest = node.get("max") if high is None else high.item()
    if (lowest, highest) == (0, 6):
        return F.relu6(x)
    return x if lowest is None and highest is None else torch.clamp(x, lowest, highest)


@operator("Cast")
def _cast(node: Node, x: Tensor) -> Tensor:
    kind = node.get("to")
    if kind in (1, 10, 11, 16):
        return x if x.is_floating_point() else x.to(torch.float32)
    types = {2: torch.uint8, 3: torch.int8, 6: torch.int64, 7: torch.int64, 9: torch.bool}
    if kind not in types:
        raise Unsupported(f"to the type {kind}")
    return x.to(types[kind])


@operator("CastLike")
def _cast_like(node: Node, x: Tensor, like: Tensor) -> Tensor:
    return x if x.is_floating_point() and like.is_floating_point() else x.to(like.dtype)


# Several values


def _binary(function: Operator) -> Operator:
    return lambda node, x, y: function(*_together(x, y))


_TWO: dict[str, Operator] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Equal": torch.eq, "Greater": torch.gt,
    "GreaterOrEqual": torch.ge, "Less": torch.lt, "LessOrEqual": torch.le, "And": torch.logical_and,
    "Or": torch.logical_or, "Xor": torch.logical_xor,
}  # fmt: skip
OPERATORS.update({name: _binary(function) for name, function in _TWO.items()})


@operator("Div")
def _div(node: Node, x: Tensor, y: Tensor) -> Tensor:
    x, y = _together(x, y)
    floating = x.is_floating_point() or y.is_floating_point()
    return torch.div(x, y) if floating else torch.div(x, y, rounding_mode="trunc")


@operator("Pow")
def _pow(node: Node, x: Tensor, exponent: Tensor) -> Tensor:
    return torch.pow(x, exponent.item() if exponent.numel() == 1 else exponent)


@operator("Mod")
def _mod(node: Node, x: Tensor, y: Tensor) -> Tensor:
    return torch.fmod(*_together(x, y)) if node.get("fmod", 0) else torch.remainder(*_together(x, y))


@operator("Max", "Min", "Sum", "Mean")
def _over_operands(node: Node, *operands: Tensor) -> Tensor:
    function = {"Max": torch.maximum, "Min": torch.minimum}.get(node.kind, torch.add)
    result = operands[0]
    for other in operands[1:]:
        result = function(*_together(result, other))
    return result / len(operands) if node.kind == "Mean" else result


@operator("Where")
def _where(node: Node, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    x, y = _together(x, y)
    return torch.where(condition.to(x.device), x, y)


@operator("MatMul")
def _matmul(node: Node, x: Tensor, y: Tensor) -> Tensor:
    return torch.matmul(x, y)


@operator("Gemm")
def _gemm(node: Node, x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    x = x.t() if node.get("transA", 0) else x
    product = node.get("alpha", 1.0) * (x @ (y.t() if node.get("transB", 0) else y))
    return product if bias is None else product + node.get("beta", 1.0) * bias


@operator("Einsum")
def _einsum(node: Node, *operands: Tensor) -> Tensor:
    return torch.einsum(node.get("equation"), *operands)
