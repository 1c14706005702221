"""Whether things fit their own courses better than those of others: a permutation test of the pairing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Pairing(NamedTuple):
    """Mean with own partners, mean with all others, and p: how often random partners give as large a mean."""

    own: float
    other: float
    p: float


def pairing(scores: np.ndarray, own: Sequence[int], draws: int) -> Pairing:
    """The mean of scores of things with their own partners against that with partners dealt at random.

    A deal gives every thing a partner of its own. The given pairs count as one deal, so that p is at least
    1 / (1 + draws); of two partners there are two deals, and p is never small.

    Args:
        scores: (things, partners), of every possible pair.
        own: each thing's own partner, no two the same.
        draws: of deals, the same every time.

    Returns:
        `other` and `p` are NaN for a single partner.
    """
    things, partners = scores.shape
    mine = float(scores[np.arange(things), list(own)].mean())
    if partners < 2:
        return Pairing(mine, math.nan, math.nan)
    other = float((scores.sum() - mine * things) / (things * (partners - 1)))
    rng = np.random.default_rng(0)
    deals = rng.permuted(np.tile(np.arange(partners), (draws, 1)), axis=1)[:, :things]
    chance = scores[np.arange(things), deals].mean(1)
    return Pairing(mine, other, float((1 + (chance >= mine - 1e-12).sum()) / (1 + draws)))
