"""The photographs of a data set as a network takes them, read once a process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from wbsite.analyses.base import Photographs
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets._photographs import caption, files_of, pictures, public_name
from wbsite.models.base import ModelSpec, Preprocess


@dataclass(frozen=True)
class Source:
    """What decides the inputs: the data set, its files as they are now, and the network's preprocessing."""

    name: str
    files: tuple[tuple[str, int, int], ...]
    preprocess: Preprocess
    progress: Progress = field(compare=False)


def unsuitable(spec: ModelSpec) -> str:
    """Why a network cannot be shown photographs, or ""."""
    channels = spec.input_shape[0]
    return "" if channels in (1, 3) else f"photographs have 3 channels, or 1 in grey; the network takes {channels}"


def photographs(source: str, spec: ModelSpec, progress: Progress) -> Photographs:
    """The photographs of a data set for a network, on the CPU.

    Args:
        source: the data set as `--photographs` names it.

    Raises:
        WbsiteError: the network does not take pictures; the data set is unknown or empty, has no pictures of the
            network's size, or one of them cannot be read.
    """
    if reason := unsuitable(spec):
        raise WbsiteError(
            f"{spec.name} cannot be shown photographs: {reason}.",
            "Analyses that need them are left out for this network.",
        )
    return _read(Source(source, files_of(source), spec.preprocess, progress))


@lru_cache(maxsize=2)  # 200 at 224 pixels are 120 MB
def _read(source: Source) -> Photographs:
    side = source.preprocess.resize or source.preprocess.crop  # so that preprocessing does not resize once more
    found = [source.preprocess(image) for image in pictures(source.name, side, source.progress)]
    inputs = torch.stack(found).contiguous()
    digest = hashlib.sha256(repr(tuple(inputs.shape)).encode())
    digest.update(inputs.numpy().data)
    count = len(found)
    return Photographs(inputs, public_name(source.name), count, caption(source.name, count), digest.hexdigest())
