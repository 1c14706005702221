"""`sample_photographs`: crops of the two photographs that scikit-learn ships; used where no others are named.

Squares of random size and place, from the whole short side to a third of it, so that whole scenes and details are
among them. The photographs are china.jpg and flower.jpg of `sklearn.datasets.load_sample_images`, both released under
CC BY 2.0 (danielbuechele and vultilion on Flickr, by the addresses in scikit-learn's README of them).
"""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .base import DatasetSpec, Pictures

COUNT = 64
SEEDS = {"train": 7, "test": 11}
SMALLEST = 1 / 3
"""Of a crop's side, in short sides of the photograph."""


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """64 crops at any size, the photographs in turn; the other split has other crops of the same photographs.

    The random numbers are those of `random.random`, which Python keeps the same for all versions.

    Raises:
        WbsiteError: there is something after the colon.
    """
    if argument:
        raise WbsiteError(
            f"sample_photographs takes nothing after the colon, and was given {argument!r}.",
            "Write sample_photographs, or imagefolder:PATH for your own.",
        )
    photographs = [Image.open(file).convert("RGB") for file in _files()]
    generator = random.Random(SEEDS[split])
    images = np.empty((COUNT, 3, size, size), np.uint8)
    for i in range(COUNT):
        photograph = photographs[i % len(photographs)]
        short = min(photograph.size)
        side = round(short * (SMALLEST + (1 - SMALLEST) * generator.random()))
        left, top = (int((length - side + 1) * generator.random()) for length in photograph.size)
        crop = photograph.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        images[i] = np.asarray(crop).transpose(2, 0, 1)
    return Pictures(images, np.arange(COUNT, dtype=np.int64) % len(photographs), ("china", "flower"))


def _files() -> list[Path]:
    """The photographs, without importing scikit-learn, which takes a second."""
    package = find_spec("sklearn")
    assert package is not None and package.origin is not None, "it is required"
    return [Path(package.origin).parent / "datasets" / "images" / name for name in ("china.jpg", "flower.jpg")]


DATASETS = (
    DatasetSpec(
        "sample_photographs",
        "64 crops of the two photographs that come with scikit-learn (CC BY 2.0), any size; to look at",
        load,
        description="crops of the two photographs that come with scikit-learn",
    ),
)
