"""Augmentation of a batch on its device; every picture gets its own shift, flip and rotation.

Not torchvision's transforms: those draw one shift, flip or angle for a whole batch, from torch's global generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .base import Recipe


@dataclass(frozen=True)
class Draws:
    """Random numbers for the pictures of a batch, of which this process may hold only some.

    They are drawn for the whole batch, so that processes that share one augment its pictures as a single process would.

    Attributes:
        generator: source of the random numbers, on the CPU.
        pictures: number of pictures in the whole batch.
        rows: the pictures that this process holds.
    """

    generator: torch.Generator
    pictures: int
    rows: slice

    @classmethod
    def for_all(cls, pictures: int, generator: torch.Generator) -> Draws:
        """Random numbers for a batch that this process holds as a whole."""
        return cls(generator, pictures, slice(0, pictures))

    def uniform(self) -> torch.Tensor:
        """A number from [0, 1) for each picture held, (pictures,)."""
        return torch.rand(self.pictures, generator=self.generator)[self.rows]

    def integers(self, below: int, count: int) -> torch.Tensor:
        """Whole numbers from 0 to `below` − 1, `count` for each picture held: (count, pictures)."""
        return torch.randint(0, below, (count, self.pictures), generator=self.generator)[:, self.rows]


def augment(x: torch.Tensor, recipe: Recipe, draws: Draws) -> torch.Tensor:
    """uint8 (N, C, H, W) → shifted, flipped and posed; uint8, or float32 after a rotation.

    Shifts and flips come first, so that an upright baseline and an experiment with turned pictures differ in the turn
    alone.
    """
    if recipe.shift:
        x = random_shift(x, recipe.shift, draws)
    if recipe.flip:
        x = random_flip(x, 3, draws)
    if recipe.vertical_flip:
        x = random_flip(x, 2, draws)
    return pose(x, recipe, draws)


def pose(x: torch.Tensor, recipe: Recipe, draws: Draws) -> torch.Tensor:
    """Quarter turns, random rotations and changed colours, which test pictures get too; (N, C, H, W), as `augment`."""
    if recipe.turn:
        x = x.rot90(recipe.turn, (2, 3))
    if recipe.sway:
        x = random_rotation(x, recipe.sway, draws)
    if recipe.colours == "removed":
        x = remove_colour(x)
    elif recipe.colours == "permuted":
        x = permute_channels(x, draws)
    return x


def remove_colour(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) → the same shape and type with the mean of the channels in every channel; uint8 is rounded."""
    grey = x.float().mean(1, keepdim=True)
    return (grey if x.is_floating_point() else grey.round()).to(x.dtype).expand_as(x)


def permute_channels(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """The channels of each picture of (N, C, H, W) in a random order of its own."""
    order = torch.stack([draws.uniform() for _ in range(x.shape[1])], 1).argsort(1).to(x.device)
    return x[torch.arange(len(x), device=x.device)[:, None], order]


def random_shift(x: torch.Tensor, shift: int, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) moved by its own offset of up to `shift` pixels, edges reflected."""
    h, w = x.shape[2:]
    padded = F.pad(x.float(), (shift,) * 4, mode="reflect").to(x.dtype)
    dy, dx = draws.integers(2 * shift + 1, 2).to(x.device)
    # A view of every window of every picture; one window of each is copied.
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)
    return windows[torch.arange(len(x), device=x.device), :, dy, dx]


def random_flip(x: torch.Tensor, axis: int, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) mirrored along `axis` with probability one half."""
    flips = (draws.uniform() < 0.5).to(x.device)
    return torch.where(flips[:, None, None, None], x.flip(axis), x)


def random_rotation(x: torch.Tensor, degrees: float, draws: Draws) -> torch.Tensor:
    """Each picture of (N, C, H, W) rotated about its centre by its own angle from ±`degrees`; float32, see `rotate`."""
    return rotate(x, ((2 * draws.uniform() - 1) * math.radians(degrees)).to(x.device))


def rotate(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """The pictures (N, C, H, W) rotated counter-clockwise about their centres by `angle` (N,) in radians.

    Bilinear; outside the picture is its reflection. float32 of the same shape and range.
    """
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    matrices = torch.stack((torch.stack((cos, -sin, zero), 1), torch.stack((sin, cos, zero), 1)), 1)
    grid = F.affine_grid(matrices, list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
