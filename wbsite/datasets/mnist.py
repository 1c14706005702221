"""`mnist` and `fashion_mnist`: downloaded by torchvision into the cache, or read from PATH with `mnist:PATH`."""

from __future__ import annotations

from functools import partial

import numpy as np

from wbsite.core.config import cache_folder
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded
from wbsite.core.progress import Progress

from ._flattened import flatten
from .base import DatasetSpec, Samples


def samples(kind: str, argument: str, progress: Progress) -> Samples:
    """70 000 pictures of 28×28 pixels as 784 values of 0 to 1, with the published split of 60 000 and 10 000; 220 MB.

    Args:
        kind: "MNIST" (LeCun et al. 1998) or "FashionMNIST" (Xiao et al. 2017), as torchvision calls them.
        argument: a folder that holds MNIST/raw or FashionMNIST/raw with the four files, or "".

    Raises:
        WbsiteError: the data set is not there and cannot be downloaded, or it cannot be read.
    """
    from torchvision import datasets

    root = expanded(argument) if argument else cache_folder() / "datasets"
    progress.step(kind)
    try:
        train, test = (
            getattr(datasets, kind)(str(root), train=training, download=not argument) for training in (True, False)
        )
    except Exception as error:  # of a damaged file torchvision raises whatever fails first
        raise WbsiteError(
            f"{kind} is neither readable in {root} nor can it be downloaded ({error}).",
            f"Put its four files, such as train-images-idx3-ubyte, into {root / kind / 'raw'}.",
        ) from error
    classes = tuple(name.split(" - ")[0] for name in train.classes)  # MNIST calls its own "0 - zero" and so on
    parts = [(np.asarray(part.data), np.asarray(part.targets)) for part in (train, test)]
    return flatten(parts[0], parts[1], classes)


DATASETS = (
    DatasetSpec(
        "mnist",
        "samples: MNIST, 28×28 pixels, downloaded by torchvision; mnist:PATH reads PATH/MNIST/raw",
        samples=partial(samples, "MNIST"),
    ),
    DatasetSpec(
        "fashion_mnist",
        "samples: Fashion-MNIST, as mnist; fashion_mnist:PATH reads PATH/FashionMNIST/raw",
        samples=partial(samples, "FashionMNIST"),
    ),
)
