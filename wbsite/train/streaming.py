"""Batches of pictures that do not fit into memory: read, cropped and resized by workers while the device computes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.datasets.base import Files
from wbsite.datasets.imagefolder import Box, read_picture
from wbsite.models.base import Preprocess

from .base import Recipe
from .batches import Batch, Feed, Rows, all_rows

ROOM = 8 * 2**30
"""Decoded pictures of more bytes than this, or than half the memory, are streamed."""

AREA, RATIO = (0.25, 1.0), (3 / 4, 4 / 3)
"""Random crops: share of the picture's area, and width over height."""

Item = tuple[str, str | None]
"""A picture to read: its path, and what decides its crop, None for none."""


def streamed(source: str, size: int, device: torch.device) -> tuple[Files, Files] | None:
    """The files to train on and to test on, where their pictures would not fit into memory.

    Args:
        source: data set, as in `imagefolder:PATH`.
        size: side of the pictures in pixels.

    Raises:
        WbsiteError: unknown data set, or it cannot be read.
    """
    kind, _, argument = source.partition(":")
    files = registry.named("datasets", kind, "data set").files
    if files is None:
        return None
    training, held_out = files(argument, "train"), files(argument, "test")
    needed = (len(training.names) + len(held_out.names)) * 3 * size * size
    return (training, held_out) if needed > min(ROOM, memory(device) // 2) else None


def memory(device: torch.device) -> int:
    """Bytes of memory of the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2 * ROOM


def workers() -> int:
    """Worker processes for each process that trains: its share of the cores, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


@dataclass(frozen=True)
class StreamedBatches(Feed):
    """A data set that stays in its files.

    Training pictures are random crops in place of random shifts. A crop depends on (seed, epoch,
    picture) alone, and what else happens to a picture on (seed, epoch, step), so that a run can be
    resumed at any step. Test pictures are those that `Batches` would hold.

    Attributes:
        files: where the pictures are.
        workers: processes that read; 0 reads in this one.
    """

    files: Files
    workers: int

    @classmethod
    def of(cls, files: Files, preprocess: Preprocess, device: torch.device) -> StreamedBatches:
        """Batches of these files for a device."""
        return cls(torch.from_numpy(files.labels).to(device), preprocess, files, workers())

    def train(self, recipe: Recipe, seed: int, epoch: int, first: int = 0, rows: Rows = all_rows) -> Iterator[Batch]:
        """Shuffled, cropped and augmented batches of one epoch, from step `first` on."""
        return super().train(replace(recipe, shift=0), seed, epoch, first, rows)

    def read(self, parts: Sequence[torch.Tensor], crops: str | None) -> Iterator[Batch]:
        """The pictures of each part in order, read ahead by the workers."""
        items = (
            [(str(self.files.folder / self.files.names[i]), crops and f"{crops}/{i}") for i in part.tolist()]
            for part in parts
        )
        loader: DataLoader[torch.Tensor | WbsiteError] = DataLoader(
            Decoder(self.preprocess.crop),
            batch_sampler=items,
            num_workers=self.workers,
            collate_fn=stack,
            pin_memory=self.device.type == "cuda",
            multiprocessing_context="spawn" if self.workers else None,
        )
        for part, pictures in zip(parts, loader, strict=True):
            if isinstance(pictures, WbsiteError):
                raise pictures
            yield pictures.to(self.device, non_blocking=True), self.labels[part.to(self.device)]


@dataclass(frozen=True)
class Decoder(Dataset[torch.Tensor | WbsiteError]):
    """Reads pictures at a size; in a worker, so that an unreadable one is handed back as the error that says so."""

    size: int

    def __getitem__(self, item: Item) -> torch.Tensor | WbsiteError:
        """uint8 (3, size, size)."""
        path, key = item
        chance = random.Random(key)
        try:
            crop = None if key is None else lambda width, height: random_box(width, height, chance)
            return torch.from_numpy(np.ascontiguousarray(read_picture(Path(path), self.size, crop)))
        except WbsiteError as error:
            return error


def stack(pictures: list[torch.Tensor | WbsiteError]) -> torch.Tensor | WbsiteError:
    """The pictures as one batch, or the first error among them."""
    for picture in pictures:
        if isinstance(picture, WbsiteError):
            return picture
    return torch.stack(pictures)  # type: ignore[arg-type]


def random_box(width: int, height: int, chance: random.Random) -> Box:
    """A part of a picture: its area and its ratio drawn evenly (the ratio on a logarithmic scale), then its place."""
    area = width * height * chance.uniform(*AREA)
    ratio = RATIO[0] * (RATIO[1] / RATIO[0]) ** chance.random()
    wide, high = min(width, (area * ratio) ** 0.5), min(height, (area / ratio) ** 0.5)
    left, top = chance.uniform(0, width - wide), chance.uniform(0, height - high)
    return left, top, left + wide, top + high
