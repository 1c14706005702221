"""High frequency on one side and low frequency on the other, by direction, with fields of one frequency as control.

Both sides are isotropic noise of one octave and of equal contrast, so that neither orientation nor contrast tells
them apart. Every condition comes with several seeds, each also with light and dark exchanged, over which responses
are averaged: of a unit that adds up light linearly, one of both responses is always 0.
"""

from __future__ import annotations

import itertools

import pandas as pd
import torch

from .field import LUMINANCE, Field, inside
from .noise import noise

DIRECTIONS = tuple(45.0 * i for i in range(8))
"""Degrees towards which the high frequency lies."""

SEEDS = (0, 1, 2, 3)
POLARITIES = (1, -1)
RATIO = 4
"""High over low frequency: two octaves apart, one octave wide each."""

LOWEST = 2
"""Cycles in the stimuli's side of the lowest low frequency."""

FINEST = 1 / 3
"""Highest frequency in cycles a pixel."""


def pairs(side: float) -> list[tuple[float, float]]:
    """Low and high frequencies in cycles a pixel; none where the side is too small for two."""
    lows = [LOWEST * 2**i / side for i in range(3)]
    return [(low, RATIO * low) for low in lows if RATIO * low <= FINEST]


def plan(side: float) -> pd.DataFrame:
    """Columns low, high (cycles a pixel; equal in fields of one frequency), direction (0 there), seed, polarity."""
    bands = pairs(side)
    uniform = sorted({frequency for pair in bands for frequency in pair})
    rows = [
        *((*pair, *more) for pair in bands for more in itertools.product(DIRECTIONS, SEEDS, POLARITIES)),
        *((low, low, 0.0, *more) for low in uniform for more in itertools.product(SEEDS, POLARITIES)),
    ]
    return pd.DataFrame(rows, columns=["low", "high", "direction", "seed", "polarity"]).assign(axis=LUMINANCE)


def draw(field: Field, rows: pd.DataFrame) -> torch.Tensor:
    """(n, 3, h, w) deviations from mid grey."""
    towards, _ = field.along(field.column(rows, "direction"))
    textures: dict[tuple[float, int], torch.Tensor] = {}
    sides = []
    for name in ("low", "high"):
        for frequency, seed in zip(rows[name], rows["seed"], strict=True):
            if (frequency, seed) not in textures:
                band = (frequency / 2**0.5, frequency * 2**0.5)
                textures[frequency, seed] = noise(field, *band, seed=int(seed))
        sides.append(torch.stack([textures[key] for key in zip(rows[name], rows["seed"], strict=True)]))
    share = inside(towards)
    pattern = (share * sides[1] + (1 - share) * sides[0]) * field.column(rows, "polarity").reshape(-1, 1, 1)
    return field.coloured(pattern * field.aperture(field.side / 2), rows["axis"])
