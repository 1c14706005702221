"""Data sets by name, as in `cifar10` or `imagefolder:PATH`."""

from __future__ import annotations

from .. import registry
from ..progress import Progress
from .base import Pictures


def load(name: str, split: str, size: int, progress: Progress) -> Pictures:
    """The pictures of one split ("train" or "test") at `size` pixels a side.

    Raises:
        WbsiteError: unknown data set, or it cannot be read.
    """
    kind, _, argument = name.partition(":")
    return registry.named("datasets", kind, "data set").load(argument, split, size, progress)
