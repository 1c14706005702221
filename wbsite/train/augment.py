"""Augmentation of a batch on its device; every picture gets its own shift, flip and rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .base import Recipe


@dataclass(frozen=True)
class Draws:
    """Random numbers for the pictures of a batch, of which only some may be at hand.

    They are drawn for the whole batch, so that processes that share one see together what a single
    process would.

    Attributes:
        generator: where they come from, on the CPU.
        pictures: in the whole batch.
        rows: those at hand.
    """

    generator: torch.Generator
    pictures: int
    rows: slice

    @classmethod
    def for_all(cls, pictures: int, generator: torch.Generator) -> Draws:
        """For a batch that is all at hand."""
        return cls(generator, pictures, slice(0, pictures))

    def uniform(self) -> torch.Tensor:
        """A number from [0, 1) for each picture at hand."""
        return torch.rand(self.pictures, generator=self.generator)[self.rows]

    def integers(self, below: int, count: int) -> torch.Tensor:
        """Whole numbers from 0, `count` for each picture at hand: (count, pictures)."""
        return torch.randint(0, below, (count, self.pictures), generator=self.generator)[:, self.rows]


def augment(x: torch.Tensor, recipe: Recipe, draws: Draws) -> torch.Tensor:
    """uint8 (N, C, H, W) → shifted, flipped and posed; uint8, or float32 after a rotation.

    Shifts and flips belong to the picture and come first, so that an upright baseline and an
    experiment with turned pictures differ in the turn alone.
    """
    if recipe.shift:
        x = random_shift(x, recipe.shift, draws)
    if recipe.flip:
        x = random_flip(x, 3, draws)
    if recipe.vertical_flip:
        x = random_flip(x, 2, draws)
    return pose(x, recipe, draws)


def pose(x: torch.Tensor, recipe: Recipe, draws: Draws) -> torch.Tensor:
    """Quarter turns, random rotations and changed colours, which test pictures undergo as well."""
    if recipe.turn:
        x = x.rot90(recipe.turn, (2, 3))
    if recipe.sway:
        x = random_rotation(x, recipe.sway, draws)
    if recipe.colours == "removed":
        x = without_colour(x)
    elif recipe.colours == "permuted":
        x = permuted_channels(x, draws)
    return x


def without_colour(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) with the mean of the channels in every channel; uint8 is rounded."""
    grey = x.float().mean(1, keepdim=True)
    return (grey if x.is_floating_point() else grey.round()).to(x.dtype).expand_as(x)


def permuted_channels(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """The channels of each picture of (N, C, H, W) in a random order of its own."""
    order = torch.stack([draws.uniform() for _ in range(x.shape[1])], 1).argsort(1).to(x.device)
    return x[torch.arange(len(x), device=x.device)[:, None], order]


def random_shift(x: torch.Tensor, shift: int, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) moved by its own offset of up to `shift` pixels, edges reflected."""
    h, w = x.shape[2:]
    padded = F.pad(x.float(), (shift,) * 4, mode="reflect").to(x.dtype)
    dy, dx = draws.integers(2 * shift + 1, 2).to(x.device)
    # A view of every window of every picture, of which one each is copied.
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)
    return windows[torch.arange(len(x), device=x.device), :, dy, dx]


def random_flip(x: torch.Tensor, axis: int, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) mirrored along `axis` with probability one half."""
    flips = (draws.uniform() < 0.5).to(x.device)
    return torch.where(flips[:, None, None, None], x.flip(axis), x)


def random_rotation(x: torch.Tensor, degrees: float, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) rotated about its centre by its own angle from ±`degrees`.

    Bilinear; what lies outside the picture is its reflection. float32, same range.
    """
    return rotated(x, ((2 * draws.uniform() - 1) * math.radians(degrees)).to(x.device))


def rotated(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """The pictures (N, C, H, W) turned counter-clockwise by `angle` (N,) in radians; float32."""
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turns = torch.stack((torch.stack((cos, -sin, zero), 1), torch.stack((sin, cos, zero), 1)), 1)
    grid = F.affine_grid(turns, list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
