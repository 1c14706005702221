"""The pictures of a data set that networks are shown: its test pictures, or some of each class where there are many."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.pictures import as_shown, check_pixels, summary
from wbsite.core.progress import Progress

from . import load, picture_dataset
from .base import Files, check_one_label
from .imagefolder import UNREADABLE

PHOTOGRAPHS = 200
"""The most that are shown to a network at once, and held in memory."""

COLLECTION = 2000
"""The most of a folder's that are looked through a few at a time."""

SPLIT = "test"


def public_name(source: str) -> str:
    """The name as it may be published: of a path its last part."""
    kind, _, argument = source.partition(":")
    return f"{kind}:{PurePath(argument).name}" if argument else kind


def caption(source: str, count: int, remarks: Counter[str] | None = None) -> str:
    """Number and source as a caption gives them, with what was done to them: "64 crops of …"."""
    text = f"{count} {picture_dataset(source)[0].description or f'pictures of {public_name(source)}'}"
    return f"{text} ({summary(remarks)})" if remarks else text


def evenly_spaced(labels: np.ndarray, limit: int = PHOTOGRAPHS) -> np.ndarray:
    """Indices of at most `limit` pictures, evenly over all in order of class: int64 (n,)."""
    order = np.argsort(labels, kind="stable")
    count = min(limit, len(order))
    return order[np.arange(count) * len(order) // max(count, 1)]


@dataclass(frozen=True)
class PictureFiles:
    """The files of a folder that are looked through a few at a time, evenly over its classes.

    Attributes:
        folder: what the names are relative to.
        names: with forward slashes.
    """

    folder: Path
    names: tuple[str, ...]

    def digest(self) -> str:
        """SHA-256 of names and contents.

        Raises:
            WbsiteError: a file cannot be read as a picture, as far as can be told without decoding it.
        """
        digest = hashlib.sha256()
        for name in self.names:
            try:
                data = (self.folder / name).read_bytes()
                with Image.open(io.BytesIO(data)) as image:
                    image.verify()
            except UNREADABLE as error:
                raise _unreadable(self.folder / name, error) from error
            digest.update(f"{name}\0".encode(errors="surrogateescape") + hashlib.sha256(data).digest())
        return digest.hexdigest()

    def picture(self, number: int) -> Image.Image:
        """One of them, upright and in RGB or grey.

        Raises:
            WbsiteError: it cannot be read.
        """
        return _opened(self.folder / self.names[number])[0]


def picture_files(source: str) -> PictureFiles | None:
    """The files of a data set that are looked through, COLLECTION at most; None where its pictures are in no files.

    Raises:
        WbsiteError: there is no such data set, or it holds no pictures.
    """
    spec, argument = picture_dataset(source)
    if spec.files is None:
        return None
    files = spec.files(argument, SPLIT)
    return PictureFiles(files.folder, tuple(_names(files, COLLECTION)))


def files_of(source: str) -> tuple[tuple[str, int, int], ...]:
    """Path, size and time of modification, in nanoseconds, of the files that are shown or looked through; the files
    are not read.

    Empty for data sets whose pictures are computed, or cannot change.

    Raises:
        WbsiteError: there is no such data set, or it holds no pictures.
    """
    spec, argument = picture_dataset(source)
    if spec.files is None:
        return ()
    files = spec.files(argument, SPLIT)
    names = dict.fromkeys([*_names(files, PHOTOGRAPHS), *_names(files, COLLECTION)])
    stats = [(path, path.stat()) for path in (files.folder / name for name in names)]
    return tuple((str(path.resolve()), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def pictures(source: str, side: int, progress: Progress, remarks: Counter[str]) -> Iterator[tuple[str, Image.Image]]:
    """The pictures one by one, upright and in RGB or grey, without files of `side` pixels; each with its name: that of
    its file, without the folders above the data set, or else of its class.

    Args:
        remarks: counts what was done to the pictures' values; it is said once when all are read.

    Raises:
        WbsiteError: there is no such data set, it has no pictures of that size, or a file cannot be read.
    """
    spec, argument = picture_dataset(source)
    if spec.files is not None:
        files = spec.files(argument, SPLIT)
        names = _names(files, PHOTOGRAPHS)
        progress.step(f"read {len(names)} photographs", len(names))
        for name in names:
            image, done = _opened(files.folder / name)
            remarks.update(done)
            yield name, image
            progress.advance()
        if remarks:
            progress.line(f"of {len(names)} photographs: {summary(remarks)}")
        return
    if spec.excerpt is not None:
        loaded = spec.excerpt(argument, SPLIT, side, PHOTOGRAPHS, progress)
    else:
        loaded = load(source, SPLIT, side, progress)
    check_one_label(loaded, source)
    for i in evenly_spaced(loaded.labels):
        yield loaded.classes[loaded.labels[i]], Image.fromarray(loaded.images[i].transpose(1, 2, 0))


def _names(files: Files, limit: int) -> list[str]:
    return [files.names[i] for i in evenly_spaced(files.labels, limit)]


def _opened(path: Path) -> tuple[Image.Image, tuple[str, ...]]:
    try:
        with Image.open(path) as image:
            check_pixels(image)
            image.load()  # what is returned may be the image itself, and the file is closed
            return as_shown(image)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WbsiteError:
    return WbsiteError(f"the photograph {path} cannot be read ({error}).", "Repair or remove the file.")
