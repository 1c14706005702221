"""Labelled pictures on a device, in augmented and normalised batches; here, those that fit into its memory."""

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
"""Which of a batch's pictures this process takes; see `parallel`."""


def all_rows(pictures: int) -> slice:
    """Every picture of a batch."""
    return slice(0, pictures)


def step_seed(seed: int, epoch: int, step: int = -1) -> int:
    """A seed of its own for every step, so that a run can be resumed at any of them."""
    return ((seed + 1) * 1_000_003 + epoch) * 1_000_003 + step + 1


@dataclass(frozen=True)
class Feed(ABC):
    """Labelled pictures in batches; augmentation and normalisation happen on the device.

    What a step sees depends on (seed, epoch, step) alone, so a resumed run sees what an
    undisturbed one would have seen.

    Attributes:
        labels: int64 (N,) on the device.
        preprocess: how the network wants its input.
    """

    labels: torch.Tensor
    preprocess: Preprocess

    @abstractmethod
    def read(self, parts: Sequence[torch.Tensor], crops: str | None) -> Iterator[Batch]:
        """The pictures of each part, uint8 (n, 3, H, W), with their labels, on the device.

        Args:
            parts: indices of pictures.
            crops: what decides random crops, for pictures that are cropped as they are read; None for none.
        """

    @property
    def device(self) -> torch.device:
        """Where batches lie."""
        return self.labels.device

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.labels)

    def steps(self, recipe: Recipe) -> int:
        """Steps of one epoch; an incomplete last batch is left out, unless it is the only one."""
        return max(1, len(self) // recipe.batch)

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) from 0 to 255 → the network's input."""
        p, shape = self.preprocess, (1, -1, 1, 1)
        mean = torch.tensor(p.mean, device=x.device).reshape(shape)
        std = torch.tensor(p.std, device=x.device).reshape(shape)
        x = x.contiguous(memory_format=torch.channels_last)  # first, while a value is a byte
        return (x.float() * (p.scale / 255.0) - mean) / std

    def train(self, recipe: Recipe, seed: int, epoch: int, first: int = 0, rows: Rows = all_rows) -> Iterator[Batch]:
        """Shuffled and augmented batches of one epoch, from step `first` on; of each, the rows asked for."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(step_seed(seed, epoch)))
        batches = order.split(recipe.batch)[first : self.steps(recipe)]
        parts = [batch[rows(len(batch))] for batch in batches]
        for step, (whole, (x, y)) in enumerate(zip(batches, self.read(parts, f"{seed}/{epoch}"), strict=True), first):
            generator = torch.Generator().manual_seed(step_seed(seed, epoch, step))
            yield self.normalise(augment(x, recipe, Draws(generator, len(whole), rows(len(whole))))), y

    def test(self, recipe: Recipe = UPRIGHT, batch: int = 500, rows: Rows = all_rows) -> Iterator[Batch]:
        """All pictures in order, neither shifted nor flipped, but posed as the recipe poses them."""
        generator = torch.Generator().manual_seed(0)
        batches = torch.arange(len(self)).split(batch)
        parts = [each[rows(len(each))] for each in batches]
        for whole, (x, y) in zip(batches, self.read(parts, None), strict=True):
            yield self.normalise(pose(x, recipe, Draws(generator, len(whole), rows(len(whole))))), y


@dataclass(frozen=True)
class Batches(Feed):
    """A data set held on the device as uint8.

    Attributes:
        images: uint8 (N, 3, H, W).
    """

    images: torch.Tensor

    @classmethod
    def of(cls, pictures: Pictures, preprocess: Preprocess, device: torch.device) -> Batches:
        """Moves a data set to the device."""
        return cls(
            torch.from_numpy(pictures.labels).to(device),
            preprocess,
            torch.from_numpy(pictures.images).to(device),
        )

    def read(self, parts: Sequence[torch.Tensor], crops: str | None) -> Iterator[Batch]:
        """The pictures as they are; nothing is cropped."""
        for part in parts:
            index = part.to(self.device)
            yield self.images[index], self.labels[index]
