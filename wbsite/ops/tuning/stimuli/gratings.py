"""Sinusoidal gratings: orientation × frequency × phase × direction in colour, in a round aperture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pandas as pd
import torch

from .field import Field

ORIENTATIONS = tuple(22.5 * i for i in range(8))
"""Degrees of the stripes: 0 horizontal, 90 vertical, 45 from lower left to upper right."""

PHASES = (0.0, 90.0, 180.0, 270.0)
FINEST = 1 / 3
"""Cycles a pixel: three pixels are the fewest that show a stripe's phase."""

OCTAVES = 0.75
"""Between neighbouring frequencies, less than the bandwidth of the simple cells of V1 (about one octave and more)."""


def frequencies(side: float) -> list[float]:
    """Cycles a pixel, from one cycle in the aperture to FINEST, evenly spaced on a logarithmic axis."""
    span = max(math.log2(FINEST * side), 0)
    steps = max(2, round(span / OCTAVES))
    return [2 ** (span * i / steps) / side for i in range(steps + 1)]


def plan(side: float, axes: Sequence[str]) -> pd.DataFrame:
    """Columns orientation, frequency, phase, axis."""
    rows = itertools.product(axes, frequencies(side), ORIENTATIONS, PHASES)
    return pd.DataFrame(rows, columns=["axis", "frequency", "orientation", "phase"])


def draw(field: Field, rows: pd.DataFrame) -> torch.Tensor:
    """(n, 3, h, w) deviations from mid grey."""
    _, across = field.along(field.column(rows, "orientation"))
    cycles = field.column(rows, "frequency").reshape(-1, 1, 1) * across
    phase = torch.deg2rad(field.column(rows, "phase")).reshape(-1, 1, 1)
    pattern = torch.cos(2 * math.pi * cycles + phase)
    return field.coloured(pattern * field.aperture(field.side / 2), rows["axis"])
