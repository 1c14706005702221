"""Pads, shifts, scales and turns pictures before the network sees them, each picture in its own way.

A picture that excites a unit only exactly as it is exploits single pixels; one that still does when moved a little
shows what the unit looks for. One affine map and one interpolation a picture and step do all four, at any size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

GREY = 0.5
"""What lies outside a picture."""


def draw(generators: Sequence[torch.Generator], steps: int, jitter: float, scale: float, rotate: float) -> torch.Tensor:
    """Affine maps for every step, (steps, B, 2, 3), each picture's from its own generator.

    Args:
        jitter: largest shift along each axis, in shares of the picture's shorter side.
        scale: largest factor is 1 + scale, smallest 1 / (1 + scale), even in its logarithm.
        rotate: largest angle, in degrees.
    """
    uniform = torch.stack(
        [2 * torch.rand(steps, 4, generator=generator, dtype=torch.float32) - 1 for generator in generators], 1
    )
    down, right, size, angle = uniform.unbind(-1)
    factor = torch.exp(-math.log1p(scale) * size)  # a map from seen to picture coordinates shrinks what it enlarges
    turn = math.radians(rotate) * angle
    cos, sin = factor * turn.cos(), factor * turn.sin()
    rows = (torch.stack((cos, -sin, 2 * jitter * right), -1), torch.stack((sin, cos, 2 * jitter * down), -1))
    return torch.stack(rows, -2)


def warp(images: torch.Tensor, maps: torch.Tensor, shape: tuple[int, int], pad: float = 0.0) -> torch.Tensor:
    """What the network sees: (B, C, height, width) around zero, that is, minus GREY.

    Args:
        images: (B, C, height, width) in [0, 1].
        maps: (B, 2, 3), as drawn, for this step.
        shape: (height, width) in pixels.
        pad: grey border at each edge, in shares of the picture's sides.
    """
    spread = _proportioned(maps, images.shape[-2:]) * torch.tensor(
        [1 + 2 * pad, 1 + 2 * pad, 1.0], dtype=torch.float32, device=maps.device
    )
    return F.grid_sample(
        images - GREY, _grid(spread, shape), mode="bilinear", padding_mode="zeros", align_corners=False
    )


def _grid(maps: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """`F.affine_grid` of maps (B, 2, 3), (B, height, width, 2): as sums of what a row and what a column adds."""
    down, right = (
        torch.arange(1 - side, side, 2, dtype=maps.dtype, device=maps.device) / side for side in shape
    )  # centres of pixels, in [−1, 1]
    across, along, shift = (part[:, :, None] for part in maps.unbind(-1))
    rows, columns = along * down + shift, across * right
    return torch.stack([rows[:, axis, :, None] + columns[:, axis, None, :] for axis in (0, 1)], -1)


def _proportioned(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Maps in coordinates that reach from −1 to 1 along both sides of a picture, however long these are."""
    height, width = size
    if height == width:
        return maps
    short = min(height, width)
    factors = [[1.0, height / width, short / width], [width / height, 1.0, short / height]]
    return maps * torch.tensor(factors, dtype=torch.float32, device=maps.device)


def present(images: torch.Tensor, shape: tuple[int, int], pad: float = 0.0) -> torch.Tensor:
    """As `warp` without moving the picture: (B, C, height, width) around zero."""
    if images.shape[-2:] == shape and not pad:
        return images - GREY
    still = torch.eye(2, 3, dtype=torch.float32, device=images.device).expand(len(images), 2, 3)
    return warp(images, still, shape, pad)
