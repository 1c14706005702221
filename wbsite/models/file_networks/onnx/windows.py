"""ONNX's convolutions and pools as calls of torch: see `node`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from .node import Node, Operator, Tensor, Unsupported, integers, operator


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
