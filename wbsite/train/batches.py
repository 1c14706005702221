"""Pictures on the device as uint8, in augmented and normalised batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..datasets.base import Pictures
from ..models.base import Preprocess
from .augment import augment, pose
from .base import Recipe

Batch = tuple[torch.Tensor, torch.Tensor]

UPRIGHT = Recipe(epochs=1)


def step_seed(seed: int, epoch: int, step: int = -1) -> int:
    """A seed of its own for every step, so that a run can be resumed at any of them."""
    return ((seed + 1) * 1_000_003 + epoch) * 1_000_003 + step + 1


@dataclass(frozen=True)
class Batches:
    """A data set held on the device; augmentation and normalisation happen there.

    What a step sees depends on (seed, epoch, step) alone, so a resumed run sees what an
    undisturbed one would have seen.
    """

    images: torch.Tensor
    labels: torch.Tensor
    preprocess: Preprocess

    @classmethod
    def of(cls, pictures: Pictures, preprocess: Preprocess, device: torch.device) -> Batches:
        """Moves a data set to the device."""
        return cls(
            torch.from_numpy(pictures.images).to(device),
            torch.from_numpy(pictures.labels).to(device),
            preprocess,
        )

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
        x = (x.float() * (p.scale / 255.0) - mean) / std
        return x.contiguous(memory_format=torch.channels_last)

    def train(self, recipe: Recipe, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Shuffled and augmented batches of one epoch, from step `first` on."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(step_seed(seed, epoch)))
        for step in range(first, self.steps(recipe)):
            index = order[step * recipe.batch : (step + 1) * recipe.batch].to(self.device)
            generator = torch.Generator().manual_seed(step_seed(seed, epoch, step))
            yield self.normalise(augment(self.images[index], recipe, generator)), self.labels[index]

    def test(self, recipe: Recipe = UPRIGHT, batch: int = 500) -> Iterator[Batch]:
        """All pictures in order, neither shifted nor flipped, but posed as the recipe poses them."""
        generator = torch.Generator().manual_seed(0)
        for index in torch.arange(len(self), device=self.device).split(batch):
            yield self.normalise(pose(self.images[index], recipe, generator)), self.labels[index]
