"""Discs, alone and in rings of the opposite sign, by size, polarity and direction in colour; whole fields."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from .field import Field, inside

RADII = (1 / 4, 1 / 6, 1 / 10, 1 / 16)
"""Of the discs, as shares of the stimuli's side; a ring reaches to twice the radius."""

SMALLEST = 1.0
"""Pixels of a disc's radius."""


def plan(side: float, axes: Sequence[str]) -> pd.DataFrame:
    """Columns shape (disc, disc in ring or uniform), size (radius of the disc, pixels), polarity, axis."""
    sizes = [share * side for share in RADII if share * side >= SMALLEST]
    discs = itertools.product(("disc", "disc in ring"), axes, sizes, (1, -1))
    uniform = itertools.product(("uniform",), axes, (side / 2,), (1, -1))
    return pd.DataFrame([*discs, *uniform], columns=["shape", "axis", "size", "polarity"])


def radius(rows: pd.DataFrame) -> np.ndarray:
    """(n,) pixels from the centre beyond which all is grey."""
    size = rows["size"].to_numpy(float)
    edges = {"disc": size + 0.5, "disc in ring": 2 * size + 0.5, "uniform": size}
    return np.select([rows["shape"] == name for name in edges], list(edges.values()))


def draw(field: Field, rows: pd.DataFrame) -> torch.Tensor:
    """(n, 3, h, w) deviations from mid grey."""
    size = field.column(rows, "size").reshape(-1, 1, 1)
    distance = torch.hypot(field.x, field.y)
    disc, ring = inside(size - distance), inside(2 * size - distance)
    ringed, uniform = (
        torch.tensor((rows["shape"] == name).to_numpy(), device=size.device)[:, None, None]
        for name in ("disc in ring", "uniform")
    )
    pattern = torch.where(ringed, 2 * disc - ring, disc)
    pattern = torch.where(uniform, field.aperture(size.flatten()), pattern)
    return field.coloured(pattern * field.column(rows, "polarity").reshape(-1, 1, 1), rows["axis"])
