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
    spec, argument = _named(name)
    if spec.load is None:
        raise _without(spec, "pictures", "load")
    return spec.load(argument, split, size, progress)


def samples(name: str, progress: Progress) -> Samples:
    """The samples of a data set: labelled vectors.

    Raises:
        WbsiteError: unknown data set or one without samples, it cannot be read, or no classifier can be trained on it.
    """
    spec, argument = _named(name)
    if spec.samples is None:
        raise _without(spec, "samples", "samples")
    found = spec.samples(argument, progress)
    check_samples(found, name)
    return found


def pictured(name: str) -> tuple[DatasetSpec, str]:
    """The data set of pictures that `name` names, and what stands after the colon.

    Raises:
        WbsiteError: there is no such data set, or it has no pictures.
    """
    spec, argument = _named(name)
    if spec.load is None:
        raise _without(spec, "pictures", "load")
    return spec, argument


def _named(name: str) -> tuple[DatasetSpec, str]:
    kind, _, argument = name.partition(":")
    return registry.named("datasets", kind, "data set"), argument


def _without(spec: DatasetSpec, what: str, attribute: str) -> WbsiteError:
    having = sorted({entry.name for entry in registry.entries("datasets") if getattr(entry, attribute) is not None})
    return WbsiteError(f"the data set {spec.name} has no {what}.", f"Those that have: {', '.join(having)}.")
