"""The single-case test of Crawford and Howell: whether one measurement differs from a few control measurements."""

from __future__ import annotations

import numpy as np
import scipy

FEWEST = 3
"""Fewer controls than these have no variance to speak of."""


def single_case_p(value: np.ndarray, controls: np.ndarray, upper: bool = False) -> np.ndarray:
    """p-value of one measurement under the hypothesis that it comes from the population of the controls.

    With mean m and standard deviation s of J controls, (value − m) / (s √(1 + 1/J)) follows Student's t with J − 1
    degrees of freedom where all are normal with one mean and variance (Crawford & Howell 1998).

    Args:
        value: (T,), of T measures, on a scale on which a normal distribution is a fair description.
        controls: (J, T); NaN is left out.
        upper: tests for a larger value alone; else for a larger or smaller one.

    Returns:
        (T,); NaN where the value is NaN, where there are fewer than 3 controls, or where these do not vary.
    """
    defined = ~np.isnan(controls)
    count = defined.sum(0)
    divisor = np.maximum(count, 1)
    mean = np.where(defined, controls, 0.0).sum(0) / divisor
    variance = (np.where(defined, controls - mean, 0.0) ** 2).sum(0) / np.maximum(count - 1, 1)
    usable = (count >= FEWEST) & (variance > 0)
    distance = (value - mean) / np.sqrt(np.where(usable, variance, 1.0) * (1 + 1 / divisor))
    tail = scipy.stats.t.sf(distance if upper else np.abs(distance), np.maximum(count - 1, 1)) * (1 if upper else 2)
    return np.where(usable, tail, np.nan)
