"""What analyses of a network can read beside it: photographs, and the user's own categories of its units."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets._categories import labels
from wbsite.datasets._photographs import (
    PHOTOGRAPHS,
    PictureFiles,
    caption,
    files_of,
    picture_files,
    pictures,
    public_name,
)
from wbsite.models.base import ModelSpec, Preprocess

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from wbsite.analyses.base import PhotographCollection, Photographs

    from .subjects.model import Network


@dataclass(frozen=True)
class Input:
    """Something that analyses read beside their subject.

    Attributes:
        about: what the record of a result says of it.
        digest: SHA-256 of its content; "" where it says nothing of the subject.
    """

    about: Mapping[str, Any]
    digest: str


@dataclass(frozen=True)
class Source:
    """What decides the inputs: the data set, its files as they are now, and the network's preprocessing."""

    name: str
    files: tuple[tuple[str, int, int], ...]
    preprocess: Preprocess
    progress: Progress = field(compare=False)


def photographs(source: str, spec: ModelSpec, progress: Progress) -> Photographs:
    """The photographs of a data set for a network, on the CPU, read once a process.

    Args:
        source: the data set as `--photographs` names it.

    Raises:
        WbsiteError: the network does not take pictures; the data set is unknown or empty, has no pictures of the
            network's size, or one of them cannot be read.
    """
    _check_suitable(spec)
    return _preprocessed(Source(source, files_of(source), spec.preprocess, progress))


def forget_photographs() -> None:
    """Lets go of those that were read last."""
    _preprocessed.cache_clear()


@lru_cache(maxsize=2)  # 200 at 224 pixels are 120 MB
def _preprocessed(source: Source) -> Photographs:
    import torch

    from wbsite.analyses.base import Photographs

    # Pictures that are drawn come at a size at which preprocessing does not resize them once more.
    side = source.preprocess.side
    remarks: Counter[str] = Counter()
    names, images = [], []
    for name, image in pictures(source.name, side, source.progress, remarks):
        names.append(name)
        images.append(source.preprocess(image))
    inputs, count = torch.stack(images).contiguous(), len(images)
    digest = hashlib.sha256(repr(tuple(inputs.shape)).encode())
    digest.update(inputs.numpy().data)
    what = caption(source.name, count, remarks)
    return Photographs(inputs, public_name(source.name), count, what, digest.hexdigest(), tuple(names))


def collection(source: str, spec: ModelSpec, progress: Progress) -> PhotographCollection:
    """The photographs of a data set for a network, on the CPU: those of `photographs`, or more, read from their files
    when asked for; raises as `photographs`."""
    import torch

    from wbsite.analyses.base import PhotographCollection

    _check_suitable(spec)
    files = picture_files(source)
    if files is None or len(files.names) <= PHOTOGRAPHS:
        photos = photographs(source, spec, progress)
        digest = hashlib.sha256(repr((photos.digest, photos.names)).encode()).hexdigest()
        return PhotographCollection(
            photos.name, photos.names, photos.what, digest, lambda numbers: photos.inputs[list(numbers)]
        )
    count, preprocess = len(files.names), spec.preprocess

    def read(numbers: Sequence[int]) -> torch.Tensor:
        return torch.stack([preprocess(files.picture(number)) for number in numbers])

    digest = _digest(files, files_of(source))
    return PhotographCollection(public_name(source), files.names, caption(source, count), digest, read)


def _check_suitable(spec: ModelSpec) -> None:
    if reason := spec.preprocess.unsuitable():
        raise WbsiteError(
            f"{spec.name} cannot be shown photographs: {reason}.",
            "Analyses that need them are left out for this network.",
        )


@lru_cache(maxsize=4)
def _digest(files: PictureFiles, stamps: tuple[tuple[str, int, int], ...]) -> str:
    """Of the files as they are now, by their stamps; they are the same for every network."""
    return files.digest()


def _photographs(network: Network, progress: Progress, device: torch.device | None) -> tuple[Photographs, Input]:
    photos = photographs(network.subject.photographs, network.model.spec, progress)
    moved = replace(photos, inputs=photos.inputs.to(device)) if device else photos
    return moved, Input(photos.about, photos.digest)


def _photograph_collection(
    network: Network, progress: Progress, device: torch.device | None
) -> tuple[PhotographCollection, Input]:
    photos = collection(network.subject.photographs, network.model.spec, progress)
    moved = replace(photos, read=lambda numbers: photos.read(numbers).to(device)) if device else photos
    return moved, Input(photos.about, photos.digest)


def _categories(network: Network, progress: Progress, device: torch.device | None) -> tuple[pd.DataFrame, Input]:
    units = labels(network.subject.categories, network.model.spec.name, network.units())
    return units.table, Input(units.about, units.digest)


READERS = {
    "photographs": _photographs,
    "photograph_collection": _photograph_collection,
    "categories": _categories,
}
"""Name, as an analysis declares it → (network, progress, device or None) → what it is given, with the Input."""
