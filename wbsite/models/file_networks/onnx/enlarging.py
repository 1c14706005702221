"""ONNX's Resize, of maps to another size, as calls of torch: see `node`."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional as F

from ..parts import check_count
from .node import Node, Tensor, Unsupported, integers, operator


@operator("Resize", "Upsample")
def _resize(node: Node, x: Tensor, *operands: Tensor | None) -> Tensor:
    """(B, C, H, W) to another H and W."""
    scales, sizes = _target(node, x, operands)
    mode = node.get("mode", "nearest")
    old = node.kind == "Upsample" or node.opset < 11
    place = "asymmetric" if old else node.get("coordinate_transformation_mode", "half_pixel")
    if sizes[:2] != list(x.shape[:2]) or x.ndim != 4:
        raise Unsupported("of other axes than height and width")
    target = sizes[2:]
    check_count(math.prod(sizes))
    if mode == "nearest":
        rounding = "floor" if old else node.get("nearest_mode", "round_prefer_floor")
        return _nearest(x, target, scales[2:], place, rounding)
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    if node.get("antialias", 0):
        raise Unsupported("with filters against aliasing")
    lengths = x.shape[2:]
    whole = all(
        math.isclose(size, scale * length) for size, scale, length in zip(target, scales[2:], lengths, strict=True)
    )
    if place == "asymmetric" and mode == "bilinear":
        return _linear(_linear(x, 2, target[0], scales[2]), 3, target[1], scales[3])
    if place == "align_corners" and whole:
        return F.interpolate(x, target, mode=mode, align_corners=True)
    # ONNX reads position 0 for a single one, torch the middle.
    single = any(size == 1 != length for size, length in zip(target, lengths, strict=True))
    half = place == "half_pixel" or (place == "pytorch_half_pixel" and not single)
    if not half or mode not in ("bilinear", "bicubic"):
        raise Unsupported(f"of mode {mode} at coordinates {place}")
    if mode == "bicubic" and (node.get("cubic_coeff_a", -0.75) != -0.75 or node.get("exclude_outside", 0)):
        raise Unsupported("with another cubic than torch's")
    if whole:
        return F.interpolate(x, target, mode=mode, align_corners=False)
    return F.interpolate(x, scale_factor=tuple(scales[2:]), mode=mode, align_corners=False)


def _target(node: Node, x: Tensor, operands: tuple[Tensor | None, ...]) -> tuple[list[float], list[int]]:
    """Scales and sizes along all axes; operands are (roi, scales, sizes), or (scales) in older graphs."""
    places = [None, *operands] if len(operands) == 1 else list(operands)
    _, scales, sizes, *_ = [*places, None, None, None]
    axes = [axis % x.ndim for axis in node.get("axes") or range(x.ndim)]
    if sizes is not None and sizes.numel():
        target = list(x.shape)
        for axis, size in zip(axes, integers(sizes), strict=True):
            target[axis] = size
        if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise Unsupported("that keeps proportions")
        return [size / length for size, length in zip(target, x.shape, strict=True)], target
    given = node.get("scales") if scales is None else scales.reshape(-1).tolist()
    factors = [1.0] * x.ndim
    for axis, factor in zip(axes, given, strict=True):
        factors[axis] = float(factor)
    return factors, [math.floor(length * factor) for length, factor in zip(x.shape, factors, strict=True)]


def _nearest(x: Tensor, target: list[int], scales: list[float], place: str, rounding: str) -> Tensor:
    indices = [
        _places(size, length, scale, place, rounding)
        for size, length, scale in zip(target, x.shape[2:], scales, strict=True)
    ]
    for mode in ("nearest", "nearest-exact"):
        rows = [
            F.interpolate(torch.arange(length, dtype=torch.float32)[None, None], size, mode=mode)[0, 0].long().tolist()
            for size, length in zip(target, x.shape[2:], strict=True)
        ]
        if rows == indices:
            return F.interpolate(x, target, mode=mode)
    for axis, index in enumerate(indices, 2):
        x = x.index_select(axis, torch.tensor(index, device=x.device))
    return x


def _places(size: int, length: int, scale: float, place: str, rounding: str) -> list[int]:
    """Which of `length` positions each of `size` new ones is a copy of."""
    new = np.arange(size, dtype=np.float64)
    if place in ("half_pixel", "pytorch_half_pixel"):
        old = (new + 0.5) / scale - 0.5 if size > 1 or place == "half_pixel" else new * 0
    elif place == "align_corners":
        old = new * (length - 1) / max(size - 1, 1)
    elif place == "asymmetric":
        old = new / scale
    else:
        raise Unsupported(f"at coordinates {place}")
    old = {
        "floor": np.floor(old),
        "ceil": np.ceil(old),
        "round_prefer_ceil": np.floor(old + 0.5),
        "round_prefer_floor": np.ceil(old - 0.5),
    }[rounding]
    return [int(index) for index in np.clip(old, 0, length - 1)]


def _linear(x: Tensor, axis: int, size: int, scale: float) -> Tensor:
    """Along one axis, with position 0 at position 0."""
    places = torch.arange(size, dtype=torch.float64) / scale
    low = places.floor().clamp(0, x.shape[axis] - 1).long()
    high = (low + 1).clamp(max=x.shape[axis] - 1)
    share = (places - low).clamp(0, 1).to(x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)]).to(x.device)
    first, second = (x.index_select(axis, index.to(x.device)) for index in (low, high))
    return first * (1 - share) + second * share
