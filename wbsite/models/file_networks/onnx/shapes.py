"""ONNX's operators that move numbers, cut or join maps, as calls of torch: see `node`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from ..parts import check_count, within_reason
from .node import Node, Tensor, Unsupported, axes_of, integers, operator


@operator("Shape")
def _shape(node: Node, x: Tensor) -> Tensor:
    return torch.tensor(list(x.shape)[node.get("start", 0) : node.get("end")])


@operator("Size")
def _size(node: Node, x: Tensor) -> Tensor:
    return torch.tensor(x.numel())


@operator("ConstantOfShape")
def _filled(node: Node, sizes: Tensor) -> Tensor:
    value = node.get("value")
    check_count(math.prod(integers(sizes)))
    return torch.full(integers(sizes), 0.0 if value is None else value.reshape(-1)[0].item(),
                      dtype=torch.float32 if value is None else value.dtype)  # fmt: skip


@operator("Range")
def _range(node: Node, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    check_count(abs((limit.item() - start.item()) / delta.item()))
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@operator("Reshape")
def _reshape(node: Node, x: Tensor, sizes: Tensor | None = None) -> Tensor:
    target = integers(node.get("shape") if sizes is None else sizes)
    if not node.get("allowzero", 0):
        target = [x.shape[i] if size == 0 else size for i, size in enumerate(target)]
    return x.flatten(1) if len(target) == 2 and x.ndim > 2 and target == [len(x), -1] else x.reshape(target)


@operator("Flatten")
def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.flatten(1) if axis == 1 and x.ndim > 1 else x.reshape(math.prod(x.shape[:axis]), -1)


@operator("Squeeze")
def _squeeze(node: Node, x: Tensor, operand: Tensor | None = None) -> Tensor:
    axes = axes_of(node, operand)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@operator("Unsqueeze")
def _unsqueeze(node: Node, x: Tensor, operand: Tensor | None = None) -> Tensor:
    axes = axes_of(node, operand) or []
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Transpose")
def _transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(integers(node.get("perm") or range(x.ndim - 1, -1, -1)))


@operator("Concat")
def _concat(node: Node, *operands: Tensor) -> Tensor:
    # What is computed from sizes lies on the CPU, wherever the picture is.
    device = next((operand.device for operand in operands if operand.device.type != "cpu"), operands[0].device)
    return torch.cat([operand.to(device) for operand in operands], node.get("axis"))


@operator("Split")
def _split(node: Node, x: Tensor, operand: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = node.get("axis", 0)
    sizes = node.get("split") if operand is None else operand
    if sizes is None:
        return torch.split(x, -(-x.shape[axis] // (node.get("num_outputs") or node.outputs)), axis)
    return torch.split(x, integers(sizes), axis)


@operator("Slice")
def _slice(node: Node, x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Tensor:
    first = integers(node.get("starts") if starts is None else starts)
    last = integers(node.get("ends") if ends is None else ends)
    given = node.get("axes") if axes is None else axes
    along = list(range(len(first))) if given is None else integers(given)
    step = [1] * len(first) if steps is None else integers(steps)
    index = [slice(None)] * x.ndim
    flipped = []
    for axis, start, stop, stride in zip(along, first, last, step, strict=True):
        places = range(x.shape[axis])[slice(start, stop if stride > 0 or stop >= -x.shape[axis] else None, stride)]
        if stride < 0 and len(places):  # torch has no steps backwards
            places = places[::-1]
            flipped.append(axis)
        index[axis] = slice(places.start, places.stop, places.step) if len(places) else slice(0, 0)
    cut = x[tuple(index)]
    return cut.flip(flipped) if flipped else cut


@operator("Gather")
def _gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.ndim
    if indices.ndim == 0 and indices.device.type == "cpu":
        return x.select(axis, int(indices))
    indices = indices.to(x.device).long()
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, indices.reshape(-1)).reshape(shape)


@operator("GatherElements")
def _gather_elements(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.ndim
    indices = indices.to(x.device)
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    places = [torch.arange(size, device=x.device) for size in indices.shape]
    grid = list(torch.meshgrid(*places, indexing="ij"))
    grid[axis] = indices
    return x[tuple(grid)]


@operator("GatherND")
def _gather_places(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    if node.get("batch_dims", 0):
        raise Unsupported("for each picture on its own")
    return x[tuple(indices.to(x.device).unbind(-1))]


@operator("ScatterND")
def _scattered(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    if node.get("reduction", "none") not in ("none", "add"):
        raise Unsupported(f"with the reduction {node.get('reduction')}")
    places = tuple(indices.to(x.device).unbind(-1))
    return torch.index_put(x, places, updates, accumulate=node.get("reduction", "none") == "add")


@operator("CumSum")
def _cumulated(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    if node.get("exclusive", 0) or node.get("reverse", 0):
        raise Unsupported("but from the first number on")
    return torch.cumsum(x, int(axis))


@operator("Trilu")
def _triangle(node: Node, x: Tensor, diagonal: Tensor | None = None) -> Tensor:
    function = torch.triu if node.get("upper", 1) else torch.tril
    return function(x, 0 if diagonal is None else int(diagonal))


@operator("Expand")
def _expand(node: Node, x: Tensor, sizes: Tensor) -> Tensor:
    target = torch.broadcast_shapes(x.shape, integers(sizes))
    check_count(math.prod(target))
    if x.is_floating_point() and math.prod(target) > 1:
        return x.expand(target)
    # A view that repeats one number has no bytes of its own, by which a recording tells constants apart.
    lengths = (*(1 for _ in target[x.ndim :]), *x.shape)
    return x.repeat([size if length == 1 else 1 for size, length in zip(target, lengths, strict=True)])


@operator("Tile")
def _tile(node: Node, x: Tensor, repeats: Tensor) -> Tensor:
    return within_reason(torch.Tensor.repeat, x, integers(repeats))


@operator("Pad")
def _pad(node: Node, x: Tensor, operand: Any = None, value: Tensor | None = None, axes: Any = None) -> Tensor:
    sizes = integers(node.get("pads") if operand is None else operand)
    along = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in integers(axes)]
    pairs = {axis: (sizes[i], sizes[i + len(along)]) for i, axis in enumerate(along)}
    pads = [size for axis in reversed(range(x.ndim)) for size in pairs.get(axis, (0, 0))]
    while pads[-2:] == [0, 0]:
        pads = pads[:-2]
    if not pads:
        return x
    mode = {"edge": "replicate", "wrap": "circular"}.get(node.get("mode", "constant"), node.get("mode", "constant"))
    filling = node.get("value", 0.0) if value is None else value.item()
    return within_reason(F.pad, x, pads, mode, filling if mode == "constant" else None)


@operator("DepthToSpace")
def _depth_to_space(node: Node, x: Tensor) -> Tensor:
    block = node.get("blocksize")
    if node.get("mode", "DCR") == "DCR":
        b, c, h, w = x.shape
        x = x.reshape(b, block * block, c // block**2, h, w).transpose(1, 2).reshape(b, c, h, w)
    return F.pixel_shuffle(x, block)


@operator("SpaceToDepth")
def _space_to_depth(node: Node, x: Tensor) -> Tensor:
    block, channels = node.get("blocksize"), x.shape[1]
    x = F.pixel_unshuffle(x, block)
    if node.get("mode", "DCR") != "DCR":
        return x
    b, _, h, w = x.shape
    return x.reshape(b, channels, block * block, h, w).transpose(1, 2).reshape(b, -1, h, w)
