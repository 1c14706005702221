"""Refuses samples that no classifier can be trained on, with the reason."""

from __future__ import annotations

import numpy as np

from wbsite.core.errors import WbsiteError

from .base import Samples


def check_samples(samples: Samples, source: str) -> None:
    """Refuses samples that no classifier can be trained on.

    Args:
        source: the data set as the user named it, for the message.

    Raises:
        WbsiteError: inputs or labels of another shape or type than `Samples` says, fewer than two samples, no feature,
            inputs that are not finite, fewer than two classes, a class without a sample, or a split that is no split.
    """
    inputs, labels, classes = samples.inputs, samples.labels, samples.classes
    if inputs.ndim != 2 or inputs.dtype != np.float32:
        raise WbsiteError(
            f"{source} has inputs of shape {inputs.shape} and type {inputs.dtype}.",
            "Expected (samples, features) of float32.",
        )
    count, features = inputs.shape
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise WbsiteError(
            f"{source} has {count} samples and labels of shape {labels.shape} and type {labels.dtype}.",
            f"Expected ({count},) of int64, one label for each sample.",
        )
    if count < 2:
        raise WbsiteError(
            f"{source} has {'one sample' if count else 'no sample'}; a classifier needs two or more, of two classes.",
            "Give more samples.",
        )
    if not features:
        raise WbsiteError(f"{source} has samples without features.", "Give inputs (samples, features).")
    with np.errstate(invalid="ignore"):  # infinities of both signs
        total = inputs.sum(dtype=np.float64)
    if not np.isfinite(total):
        bad = np.flatnonzero(~np.isfinite(inputs).all(axis=1))
        raise WbsiteError(
            f"{source} has NaN or infinite inputs in {len(bad)} of {count} samples, the first of them sample {bad[0]}.",
            "Remove those samples, or replace the values by finite ones below 3e38.",
        )
    if len(classes) < 2:
        raise WbsiteError(
            f"{source} has the same label for all {count} samples; a classifier needs two classes or more.",
            "Give samples of other classes too.",
        )
    if labels.min() < 0 or labels.max() >= len(classes):
        raise WbsiteError(
            f"{source} has labels from {labels.min()} to {labels.max()} and names {len(classes)} classes.",
            f"Expected labels from 0 to {len(classes) - 1}.",
        )
    _check_classes(labels, classes, f"{source} has no sample")
    if samples.split is not None:
        _check_split(*samples.split, samples, source)


def _check_split(train: np.ndarray, test: np.ndarray, samples: Samples, source: str) -> None:
    count = len(samples.labels)
    for name, indices in (("train", train), ("test", test)):
        if not len(indices):
            raise WbsiteError(f"{source} has a split with no sample to {name} on.", "Give both parts of it samples.")
        if indices.min() < 0 or indices.max() >= count:
            outside = indices[(indices < 0) | (indices >= count)][0]
            raise WbsiteError(
                f"{source} has the index {outside} among those to {name} on, and {count} samples.",
                f"Expected indices from 0 to {count - 1}.",
            )
        if len(np.unique(indices)) < len(indices):
            raise WbsiteError(f"{source} has an index twice among those to {name} on.", "Give every index once.")
    if len(common := np.intersect1d(train, test)):
        raise WbsiteError(
            f"{source} has {len(common)} samples both to train and to test on, the first of them sample {common[0]}.",
            "Give every sample to one part of the split, or to none.",
        )
    _check_classes(samples.labels[train], samples.classes, f"{source} has no sample to train on")


def _check_classes(labels: np.ndarray, classes: tuple[str, ...], complaint: str) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    if empty := [repr(name) for name, count in zip(classes, counts, strict=True) if not count]:
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        raise WbsiteError(
            f"{complaint} of {', '.join(empty[:5])}{more}; each class needs at least one.",
            "Add samples, or remove the class.",
        )
