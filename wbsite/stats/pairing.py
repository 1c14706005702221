"""Whether items score higher with their own partners than with those of others: a permutation test of the pairing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Pairing(NamedTuple):
    """Mean score of the pairs, mean with all other partners, and p: how often random pairs have as large a mean."""

    paired: float
    unpaired: float
    p: float


def pairing(scores: np.ndarray, partners: Sequence[int], draws: int) -> Pairing:
    """Compares the mean score of items with their own partners with that of items with random partners.

    In a draw every item gets a partner of its own. The observed pairs count as one draw, so that p is at least
    1 / (1 + draws); with two partners there are two ways to pair, and p is never small.

    Args:
        scores: (items, all partners), of every possible pair.
        partners: each item's own partner, no two the same.
        draws: number of random pairings, the same every time.

    Returns:
        `unpaired` and `p` are NaN for a single partner.
    """
    items, count = scores.shape
    paired = float(scores[np.arange(items), list(partners)].mean())
    if count < 2:
        return Pairing(paired, math.nan, math.nan)
    unpaired = float((scores.sum() - paired * items) / (items * (count - 1)))
    rng = np.random.default_rng(0)
    permuted = rng.permuted(np.tile(np.arange(count), (draws, 1)), axis=1)[:, :items]
    chance = scores[np.arange(items), permuted].mean(1)
    return Pairing(paired, unpaired, float((1 + (chance >= paired - 1e-12).sum()) / (1 + draws)))
