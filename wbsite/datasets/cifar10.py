"""`cifar10`: downloaded by torchvision into the cache, or read from PATH with `cifar10:PATH`."""

from __future__ import annotations

import numpy as np

from wbsite.core.config import cache_folder
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded
from wbsite.core.progress import Progress

from ._flattened import flatten
from .base import DatasetSpec, Pictures, Samples


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """CIFAR-10 at its own 32 pixels (Krizhevsky 2009).

    Raises:
        WbsiteError: another size is asked for, or the data set is not there and cannot be downloaded.
    """
    from torchvision.datasets import CIFAR10

    if size != 32:
        raise WbsiteError(
            f"cifar10 has pictures of 32 pixels, not {size}.", "Use a model made for 32 pixels, or an imagefolder."
        )
    root = expanded(argument) if argument else cache_folder() / "datasets"
    progress.step(f"cifar10, {split}")
    try:
        dataset = CIFAR10(str(root), train=split == "train", download=not argument)
    except (OSError, RuntimeError) as error:
        raise WbsiteError(
            f"cifar10 is neither in {root} nor can it be downloaded ({error}).",
            "Put cifar-10-batches-py there, or give your own copy with --dataset imagefolder:PATH.",
        ) from error
    images = np.ascontiguousarray(dataset.data.transpose(0, 3, 1, 2))
    return Pictures(images, np.array(dataset.targets, np.int64), tuple(dataset.classes))


def samples(argument: str, progress: Progress) -> Samples:
    """All 60 000 as 3072 values of 0 to 1, colour by colour and row by row, with the published split; 737 MB.

    Raises:
        WbsiteError: the data set is not there and cannot be downloaded.
    """
    train, test = (load(argument, split, 32, progress) for split in ("train", "test"))
    return flatten((train.images, train.labels), (test.images, test.labels), train.classes)


DATASETS = (
    DatasetSpec(
        "cifar10",
        "CIFAR-10, downloaded by torchvision, as pictures and as samples; cifar10:PATH reads an unpacked copy",
        load,
        samples=samples,
    ),
)
