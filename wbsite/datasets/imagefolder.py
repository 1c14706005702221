"""`imagefolder:PATH`: one folder a class, under PATH/train and PATH/val (or PATH/test)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import WbsiteError
from ..progress import Progress
from .base import DatasetSpec, Pictures

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"})
SPLITS = {"train": ("train",), "test": ("val", "test", "valid", "validation")}


def split_folder(root: Path, split: str) -> Path:
    """PATH/train, or the first of PATH/val, PATH/test, … that exists."""
    if not root.is_dir():
        raise WbsiteError(
            f"imagefolder: {root} is not a folder.", "Give imagefolder:PATH, a folder that holds train/ and val/."
        )
    for name in SPLITS[split]:
        if (root / name).is_dir():
            return root / name
    wanted = " or ".join(f"{name}/" for name in SPLITS[split])
    raise WbsiteError(
        f"imagefolder: {root} has no {wanted} inside.",
        "Expected PATH/train/CLASS/picture.png and PATH/val/CLASS/picture.png.",
    )


def read_picture(path: Path, size: int) -> np.ndarray:
    """A picture as uint8 (3, size, size): shorter side resized to `size`, centre crop."""
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
            if rgb.size != (size, size):
                rgb = ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC)
            return np.asarray(rgb).transpose(2, 0, 1)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise WbsiteError(
            f"imagefolder: {path} cannot be read as a picture ({error}).", "Repair or remove the file."
        ) from error


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """All pictures of one split, in order of class and file name; hidden folders are no classes.

    Raises:
        WbsiteError: the folder is missing or empty, or a picture is unreadable.
    """
    if not argument:
        raise WbsiteError("imagefolder: no folder given.", "Write imagefolder:PATH.")
    folder = split_folder(Path(argument).expanduser(), split)
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise WbsiteError(
            f"imagefolder: {folder} holds no pictures.",
            f"Expected {folder}/CLASS/picture with one of {', '.join(sorted(SUFFIXES))}.",
        )
    images = np.empty((len(files), 3, size, size), np.uint8)
    progress.step(f"read {len(files)} pictures of {folder}", len(files))
    with ThreadPoolExecutor() as pool:
        for i, picture in enumerate(pool.map(lambda item: read_picture(item[0], size), files)):
            images[i] = picture
            progress.advance()
    labels = np.array([label for _, label in files], np.int64)
    return Pictures(images, labels, classes)


DATASETS = (
    DatasetSpec("imagefolder", "your own pictures: imagefolder:PATH with PATH/train/CLASS and PATH/val/CLASS", load),
)
