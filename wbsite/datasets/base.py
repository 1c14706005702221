"""What a data set is to wbsite: labelled pictures, or labelled vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from wbsite.core.errors import WbsiteError, unknown

if TYPE_CHECKING:
    from wbsite.core.progress import Progress


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures held in memory.

    Attributes:
        images: uint8 (N, 3, H, W), RGB.
        labels: int64 (N,), indices into `classes`; or (N, …) of pictures with several labels each, at places that are
            the same in all, see `words`.
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
class Samples:
    """Labelled vectors held in memory.

    Attributes:
        inputs: float32 (N, D); of pixels in [0, 1].
        labels: int64 (N,), indices into `classes`.
        classes: names.
        split: published indices to train on and to test on, int64; None where none were published.
    """

    inputs: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    split: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of inputs, labels, class names and split."""
        parts = self.split or ()
        digest = hashlib.sha256(repr((self.inputs.shape, self.classes, [len(part) for part in parts])).encode())
        digest.update(np.ascontiguousarray(self.inputs, "<f4").data)
        for indices in (self.labels, *parts):
            digest.update(indices.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that can be named on the command line: of pictures, of samples, or of both.

    Attributes:
        name: what comes before an optional colon, as in `imagefolder:PATH`.
        summary: one line for `wbsite list datasets`.
        load: (argument after the colon, "train" or "test", side in pixels, progress) → Pictures.
        files: (argument, "train" or "test") → Files, of a data set that can be too large for the memory.
        excerpt: (argument, "train" or "test", side, number, progress) → that many pictures, equally many of each class,
            of a data set that takes long to load as a whole.
        samples: (argument, progress) → Samples, for networks that take vectors.
        description: of its pictures, to follow their number; left out, "pictures of" and the data set's name.
    """

    name: str
    summary: str
    load: Callable[[str, str, int, Progress], Pictures] | None = None
    files: Callable[[str, str], Files] | None = None
    excerpt: Callable[[str, str, int, int, Progress], Pictures] | None = None
    samples: Callable[[str, Progress], Samples] | None = None
    description: str = ""


def split(
    samples: Samples, kind: Literal["published", "random"], seed: int, share: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and to test on.

    A random split tests on `share` of every class, as nearly as whole numbers allow, of each at least one sample and
    never all. It is drawn with NumPy's legacy generator, whose numbers stay the same in all versions.

    Args:
        kind: "published", the data set's own, or "random".
        seed: of a random split, 0 to 2³² − 1.
        share: of the samples of a random split that are tested on, between 0 and 1.

    Returns:
        int64, each in ascending order, without an index in common.

    Raises:
        WbsiteError: no split was published, the kind is unknown, seed or share is out of range, or a random split
            meets a class with one sample.
    """
    if kind == "published":
        if samples.split is None:
            raise WbsiteError("no split of these samples is published.", 'Use the "random" split.')
        train, test = samples.split
        return np.sort(train), np.sort(test)
    if kind != "random":
        raise unknown("split", kind, ("published", "random"))
    if not 0 < share < 1:
        raise WbsiteError(f"the share to test on is {share}.", "Expected a number above 0 and below 1, such as 0.2.")
    if not 0 <= seed < 2**32:
        raise WbsiteError(f"the seed of the split is {seed}.", "Expected a whole number from 0 to 4294967295.")
    counts = np.bincount(samples.labels, minlength=len(samples.classes))
    if single := [name for name, count in zip(samples.classes, counts, strict=True) if count == 1]:
        raise WbsiteError(
            f"a random split needs two samples of a class, one to train on and one to test on; "
            f"there is one of {_quoted(single)}.",
            "Add samples, remove the class, or give a split of your own.",
        )
    quotas = counts * share
    test_counts = np.floor(quotas).astype(np.int64)
    remainder = round(share * len(samples.labels)) - test_counts.sum()
    test_counts[np.argsort(test_counts - quotas, kind="stable")[:remainder]] += 1
    test_counts = np.clip(test_counts, counts > 0, counts - (counts > 0))
    generator = np.random.RandomState(seed)
    in_test = np.zeros(len(samples.labels), bool)
    for label, number in enumerate(test_counts):
        in_test[generator.permutation(np.flatnonzero(samples.labels == label))[:number]] = True
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def check_trainable(training: Pictures | Files, held_out: Pictures | Files, source: str, several: bool = False) -> None:
    """Refuses pictures that a classifier cannot be trained on and tested with.

    Args:
        training, held_out: the two splits.
        source: the data set as the user named it, for the message.
        several: whether the network gives a picture several labels.

    Raises:
        WbsiteError: several labels a picture for a network that gives one, fewer than two classes to train on, other
            classes or another order of them to test on, a class without a picture in either split.
    """
    check_one_label(training, source, several)
    if len(training.classes) < 2:
        classes = f"one class to train on, {training.classes[0]!r}" if training.classes else "no class to train on"
        raise WbsiteError(
            f"{source} has {classes}; a classifier needs two or more.",
            "Sort the pictures into one folder a class, or use another data set.",
        )
    if training.classes != held_out.classes:
        raise WbsiteError(
            f"{source} has other classes to test on than to train on: {_difference(training, held_out)}.",
            "Give both splits the same classes, in the same order.",
        )
    for split, pictures in (("train on", training), ("test on", held_out)):
        counts = np.bincount(pictures.labels.ravel(), minlength=len(pictures.classes))
        empty = [name for name, count in zip(pictures.classes, counts, strict=True) if not count]
        if empty:
            raise WbsiteError(
                f"{source} has no picture to {split} of {_quoted(empty)}; each class needs at least one in each split.",
                "Add pictures, or remove the class from both splits.",
            )


def check_one_label(pictures: Pictures | Files, source: str, several: bool = False) -> None:
    """Refuses pictures with several labels each where one is wanted, unless `several`, with a WbsiteError."""
    if pictures.labels.ndim > 1 and not several:
        raise WbsiteError(
            f"each picture of {source} has {pictures.labels[0].size} labels; one is wanted.",
            "Use a data set with one label a picture, such as cifar10 or imagefolder:PATH.",
        )


def _difference(training: Pictures | Files, held_out: Pictures | Files) -> str:
    """The classes that only one split has, in words."""
    missing = [name for name in training.classes if name not in held_out.classes]
    added = [name for name in held_out.classes if name not in training.classes]
    parts = [
        f"{_quoted(names)} only to {split}" for names, split in ((missing, "train on"), (added, "test on")) if names
    ]
    return ", ".join(parts) or "the same names in another order"


def _quoted(names: list[str], limit: int = 5) -> str:
    """The first names of a list and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + more
