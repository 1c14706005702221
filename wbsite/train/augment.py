"""Augmentation of a batch on its device; every picture gets its own shift, flip and rotation."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from .base import Recipe


def augment(x: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """uint8 (N, C, H, W) → shifted, flipped and posed; uint8, or float32 after a rotation.

    Shifts and flips belong to the picture and come first, so that an upright baseline and an
    experiment with turned pictures differ in the turn alone.
    """
    if recipe.shift:
        x = random_shift(x, recipe.shift, generator)
    if recipe.flip:
        x = random_flip(x, 3, generator)
    if recipe.vertical_flip:
        x = random_flip(x, 2, generator)
    return pose(x, recipe, generator)


def pose(x: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Quarter turns and random rotations, which test pictures undergo as well."""
    if recipe.turn:
        x = x.rot90(recipe.turn, (2, 3))
    if recipe.sway:
        x = random_rotation(x, recipe.sway, generator)
    return x


def random_shift(x: torch.Tensor, shift: int, generator: torch.Generator) -> torch.Tensor:
    """Each picture of (N, C, H, W) moved by its own offset of up to `shift` pixels, edges reflected."""
    n, _, h, w = x.shape
    padded = F.pad(x.float(), (shift,) * 4, mode="reflect").to(x.dtype)
    dy, dx = torch.randint(0, 2 * shift + 1, (2, n), generator=generator).to(x.device)
    rows = (dy[:, None] + torch.arange(h, device=x.device))[:, None, :, None]
    columns = (dx[:, None] + torch.arange(w, device=x.device))[:, None, None, :]
    return padded[
        torch.arange(n, device=x.device)[:, None, None, None],
        torch.arange(x.shape[1], device=x.device)[None, :, None, None],
        rows,
        columns,
    ]


def random_flip(x: torch.Tensor, axis: int, generator: torch.Generator) -> torch.Tensor:
    """Each picture of (N, C, H, W) mirrored along `axis` with probability one half."""
    flips = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)
    return torch.where(flips[:, None, None, None], x.flip(axis), x)


def random_rotation(x: torch.Tensor, degrees: float, generator: torch.Generator) -> torch.Tensor:
    """Each picture of (N, C, H, W) rotated about its centre by its own angle from ±`degrees`.

    Bilinear; what lies outside the picture is its reflection. float32, same range.
    """
    angle = ((2 * torch.rand(len(x), generator=generator) - 1) * math.radians(degrees)).to(x.device)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turns = torch.stack((torch.stack((cos, -sin, zero), 1), torch.stack((sin, cos, zero), 1)), 1)
    grid = F.affine_grid(turns, list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
