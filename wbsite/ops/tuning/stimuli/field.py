"""Where stimuli are drawn: coordinates around a centre, soft apertures, antialiased regions, directions in colour.

Patterns are numbers in [−1, 1] at every pixel; times CONTRAST and a direction of unit norm in display red, green
and blue they are deviations from mid grey. All directions thus have the same contrast as distance in RGB, and the
two of colour add up to zero, so that the mean of the three channels (what is called luminance here) is that of the
grey ground. The display's own luminance would need its gamma and primaries, which pictures do not come with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import torch

LUMINANCE = "black-white"

AXES = {
    LUMINANCE: (1 / math.sqrt(3),) * 3,
    "red-green": (1 / math.sqrt(2), -1 / math.sqrt(2), 0.0),
    "blue-yellow": (-1 / math.sqrt(6), -1 / math.sqrt(6), 2 / math.sqrt(6)),
}
"""Name → direction in red, green and blue; its first name is the positive end (white, red, blue)."""

CONTRAST = 0.6
"""Distance from mid grey at a pattern's ±1: what blue–yellow, the longest way from grey, has room for."""

_TAPER = 0.25
"""Outer share of an aperture's radius over which it fades."""


@dataclass(frozen=True, eq=False)
class Field:
    """A canvas.

    Attributes:
        x, y: (h, w) float32, pixels to the right of and above the centre of the stimuli.
        side: diameter of the largest stimulus, in pixels.
    """

    x: torch.Tensor
    y: torch.Tensor
    side: float

    @classmethod
    def of(
        cls,
        canvas: tuple[int, int],
        centre: tuple[float, float],
        side: float,
        device: torch.device | str | None = None,
    ) -> Field:
        """A canvas of (height, width) pixels, the stimuli's centre given as (row, column)."""
        down, right = (torch.arange(length, dtype=torch.float32, device=device) for length in canvas)
        return cls((right - centre[1])[None].expand(canvas), (centre[0] - down)[:, None].expand(canvas), float(side))

    def aperture(self, radius: torch.Tensor | float) -> torch.Tensor:
        """1 inside and 0 outside of circles of (n,) radii, with a cosine between: (n or 1, h, w)."""
        radii = torch.as_tensor(radius, dtype=torch.float32, device=self.x.device).reshape(-1, 1, 1)
        fade = (torch.hypot(self.x, self.y) / radii - (1 - _TAPER)) / _TAPER
        return 0.5 * (1 + torch.cos(math.pi * fade.clamp(0, 1)))

    def along(self, degrees: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Coordinates (n, h, w) towards (n,) directions, 0° right and 90° up, and across them to the left."""
        turn = torch.deg2rad(degrees).reshape(-1, 1, 1)
        return self.x * turn.cos() + self.y * turn.sin(), self.y * turn.cos() - self.x * turn.sin()

    def column(self, rows: pd.DataFrame, name: str) -> torch.Tensor:
        """A column of parameters as (n,) float32."""
        return torch.tensor(rows[name].to_numpy(dtype="float32"), device=self.x.device)

    def coloured(self, patterns: torch.Tensor, axes: pd.Series) -> torch.Tensor:
        """Patterns (n, h, w) along the named axes: (n, 3, h, w) deviations from mid grey."""
        directions = torch.tensor([AXES[axis] for axis in axes], device=self.x.device)
        return CONTRAST * patterns[:, None] * directions[:, :, None, None]


def inside(distance: torch.Tensor) -> torch.Tensor:
    """Share of a pixel that lies inside a region, from the signed distance of its centre to the boundary, pixels."""
    return (distance + 0.5).clamp(0, 1)
