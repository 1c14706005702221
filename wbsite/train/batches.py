"""Labelled pictures in augmented and normalised batches: the interface, and pictures that fit into memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from wbsite.datasets.base import Pictures
from wbsite.models.base import Preprocess

from .augment import Draws, augment, pose
from .base import Recipe

Batch = tuple[torch.Tensor, torch.Tensor]

UPRIGHT = Recipe(epochs=1)

Rows = Callable[[int], slice]
"""Number of pictures in a batch → those that this process takes; see `parallel`."""


def all_rows(pictures: int) -> slice:
    """Every picture of a batch."""
    return slice(0, pictures)


def step_seed(seed: int, epoch: int, step: int = -1) -> int:
    """A different seed for every step, so that a run can be resumed at any of them; step −1 is the epoch itself."""
    return ((seed + 1) * 1_000_003 + epoch) * 1_000_003 + step + 1


@dataclass(frozen=True)
class Feed(ABC):
    """Labelled pictures in batches; augmentation and normalisation happen on the device.

    The pictures of a step depend on (seed, epoch, step) alone, so that a resumed run sees those of an uninterrupted
    one.

    Attributes:
        labels: int64 (N,) on the device, or (N, …) of pictures with several labels each.
        preprocess: size and normalisation of the network's input.
    """

    labels: torch.Tensor
    preprocess: Preprocess

    @abstractmethod
    def read(self, parts: Sequence[torch.Tensor], crop_key: str | None) -> Iterator[Batch]:
        """The pictures of each part, uint8 (n, 3, H, W), with their labels int64 (n,), on the device.

        Args:
            parts: indices of pictures, int64 (n,) each.
            crop_key: decides the random crops of pictures that are cropped as they are read; None for no random crop.
        """

    @property
    def device(self) -> torch.device:
        """The device of the batches."""
        return self.labels.device

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the network's input."""
        return len(self.preprocess.mean), self.preprocess.height, self.preprocess.width

    @property
    def chance(self) -> float:
        """Share of the commonest label among all labels."""
        return float(self.labels.flatten().bincount().max()) / self.labels.numel()

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.labels)

    def steps(self, recipe: Recipe) -> int:
        """Number of steps of one epoch; an incomplete last batch is left out, unless it is the only one."""
        return max(1, len(self) // recipe.batch)

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) with values from 0 to 255 → the network's input, float32 of the same shape."""
        preprocess, shape = self.preprocess, (1, -1, 1, 1)
        mean = torch.tensor(preprocess.mean, device=x.device).reshape(shape)
        std = torch.tensor(preprocess.std, device=x.device).reshape(shape)
        x = x.contiguous(memory_format=torch.channels_last)  # first, while a value is a byte
        return (x.float() * (preprocess.scale / 255.0) - mean) / std

    def train(
        self, recipe: Recipe, seed: int, epoch: int, first_step: int = 0, rows: Rows = all_rows
    ) -> Iterator[Batch]:
        """Shuffled and augmented batches of one epoch, from `first_step` on, each cut to this process's rows."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(step_seed(seed, epoch)))
        batches = order.split(recipe.batch)[first_step : self.steps(recipe)]
        parts = [batch[rows(len(batch))] for batch in batches]
        pictures = self.read(parts, f"{seed}/{epoch}")
        for step, (batch, (x, y)) in enumerate(zip(batches, pictures, strict=True), first_step):
            generator = torch.Generator().manual_seed(step_seed(seed, epoch, step))
            yield self.normalise(augment(x, recipe, Draws(generator, len(batch), rows(len(batch))))), y

    def test(self, recipe: Recipe = UPRIGHT, batch_size: int = 500, rows: Rows = all_rows) -> Iterator[Batch]:
        """All pictures in order, neither shifted nor flipped, but posed as the recipe says."""
        generator = torch.Generator().manual_seed(0)
        batches = torch.arange(len(self)).split(batch_size)
        parts = [batch[rows(len(batch))] for batch in batches]
        for batch, (x, y) in zip(batches, self.read(parts, None), strict=True):
            yield self.normalise(pose(x, recipe, Draws(generator, len(batch), rows(len(batch))))), y


@dataclass(frozen=True)
class Batches(Feed):
    """A data set held on the device as uint8.

    Attributes:
        images: uint8 (N, 3, H, W).
    """

    images: torch.Tensor

    @classmethod
    def from_pictures(cls, pictures: Pictures, preprocess: Preprocess, device: torch.device) -> Batches:
        """A data set, moved to the device."""
        return cls(
            torch.from_numpy(pictures.labels).to(device),
            preprocess,
            torch.from_numpy(pictures.images).to(device),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the pictures, which need not be square."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def read(self, parts: Sequence[torch.Tensor], crop_key: str | None) -> Iterator[Batch]:
        """The pictures of each part as they are; nothing is cropped."""
        for part in parts:
            index = part.to(self.device)
            yield self.images[index], self.labels[index]
