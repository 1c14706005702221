"""Arcs and corners as lines and as edges, with straight ones and even fields in the same apertures as their control.

An arc passes through the centre and bulges away from its direction. A circle of radius r behind an aperture of
radius r shows 120° of it, one of radius 2r about 60°: 2.1 and 2.0 apertures' radii of contour. A corner has its
point at the centre and two legs as long as the aperture's radius; a straight contour is as long as both. An arc or
corner between light and dark has more of one of them, which the even fields have too.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch

from .field import LUMINANCE, Field, inside

DIRECTIONS = tuple(22.5 * i for i in range(16))
"""Degrees towards which an arc's centre or a corner's opening lies, or the bright side of a straight edge."""

BENDS = (1.0, 2.0)
"""Radii of arcs, in radii of the aperture."""

ANGLES = (60.0, 90.0)
"""Of corners, in degrees."""

APERTURES = (1 / 2, 1 / 3, 1 / 5)
"""Radii of apertures, as shares of the stimuli's side."""

SMALLEST = 3.0
"""Pixels of an aperture's radius below which an arc is not to be told from a line."""


def plan(side: float) -> pd.DataFrame:
    """Columns shape (straight, arc, corner or even), kind (edge, line or field), direction, polarity, size (radius of
    the aperture, pixels), bend (arcs: radius over aperture's) and angle (corners), 0 where they do not apply."""
    sizes = [share * side for share in APERTURES if share * side >= SMALLEST]
    around = tuple(itertools.product(DIRECTIONS, (1, -1)))
    half = tuple(itertools.product(DIRECTIONS[:8], (1, -1)))
    opposite = tuple((direction, 1) for direction in DIRECTIONS)  # an edge's polarity is the opposite direction
    shapes = [
        *(("even", "field", 0.0, polarity, 0.0, 0.0) for polarity in (1, -1)),
        *(("straight", "edge", *turn, 0.0, 0.0) for turn in opposite),
        *(("straight", "line", *turn, 0.0, 0.0) for turn in half),
        *(("arc", kind, *turn, bend, 0.0) for kind in ("edge", "line") for bend in BENDS for turn in around),
        *(("corner", kind, *turn, 0.0, angle) for kind in ("edge", "line") for angle in ANGLES for turn in around),
    ]  # fmt: skip
    rows = [(*shape, size) for size in sizes for shape in shapes]
    columns = ["shape", "kind", "direction", "polarity", "bend", "angle", "size"]
    return pd.DataFrame(rows, columns=columns).assign(axis=LUMINANCE)


def radius(rows: pd.DataFrame) -> np.ndarray:
    """(n,) pixels from the centre beyond which all is grey: the aperture's."""
    return rows["size"].to_numpy(float)


def draw(field: Field, rows: pd.DataFrame) -> torch.Tensor:
    """(n, 3, h, w) deviations from mid grey; edges have ±1 on their sides, lines ±1 on grey."""
    towards, across = field.along(field.column(rows, "direction"))
    size = field.column(rows, "size").reshape(-1, 1, 1)
    bend = field.column(rows, "bend").reshape(-1, 1, 1) * size
    half = torch.deg2rad(field.column(rows, "angle") / 2).reshape(-1, 1, 1)
    corner = towards * half.sin() - across.abs() * half.cos()
    shape = {name: torch.tensor((rows["shape"] == name).to_numpy(), device=size.device) for name in ("arc", "corner")}
    distance = torch.where(shape["corner"][:, None, None], corner, towards)
    distance = torch.where(shape["arc"][:, None, None], bend - torch.hypot(towards - bend, across), distance)
    edge = 2 * inside(distance) - 1
    width = (size / 5).clamp_min(1.5)
    line = inside(width / 2 - distance.abs())
    is_line = torch.tensor((rows["kind"] == "line").to_numpy(), device=size.device)[:, None, None]
    is_even = torch.tensor((rows["shape"] == "even").to_numpy(), device=size.device)[:, None, None]
    pattern = torch.where(is_even, 1.0, torch.where(is_line, line, edge))
    pattern = pattern * field.column(rows, "polarity").reshape(-1, 1, 1)
    return field.coloured(pattern * field.aperture(size.flatten()), rows["axis"])
