"""ONNX's normalisations, and what it computes of many numbers, as calls of torch: see `node`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from .node import Node, Operator, Tensor, Unsupported, axes_of, operator


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
