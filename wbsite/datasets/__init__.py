"""Data sets by name, as in `cifar10` or `imagefolder:PATH`."""

from __future__ import annotations

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from ._soundness import check_samples
from .base import DatasetSpec, Pictures, Samples


def load(name: str, split: str, size: int, progress: Progress) -> Pictures:
    """The pictures of one split ("train" or "test") at `size` pixels a side.

    Raises:
        WbsiteError: unknown data set or one without pictures, or it cannot be read.
    """
    spec, argument = _dataset(name)
    if spec.load is None:
        raise _lacks(spec, "pictures", "load")
    return spec.load(argument, split, size, progress)


def samples(name: str, progress: Progress) -> Samples:
    """The samples of a data set: labelled vectors.

    Raises:
        WbsiteError: unknown data set or one without samples, it cannot be read, or no classifier can be trained on it.
    """
    spec, argument = _dataset(name)
    if spec.samples is None:
        raise _lacks(spec, "samples", "samples")
    loaded = spec.samples(argument, progress)
    check_samples(loaded, name)
    return loaded


def picture_dataset(name: str) -> tuple[DatasetSpec, str]:
    """The data set of pictures that `name` names, and what comes after the colon.

    Raises:
        WbsiteError: there is no such data set, or it has no pictures.
    """
    spec, argument = _dataset(name)
    if spec.load is None:
        raise _lacks(spec, "pictures", "load")
    return spec, argument


def _dataset(name: str) -> tuple[DatasetSpec, str]:
    kind, _, argument = name.partition(":")
    return registry.named("datasets", kind, "data set"), argument


def _lacks(spec: DatasetSpec, content: str, attribute: str) -> WbsiteError:
    names = sorted({entry.name for entry in registry.entries("datasets") if getattr(entry, attribute) is not None})
    return WbsiteError(f"the data set {spec.name} has no {content}.", f"Those that have: {', '.join(names)}.")
