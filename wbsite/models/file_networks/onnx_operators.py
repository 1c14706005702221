"""ONNX's operators as calls of torch's functions, written so that a recorded pass reads them as it does a network's
own: `relu`, `max_pool2d`, `cat`, not what they could be put together from.

Each operator is a function of a `Node` (its attributes, the graph's opset) and its operands, with None for one that is
left out, and returns a tensor or a tuple of them. Sizes and axes among the operands are small tensors of integers on
the CPU. All floating-point types are float32: a cast between two of them does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

Tensor = torch.Tensor


class Unsupported(Exception):
    """An operator is used in a way that is not computed here; the text says which."""


@dataclass(frozen=True)
class Node:
    """How an operator is used.

    Attributes:
        kind: its name.
        given: its attributes.
        opset: version of ONNX's operators.
        outputs: how many results it has.
    """

    kind: str
    given: Mapping[str, Any]
    opset: int
    outputs: int = 1

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; texts are decoded."""
        value = self.given.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}
"""Name → operator."""


def operator(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def integers(value: Any) -> list[int]:
    """Sizes or axes, from an operand or an attribute."""
    if isinstance(value, Tensor):
        return [int(item) for item in value.reshape(-1).tolist()]
    return [int(item) for item in value]


def axes_of(node: Node, operand: Tensor | None) -> list[int] | None:
    """Axes, an attribute in older graphs and an operand in newer ones."""
    value = node.get("axes") if operand is None else operand
    return None if value is None else integers(value)


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


# Windows


def _window(node: Node, x: Tensor, size: Sequence[int]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Strides, dilations, and padding before and after, along each axis of space."""
    dims = len(size)
    strides = integers(node.get("strides") or [1] * dims)
    dilations = integers(node.get("dilations") or [1] * dims)
    automatic = node.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for length, kernel, stride, dilation in zip(x.shape[2:], size, strides, dilations, strict=True):
            total = max(0, (-(-length // stride) - 1) * stride + (kernel - 1) * dilation + 1 - length)
            small, large = total // 2, total - total // 2
            before.append(small if automatic == "SAME_UPPER" else large)
            after.append(large if automatic == "SAME_UPPER" else small)
        return strides, dilations, before, after
    pads = integers(node.get("pads") or [0] * 2 * dims) if automatic != "VALID" else [0] * 2 * dims
    return strides, dilations, pads[:dims], pads[dims:]


def _padded(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    """(B, C, …) with more positions along the axes of space."""
    pads = [size for pair in zip(reversed(before), reversed(after), strict=True) for size in pair]
    return F.pad(x, pads, value=value) if any(pads) else x


@operator("Conv")
def convolution(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Of one, two or three axes of space."""
    strides, dilations, before, after = _window(node, x, weight.shape[2:])
    if before != after:
        x, before = _padded(x, before, after), [0] * len(before)
    function: Operator = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[weight.ndim - 2]
    result: Tensor = function(x, weight, bias, strides, before, dilations, node.get("group", 1))
    return result


@operator("ConvTranspose")
def transposed_convolution(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Of one, two or three axes of space."""
    dims = weight.ndim - 2
    strides = integers(node.get("strides") or [1] * dims)
    dilations = integers(node.get("dilations") or [1] * dims)
    extra = integers(node.get("output_padding") or [0] * dims)
    pads = integers(node.get("pads") or [0] * 2 * dims)
    automatic = node.get("auto_pad", "NOTSET")
    sizes = integers(node.get("output_shape") or [])[-dims:]
    if automatic.startswith("SAME") and not sizes:
        sizes = [length * stride for length, stride in zip(x.shape[2:], strides, strict=True)]
    if sizes:
        reach = [(kernel - 1) * step + 1 for kernel, step in zip(weight.shape[2:], dilations, strict=True)]
        full = [stride * (length - 1) for stride, length in zip(strides, x.shape[2:], strict=True)]
        totals = [sum(terms) - size for *terms, size in zip(full, extra, reach, sizes, strict=True)]
        if min(totals) < 0:
            raise Unsupported("with a result larger than what the kernels reach")
        small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
        pads = small + large if automatic == "SAME_UPPER" else large + small
    function: Operator = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[dims]
    group = node.get("group", 1)
    if pads[:dims] == pads[dims:]:
        even: Tensor = function(x, weight, bias, strides, pads[:dims], extra, group, dilations)
        return even
    whole: Tensor = function(x, weight, bias, strides, 0, extra, group, dilations)
    return _padded(whole, [-size for size in pads[:dims]], [-size for size in pads[dims:]])


@operator("MaxPool")
def _max_pool(node: Node, x: Tensor) -> Tensor:
    if node.outputs > 1:
        raise Unsupported("with the positions of its maxima")
    size = integers(node.get("kernel_shape"))
    strides, dilations, before, after = _window(node, x, size)
    if before != after or any(2 * pad > kernel for pad, kernel in zip(before, size, strict=True)):
        x, before = _padded(x, before, after, -math.inf), [0] * len(size)
    function: Operator = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(size)]
    result: Tensor = function(x, size, strides, before, dilations, ceil_mode=bool(node.get("ceil_mode", 0)))
    return result


@operator("AveragePool")
def _average_pool(node: Node, x: Tensor) -> Tensor:
    size = integers(node.get("kernel_shape"))
    strides, dilations, before, after = _window(node, x, size)
    if any(dilation != 1 for dilation in dilations):
        raise Unsupported("with dilation")
    counted, ceil = bool(node.get("count_include_pad", 0)), bool(node.get("ceil_mode", 0))
    function: Operator = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(size)]
    if before == after and all(2 * pad <= kernel for pad, kernel in zip(before, size, strict=True)):
        even: Tensor = function(x, size, strides, before, ceil, counted)
        return even
    result: Tensor = function(_padded(x, before, after), size, strides, 0, ceil)
    if counted:
        return result
    share: Tensor = function(_padded(torch.ones_like(x[:1, :1]), before, after), size, strides, 0, ceil)
    return result / share


@operator("GlobalAveragePool")
def _global_average(node: Node, x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 1) if x.ndim == 4 else x.mean(tuple(range(2, x.ndim)), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(node: Node, x: Tensor) -> Tensor:
    return torch.amax(x, tuple(range(2, x.ndim)), keepdim=True)


# Normalisation


@operator("BatchNormalization")
def batch_norm(node: Node, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """In evaluation mode."""
    if node.get("training_mode", 0):
        raise Unsupported("in training mode")
    return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, node.get("epsilon", 1e-5))


@operator("InstanceNormalization")
def _instance_norm(node: Node, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=weight, bias=bias, eps=node.get("epsilon", 1e-5))


@operator("LayerNormalization")
def _layer_norm(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """With the mean and the inverse of the deviation, where they are asked for."""
    axis, epsilon = node.get("axis", -1) % x.ndim, node.get("epsilon", 1e-5)
    shape = x.shape[axis:]
    normed = F.layer_norm(x, shape, weight.expand(shape), None if bias is None else bias.expand(shape), epsilon)
    if node.outputs == 1:
        return normed
    axes = tuple(range(axis, x.ndim))
    deviation = torch.sqrt(x.var(axes, correction=0, keepdim=True) + epsilon)
    return normed, x.mean(axes, keepdim=True), torch.reciprocal(deviation)


@operator("GroupNormalization")
def _group_norm(node: Node, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    groups = node.get("num_groups")
    if node.opset < 21 and len(weight) == groups != x.shape[1]:  # one factor a group then, one a channel since
        weight, bias = (value.repeat_interleave(x.shape[1] // groups) for value in (weight, bias))
    return F.group_norm(x, groups, weight, bias, node.get("epsilon", 1e-5))


@operator("LRN")
def _response_norm(node: Node, x: Tensor) -> Tensor:
    alpha, beta, offset = node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)
    return F.local_response_norm(x, node.get("size"), alpha, beta, offset)


@operator("LpNormalization")
def _unit_length(node: Node, x: Tensor) -> Tensor:
    return F.normalize(x, node.get("p", 2), node.get("axis", -1))


@operator("Softmax", "LogSoftmax")
def _softmax(node: Node, x: Tensor) -> Tensor:
    function = F.softmax if node.kind == "Softmax" else F.log_softmax
    if node.opset >= 13:
        return function(x, dim=node.get("axis", -1))
    axis = node.get("axis", 1) % x.ndim  # over all axes from this one on
    return function(x, dim=axis) if axis == x.ndim - 1 else function(x.flatten(axis), dim=axis).reshape(x.shape)


# Sums and the like over axes


@operator("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceProd")
def _reduced(node: Node, x: Tensor, operand: Tensor | None = None) -> Tensor:
    axes = axes_of(node, operand)
    if not axes and node.get("noop_with_empty_axes", 0):
        return x
    dims, keep = tuple(axes or range(x.ndim)), bool(node.get("keepdims", 1))
    if node.kind == "ReduceProd":
        for dim in sorted((dim % x.ndim for dim in dims), reverse=True):
            x = torch.prod(x, dim, keepdim=keep)
        return x
    if node.kind in ("ReduceL1", "ReduceL2"):
        return torch.linalg.vector_norm(x, int(node.kind[-1]), dims, keepdim=keep)
    x = x * x if node.kind == "ReduceSumSquare" else x
    functions: dict[str, Operator] = {"ReduceMean": torch.mean, "ReduceMax": torch.amax, "ReduceMin": torch.amin}
    return functions.get(node.kind, torch.sum)(x, dims, keepdim=keep)


@operator("ArgMax", "ArgMin")
def _argument(node: Node, x: Tensor) -> Tensor:
    if node.get("select_last_index", 0):
        raise Unsupported("with the last of equal values")
    function = torch.argmax if node.kind == "ArgMax" else torch.argmin
    return function(x, node.get("axis", 0), keepdim=bool(node.get("keepdims", 1)))
