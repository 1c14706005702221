"""Pictures as vectors: both splits in one array, scaled to [0, 1]."""

from __future__ import annotations

import numpy as np

from .base import Samples


def flatten(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], classes: tuple[str, ...]
) -> Samples:
    """Samples of a data set that comes as two parts, which become its published split: inputs (N, values) in [0, 1].

    Args:
        train, test: pixels, uint8 (n, ...), and labels (n,) of each part. A picture's values keep their order.
        classes: names.
    """
    parts = (train, test)
    ends = np.cumsum([0, *(len(pixels) for pixels, _ in parts)])
    inputs = np.empty((ends[-1], int(np.prod(train[0].shape[1:]))), np.float32)
    for (pixels, _), start in zip(parts, ends, strict=False):
        np.divide(pixels.reshape(len(pixels), -1), 255, out=inputs[start : start + len(pixels)])
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    return Samples(inputs, labels, classes, (np.arange(ends[1]), np.arange(ends[1], ends[2])))
