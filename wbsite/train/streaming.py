"""Batches of pictures that do not fit into memory: workers read, crop and resize them while the device computes."""

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

MOST_BYTES = 8 * 2**30
"""Decoded pictures of more bytes than this, or than half the memory, are streamed."""

CROP_AREA, CROP_RATIO = (0.25, 1.0), (3 / 4, 4 / 3)
"""Ranges of a random crop's share of the picture's area, and of its width over its height."""

Item = tuple[str, str | None]
"""A picture to read: its path, and the key that decides its random crop, None for no random crop."""


def files_to_stream(source: str, size: int, device: torch.device) -> tuple[Files, Files] | None:
    """The training and the test files, if their pictures would not fit into memory.

    Args:
        source: data set, as in `imagefolder:PATH`.
        size: height and width of the pictures in pixels.

    Raises:
        WbsiteError: unknown data set, or it cannot be read.
    """
    kind, _, argument = source.partition(":")
    files = registry.named("datasets", kind, "data set").files
    if files is None:
        return None
    training, test = files(argument, "train"), files(argument, "test")
    needed = (len(training.names) + len(test.names)) * 3 * size * size
    return (training, test) if needed > min(MOST_BYTES, memory_bytes(device) // 2) else None


def memory_bytes(device: torch.device) -> int:
    """Memory of the device in bytes."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2 * MOST_BYTES


def worker_count() -> int:
    """Number of worker processes for each process that trains: its share of the cores, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


@dataclass(frozen=True)
class StreamedBatches(Feed):
    """A data set that stays in its files.

    Training pictures are cropped at random instead of shifted. A crop depends on (seed, epoch, picture) alone, and
    further augmentation on (seed, epoch, step), so that a run can be resumed at any step. Test pictures are those that
    `Batches` would hold.

    Attributes:
        files: the pictures' files.
        workers: number of processes that read; 0 reads in this process.
    """

    files: Files
    workers: int

    @classmethod
    def from_files(cls, files: Files, preprocess: Preprocess, device: torch.device) -> StreamedBatches:
        """Batches of these files for a device."""
        return cls(torch.from_numpy(files.labels).to(device), preprocess, files, worker_count())

    def train(
        self, recipe: Recipe, seed: int, epoch: int, first_step: int = 0, rows: Rows = all_rows
    ) -> Iterator[Batch]:
        """Shuffled, cropped and augmented batches of one epoch, from `first_step` on, cut to this process's rows."""
        return super().train(replace(recipe, shift=0), seed, epoch, first_step, rows)

    def read(self, parts: Sequence[torch.Tensor], crop_key: str | None) -> Iterator[Batch]:
        """The pictures of each part in order, read ahead by the workers."""
        items = (
            [(str(self.files.folder / self.files.names[i]), crop_key and f"{crop_key}/{i}") for i in part.tolist()]
            for part in parts
        )
        loader: DataLoader[torch.Tensor | WbsiteError] = DataLoader(
            Decoder(self.preprocess.height),
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
    """Reads pictures at a size. It returns the error of an unreadable one, which a worker could not raise as it is.

    Attributes:
        size: height and width in pixels.
    """

    size: int

    def __getitem__(self, item: Item) -> torch.Tensor | WbsiteError:
        """The picture, uint8 (3, size, size)."""
        path, crop_key = item
        generator = random.Random(crop_key)
        try:
            crop = None if crop_key is None else lambda width, height: random_box(width, height, generator)
            return torch.from_numpy(np.ascontiguousarray(read_picture(Path(path), self.size, crop)))
        except WbsiteError as error:
            return error


def stack(pictures: list[torch.Tensor | WbsiteError]) -> torch.Tensor | WbsiteError:
    """The pictures as one batch, or the first error among them."""
    for picture in pictures:
        if isinstance(picture, WbsiteError):
            return picture
    return torch.stack(pictures)  # type: ignore[arg-type]


def random_box(width: int, height: int, generator: random.Random) -> Box:
    """A random part of a picture, (left, top, right, bottom) in pixels, fractions allowed.

    Area, ratio (on a logarithmic scale) and position are uniform, as in torchvision's `RandomResizedCrop`, which draws
    from torch's global generator and therefore not the same box for the same picture at every reading.
    """
    area = width * height * generator.uniform(*CROP_AREA)
    ratio = CROP_RATIO[0] * (CROP_RATIO[1] / CROP_RATIO[0]) ** generator.random()
    box_width, box_height = min(width, (area * ratio) ** 0.5), min(height, (area / ratio) ** 0.5)
    left, top = generator.uniform(0, width - box_width), generator.uniform(0, height - box_height)
    return left, top, left + box_width, top + box_height
