"""ONNX's steps between numbers and whole numbers with a scale, as calls of torch: see `node`."""

from __future__ import annotations

import torch

from .node import Node, Tensor, Unsupported, operator


@operator("QuantizeLinear")
def _quantize(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """Whole numbers, kept as floating-point ones."""
    if node.get("block_size", 0):
        raise Unsupported("in blocks")
    signed = zero is not None and zero.dtype == torch.int8
    low, high = (-128, 127) if signed else (0, 255)
    if zero is not None and zero.dtype not in (torch.int8, torch.uint8):
        raise Unsupported(f"to the type {zero.dtype}")
    offset = 0 if zero is None else _per_channel(node, zero.float(), x)
    return torch.clamp(torch.round(x / _per_channel(node, scale, x)) + offset, low, high)


@operator("DequantizeLinear")
def _dequantize(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    if node.get("block_size", 0):
        raise Unsupported("in blocks")
    offset = 0 if zero is None else _per_channel(node, zero.float(), x)
    return (x.float() - offset) * _per_channel(node, scale, x)


def _per_channel(node: Node, scale: Tensor, x: Tensor) -> Tensor:
    scale = scale.to(x.device)
    if scale.numel() == 1:
        return scale.reshape(())
    axis = node.get("axis", 1) % x.ndim
    return scale.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
