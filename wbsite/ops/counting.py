"""What can be known of a class from a count alone, as a baseline for what a network knows."""

from __future__ import annotations

import numpy as np

from wbsite.errors import WbsiteError


def count_baseline(counts: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy of the best classifier that knows only the count, and the information that the count has of the label.

    Of all samples with one count it answers the most frequent label. Both numbers are exact for the samples given.

    Args:
        counts: (N,), of any values; equal values are one count.
        labels: (N,).

    Returns:
        The accuracy, 0 to 1, and I(count; label) in bits.

    Raises:
        WbsiteError: there is no sample, or not one label for each count.
    """
    if counts.ndim != 1 or counts.shape != labels.shape or not counts.size:
        raise WbsiteError(
            f"counts of shape {counts.shape} and labels of shape {labels.shape}.",
            "Expected one count and one label for each sample, and at least one sample.",
        )
    (values, row), (kinds, column) = (np.unique(each, return_inverse=True) for each in (counts, labels))
    table = np.bincount(row * len(kinds) + column, minlength=len(values) * len(kinds)).reshape(len(values), len(kinds))
    accuracy = table.max(axis=1).sum() / counts.size
    return float(accuracy), _entropy(table.sum(axis=0)) + _entropy(table.sum(axis=1)) - _entropy(table.ravel())


def _entropy(occurrences: np.ndarray) -> float:
    """Bits of a distribution given by how often each value occurs."""
    shares = occurrences[occurrences > 0] / occurrences.sum()
    return float(-(shares * np.log2(shares)).sum())
