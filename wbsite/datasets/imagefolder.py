"""`imagefolder:PATH`: one folder a class, under PATH/train and PATH/val (or PATH/test)."""

from __future__ import annotations

import math
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded
from wbsite.core.pictures import as_shown, is_turned, summary
from wbsite.core.progress import Progress

from .base import DatasetSpec, Files, Pictures

UNREADABLE = (
    UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, TypeError, LookupError,
    ArithmeticError, MemoryError, EOFError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise for files that are no pictures: whichever lies nearest to what is damaged, as a
TypeError for an offset in a TIFF file that is a fraction, or a MemoryError for a piece of a PNG of terabytes."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"})
SPLITS = {"train": ("train",), "test": ("val", "test", "valid", "validation")}


def split_folder(root: Path, split: str) -> Path:
    """PATH/train, or the first of PATH/val, PATH/test, … that exists.

    Raises:
        WbsiteError: there is no such folder, or it has no folder for this split.
    """
    if not root.is_dir():
        raise WbsiteError(
            f"imagefolder: {root} is not a folder.", "Give imagefolder:PATH, a folder that holds train/ and val/."
        )
    for name in SPLITS[split]:
        if (root / name).is_dir():
            return root / name
    expected = " or ".join(f"{name}/" for name in SPLITS[split])
    raise WbsiteError(
        f"imagefolder: {root} has no {expected} inside.",
        "Expected PATH/train/CLASS/picture.png and PATH/val/CLASS/picture.png.",
    )


Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""


def read_picture(
    path: Path, size: int, crop: Callable[[int, int], Box] | None = None, remarks: Counter[str] | None = None
) -> np.ndarray:
    """A picture as uint8 (3, size, size), as a viewer shows it.

    Args:
        crop: (width, height) → the part that is resized; left out, the shorter side is resized to
            `size`, and the centre cut out.
        remarks: counts what was done to the picture's values.

    Raises:
        WbsiteError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            if crop is not None:
                return read_part(image, size, crop)
            shown, done = as_shown(image)
            rgb = shown.convert("RGB")
            if rgb.size != (size, size):
                rgb = ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC)
            if remarks is not None:
                remarks.update(done)
            return np.asarray(rgb).transpose(2, 0, 1)
    except UNREADABLE as error:
        raise WbsiteError(
            f"imagefolder: {path} cannot be read as a picture ({error}).", "Repair or remove the file."
        ) from error


def read_part(image: Image.Image, size: int, crop: Callable[[int, int], Box]) -> np.ndarray:
    """A part of a picture as uint8 (3, size, size); `crop` as for `read_picture`."""
    if is_turned(image):
        image, _ = as_shown(image)
    width, height = image.size
    box = crop(width, height)
    wide, high = box[2] - box[0], box[3] - box[1]
    # A JPEG is decoded at an eighth to all of its size, the smallest that has the pixels needed.
    image.draft("RGB", (math.ceil(width * size / wide), math.ceil(height * size / high)))
    x, y = image.width / width, image.height / height
    part = (box[0] * x, box[1] * y, min(box[2] * x, image.width), min(box[3] * y, image.height))
    shown = as_shown(image)[0].convert("RGB")
    return np.asarray(shown.resize((size, size), Image.Resampling.BICUBIC, part)).transpose(2, 0, 1)


def files(argument: str, split: str) -> Files:
    """The pictures of one split, in order of class and file name; hidden folders are no classes.

    Raises:
        WbsiteError: the folder is missing or empty.
    """
    if not argument:
        raise WbsiteError("imagefolder: no folder given.", "Write imagefolder:PATH.")
    folder = split_folder(expanded(argument), split)
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))
    pictures = [
        (path.relative_to(folder).as_posix(), label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not pictures:
        raise WbsiteError(
            f"imagefolder: {folder} holds no pictures.",
            f"Expected {folder}/CLASS/picture with one of {', '.join(sorted(SUFFIXES))}.",
        )
    return Files(
        folder, tuple(name for name, _ in pictures), np.array([label for _, label in pictures], np.int64), classes
    )


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """All pictures of one split, in the order of `files`.

    Raises:
        WbsiteError: the folder is missing or empty, or a picture is unreadable.
    """
    listing = files(argument, split)
    count, folder = len(listing.names), listing.folder
    images = np.empty((count, 3, size, size), np.uint8)
    progress.step(f"read {count} pictures of {folder}", count)
    remarks: Counter[str] = Counter()
    read = partial(read_picture, size=size, remarks=remarks)
    with ThreadPoolExecutor() as pool:
        for i, picture in enumerate(pool.map(read, (folder / name for name in listing.names))):
            images[i] = picture
            progress.advance()
    if remarks:
        progress.line(f"of {count} pictures of {folder}: {summary(remarks)}")
    return Pictures(images, listing.labels, listing.classes)


DATASETS = (
    DatasetSpec(
        "imagefolder", "your own pictures: imagefolder:PATH with PATH/train/CLASS and PATH/val/CLASS", load, files
    ),
)
