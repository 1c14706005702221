"""What a set of labelled pictures is to wbsite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WbsiteError

if TYPE_CHECKING:
    from ..progress import Progress


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures held in memory.

    Attributes:
        images: uint8 (N, 3, H, W), RGB.
        labels: int64 (N,), indices into `classes`.
        classes: names.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of pixels, labels and class names."""
        digest = hashlib.sha256(repr((self.images.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Files:
    """Labelled pictures that stay in their files.

    Attributes:
        folder: what the names are relative to.
        names: of the files, with forward slashes.
        labels: int64 (N,), indices into `classes`.
        classes: names.
    """

    folder: Path
    names: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the files' names and sizes, labels and class names; the files are not read."""
        digest = hashlib.sha256(repr((len(self.names), self.classes)).encode())
        for name in self.names:
            digest.update(f"{name}\0{(self.folder / name).stat().st_size}\0".encode(errors="surrogateescape"))
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that can be named on the command line.

    Attributes:
        name: what comes before an optional colon, as in `imagefolder:PATH`.
        summary: one line for `wbsite list datasets`.
        load: (argument after the colon, "train" or "test", side in pixels, progress) → Pictures.
        files: (argument, "train" or "test") → Files, of a data set that can be too large for the memory.
        few: (argument, "train" or "test", side, number, progress) → that many pictures, of all classes alike, of a
            data set that would be long in loading whole.
        called: what its pictures are called after their number; left out, "pictures of" and the data set's name.
    """

    name: str
    summary: str
    load: Callable[[str, str, int, Progress], Pictures]
    files: Callable[[str, str], Files] | None = None
    few: Callable[[str, str, int, int, Progress], Pictures] | None = None
    called: str = ""


def check_trainable(training: Pictures | Files, held_out: Pictures | Files, source: str) -> None:
    """Refuses pictures that a classifier cannot be trained on and tested with.

    Args:
        training, held_out: the two splits.
        source: the name of the data set as it was given, for the message.

    Raises:
        WbsiteError: fewer than two classes to train on, other classes or another order of them to test on, a class
            without a picture in either split.
    """
    if len(training.classes) < 2:
        there = f"one class to train on, {training.classes[0]!r}" if training.classes else "no class to train on"
        raise WbsiteError(
            f"{source} has {there}; a classifier needs two or more.",
            "Sort the pictures into one folder a class, or use another data set.",
        )
    if training.classes != held_out.classes:
        raise WbsiteError(
            f"{source} has other classes to test on than to train on: {_difference(training, held_out)}.",
            "Give both splits the same classes, in the same order.",
        )
    for split, pictures in (("train on", training), ("test on", held_out)):
        counts = np.bincount(pictures.labels, minlength=len(pictures.classes))
        empty = [name for name, count in zip(pictures.classes, counts, strict=True) if not count]
        if empty:
            raise WbsiteError(
                f"{source} has no picture to {split} of {_named(empty)}; each class needs at least one in each split.",
                "Add pictures, or remove the class from both splits.",
            )


def _difference(training: Pictures | Files, held_out: Pictures | Files) -> str:
    """What the classes of the two splits do not share."""
    missing = [name for name in training.classes if name not in held_out.classes]
    added = [name for name in held_out.classes if name not in training.classes]
    said = [f"{_named(names)} only to {split}" for names, split in ((missing, "train on"), (added, "test on")) if names]
    return ", ".join(said) or "the same names in another order"


def _named(names: list[str], limit: int = 5) -> str:
    """The first names of a list and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + more
