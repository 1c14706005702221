"""Peaks of a histogram of activations, and whether they lie at equal distances."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy

BINS = 60
"""Of the histogram, over the range of the activations: five to each of thirteen equal steps."""

SMOOTHING = 1.0
"""Standard deviation, in bins, of the Gaussian that the histogram is smoothed with."""

PROMINENCE = 0.05
"""Of a peak, at least, as a share of the smoothed histogram's largest value."""

APART = 3.0
"""Bins between two peaks that the smoothing leaves apart, at least; random peaks are held to it too."""


@dataclass(frozen=True)
class Peaks:
    """Peaks of one histogram.

    Attributes:
        centres: float64 (BINS,), of the bins; empty without values.
        heights: float64 (BINS,), the smoothed histogram as shares of the values.
        positions: int64 (k,), bins of the peaks, rising.
        borders: float64 (k − 1,), values at the lowest point between neighbouring peaks.
    """

    centres: np.ndarray
    heights: np.ndarray
    positions: np.ndarray
    borders: np.ndarray


def peaks(values: np.ndarray) -> Peaks:
    """Peaks of the values' histogram, see the constants above for the rule.

    A peak at an end of the range counts. Values that are all alike make one peak, no values none.

    Args:
        values: (n,), finite.
    """
    nothing = np.zeros(0)
    if len(values) == 0:
        return Peaks(nothing, nothing, nothing.astype(np.int64), nothing)
    low, high = float(values.min()), float(values.max())
    if not high - low > 1e-6 * max(abs(low), abs(high)):  # roundings of float32 are no spread
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values.astype(np.float64), BINS, (low, high))
    pad = math.ceil(4 * SMOOTHING)
    smooth = scipy.ndimage.gaussian_filter1d(np.pad(counts / len(values), pad), SMOOTHING, mode="constant")
    positions, _ = scipy.signal.find_peaks(smooth, prominence=PROMINENCE * smooth.max())
    valleys = [a + int(smooth[a : b + 1].argmin()) for a, b in pairwise(positions)]
    centres = (edges[1:] + edges[:-1]) / 2
    inside = np.clip(positions - pad, 0, BINS - 1)
    return Peaks(centres, smooth[pad:-pad], inside, centres[np.clip(np.array(valleys, int) - pad, 0, BINS - 1)])


def spacing(positions: np.ndarray, draws: int = 999) -> tuple[float, float]:
    """How unequal the gaps between peaks are, and how often as many random peaks are as equal.

    Random peaks: the first and last stay, those between are drawn uniformly from all arrangements in which no two
    peaks are nearer than APART. Then the gaps are APART each and a random division of the rest (uniform spacings, a
    Dirichlet distribution of ones).

    Args:
        positions: (k,), in bins, rising.
        draws: of random peaks; the same every time.

    Returns:
        Coefficient of variation of the gaps (0 for equal ones), and p, the share of draws with one as small, the
        given peaks counting as a draw. NaN both for fewer than three peaks; p also where there is no room to move.
    """
    if len(positions) < 3:
        return math.nan, math.nan
    gaps = np.diff(np.asarray(positions, np.float64))
    variation = float(gaps.std() / gaps.mean())
    room = float(gaps.sum() - APART * len(gaps))
    if room <= 0:
        return variation, math.nan
    chance = APART + room * _divisions(len(gaps), draws)
    variations = chance.std(1) / chance.mean(1)
    return variation, float((1 + (variations <= variation + 1e-12).sum()) / (1 + draws))


@functools.cache
def _divisions(parts: int, draws: int) -> np.ndarray:
    """(draws, parts) random divisions of 1."""
    return np.random.default_rng(parts).dirichlet(np.ones(parts), draws)
