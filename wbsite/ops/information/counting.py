"""What can be known of a class from the number of active inputs alone, as a baseline for what a network knows."""

from __future__ import annotations

import numpy as np

from wbsite.core.errors import WbsiteError

BINARY = ((0.0, 1.0), (-0.5, 0.5))
"""Values of inputs whose active ones can be counted: off and on."""

NOT_BINARY = "active inputs can be counted only where every input is off or on, 0 and 1 or −0.5 and 0.5; these are not"


def binary_counts(inputs: np.ndarray) -> np.ndarray | None:
    """How many inputs of each sample are active: (N, features) → int64 (N,); None for inputs that are not BINARY."""
    for off, on in BINARY:
        if np.isin(inputs, (off, on)).all():
            return (inputs == on).sum(axis=1)
    return None


def count_decisions(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What the best classifier that knows only the count answers of each sample: its count's most frequent label, the
    smallest of several; (N,), labels int64 (N,) from 0 → int64 (N,)."""
    codes = np.unique(counts, return_inverse=True)[1]
    table = np.zeros((codes.max() + 1, labels.max() + 1), np.int64)
    np.add.at(table, (codes, labels), 1)
    return table.argmax(axis=1)[codes]


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
