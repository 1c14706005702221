"""Whether a measurement lies outside of what a few reference measurements scatter over."""

from __future__ import annotations

import numpy as np
from scipy.stats import t

LEAST = 3
"""Fewer references than this have no scatter to speak of."""


def prediction_p(value: np.ndarray, references: np.ndarray, upper: bool = False) -> np.ndarray:
    """p-value of one more measurement, if it came from where the references came from.

    With mean m and standard deviation s of J references, (value − m) / (s √(1 + 1/J)) follows Student's t with J − 1
    degrees of freedom where all are normal with one mean and variance (Crawford & Howell 1998).

    Args:
        value: (T,), on a scale on which a normal distribution is a fair description.
        references: (J, T); NaN is left out.
        upper: tests for a larger value alone; else for a larger or smaller one.

    Returns:
        (T,); NaN where the value is, where fewer than 3 references are there, or where these do not scatter.
    """
    found = ~np.isnan(references)
    count = found.sum(0)
    known = np.where(found, references, 0.0)
    few = np.maximum(count, 1)
    mean = known.sum(0) / few
    variance = (np.where(found, references - mean, 0.0) ** 2).sum(0) / np.maximum(count - 1, 1)
    usable = (count >= LEAST) & (variance > 0)
    distance = (value - mean) / np.sqrt(np.where(usable, variance, 1.0) * (1 + 1 / few))
    tail = t.sf(distance if upper else np.abs(distance), np.maximum(count - 1, 1)) * (1 if upper else 2)
    return np.where(usable, tail, np.nan)
