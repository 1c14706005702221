"""A coloured region beside, inside or around a grey one, with and without a black-and-white texture over both.

Only colour differs between the regions: the texture runs through. Controls are whole fields in colour and in black
and white, and the same regions in opposite colours, which have a boundary in colour but no grey.
"""

from __future__ import annotations

import itertools

import pandas as pd
import torch

from .field import AXES, CONTRAST, LUMINANCE, Field, inside
from .noise import noise

HUES = tuple(itertools.product([axis for axis in AXES if axis != LUMINANCE], (1, -1)))
"""Axis and sign: red, green, blue, yellow."""

DIRECTIONS = tuple(45.0 * i for i in range(8))
"""Degrees towards which the coloured half lies."""

RADII = (1 / 4, 1 / 8)
"""Of central regions, as shares of the stimuli's side."""

LAYOUTS = (
    *(("half", direction, 0.0) for direction in DIRECTIONS),
    *((kind, 0.0, radius) for kind in ("centre", "surround") for radius in RADII),
)
"""Where the colour is, its direction, and the radius of the central region as a share of the side."""

_COLOUR = 2 / 3
"""Of the full contrast, which leaves room for the texture."""

_TEXTURE = 0.35
"""Amplitude of the texture, in units of the full contrast; with it, nothing leaves the display's range."""


def plan(side: float) -> pd.DataFrame:
    """Columns layout (half, centre, surround or whole), direction, size (radius, pixels), axis and sign of the colour
    (sign 0: no colour), other (what the other region is: grey or opposite), texture (whether there is one)."""
    pairs = itertools.product(LAYOUTS, HUES, ("grey", "opposite"), (False, True))
    fields = itertools.product(HUES, (False, True))
    rows = [
        *((kind, degrees, share * side, *hue, other, texture) for (kind, degrees, share), hue, other, texture in pairs),
        *(("whole", 0.0, 0.0, *hue, "grey", texture) for hue, texture in fields),
        ("whole", 0.0, 0.0, HUES[0][0], 0, "grey", True),
    ]
    return pd.DataFrame(rows, columns=["layout", "direction", "size", "axis", "sign", "other", "texture"])


def draw(field: Field, rows: pd.DataFrame) -> torch.Tensor:
    """(n, 3, h, w) deviations from mid grey."""
    towards, _ = field.along(field.column(rows, "direction"))
    radius = field.column(rows, "size").reshape(-1, 1, 1)
    central = inside(radius - torch.hypot(field.x, field.y))
    half, centre, uniform = (
        torch.tensor((rows["layout"] == name).to_numpy(), device=radius.device)[:, None, None]
        for name in ("half", "centre", "whole")
    )
    share = torch.where(half, inside(towards), torch.where(centre, central, 1 - central))
    share = torch.where(uniform, 1.0, share)
    opposite = torch.tensor((rows["other"] == "opposite").to_numpy(), device=radius.device)[:, None, None]
    colour = torch.where(opposite, 2 * share - 1, share) * field.column(rows, "sign").reshape(-1, 1, 1)
    finest = 1 / 3
    grain = noise(field, min(2 / field.side, finest), finest, seed=0)
    textured = field.column(rows, "texture").reshape(-1, 1, 1) * grain
    ground = torch.tensor(AXES[LUMINANCE], device=radius.device)[:, None, None] * CONTRAST
    aperture = field.aperture(field.side / 2)
    coloured = field.coloured(_COLOUR * colour * aperture, rows["axis"])
    return coloured + _TEXTURE * (textured * aperture)[:, None] * ground
