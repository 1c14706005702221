"""The pictures of a data set that networks are shown: its test pictures, or some of each class where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

import numpy as np
from PIL import Image, UnidentifiedImageError

from wbsite.core.errors import WbsiteError
from wbsite.core.pictures import as_shown, summary
from wbsite.core.progress import Progress

from . import load, picture_dataset
from .base import Files

PHOTOGRAPHS = 200
"""The most that are shown."""

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


def files_of(source: str) -> tuple[tuple[str, int, int], ...]:
    """Path, size and time of modification, in nanoseconds, of the files that are shown; the files are not read.

    Empty for data sets whose pictures are computed, or cannot change.

    Raises:
        WbsiteError: there is no such data set, or it holds no pictures.
    """
    spec, argument = picture_dataset(source)
    if spec.files is None:
        return ()
    stats = [(path, path.stat()) for path in _paths(spec.files(argument, SPLIT))]
    return tuple((str(path.resolve()), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def pictures(source: str, side: int, progress: Progress, remarks: Counter[str]) -> Iterator[Image.Image]:
    """The pictures one by one, upright and in RGB or grey; without files, of `side` pixels.

    Args:
        remarks: counts what was done to the pictures' values; it is said once when all are read.

    Raises:
        WbsiteError: there is no such data set, it has no pictures of that size, or a file cannot be read.
    """
    spec, argument = picture_dataset(source)
    if spec.files is not None:
        paths = _paths(spec.files(argument, SPLIT))
        progress.step(f"read {len(paths)} photographs", len(paths))
        for path in paths:
            image, done = _opened(path)
            remarks.update(done)
            yield image
            progress.advance()
        if remarks:
            progress.line(f"of {len(paths)} photographs: {summary(remarks)}")
        return
    if spec.excerpt is not None:
        loaded = spec.excerpt(argument, SPLIT, side, PHOTOGRAPHS, progress)
    else:
        loaded = load(source, SPLIT, side, progress)
    for pixels in loaded.images[evenly_spaced(loaded.labels)]:
        yield Image.fromarray(pixels.transpose(1, 2, 0))


def _paths(files: Files) -> list[Path]:
    return [files.folder / files.names[i] for i in evenly_spaced(files.labels)]


def _opened(path: Path) -> tuple[Image.Image, tuple[str, ...]]:
    try:
        with Image.open(path) as image:
            image.load()  # what is returned may be the image itself, and the file is closed
            return as_shown(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise WbsiteError(f"the photograph {path} cannot be read ({error}).", "Repair or remove the file.") from error
