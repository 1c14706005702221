"""All stimuli shown to a unit, of a given size, and their pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from wbsite.core.errors import WbsiteError

from . import colour_regions, contours, discs, gratings, textures
from .field import AXES, LUMINANCE, Field

FAMILIES = {
    "gratings": gratings.draw,
    "contours": contours.draw,
    "discs": discs.draw,
    "colour regions": colour_regions.draw,
    "textures": textures.draw,
}
"""Name → from a field and rows of the family's table to pictures."""

RADII: Mapping[str, Callable[[pd.DataFrame], np.ndarray]] = {"contours": contours.radius, "discs": discs.radius}
"""Name → how far from their centre stimuli of these rows go, in pixels; those of other families fill the side."""

SMALLEST = 3
"""Pixels of a side."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Stimuli of one family that leave the same part of a canvas grey.

    Attributes:
        family: its name.
        numbers: of the stimuli in the battery, in order.
        rows: of the family's table.
        radius: distance from the centre beyond which all is grey, in pixels.
    """

    family: str
    numbers: np.ndarray
    rows: pd.DataFrame
    radius: float

    def batches(self, field: Field, size: int) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
        """In batches of at most `size`: numbers, and (n, 3, h, w) deviations from mid grey."""
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            yield self.numbers[part], FAMILIES[self.family](field, self.rows.iloc[part])


@dataclass(frozen=True, eq=False)
class Battery:
    """Stimuli by family.

    Attributes:
        side: diameter of the largest, in pixels.
        families: name → table, one row a stimulus; its columns are those that the family's `plan` names.
    """

    side: float
    families: Mapping[str, pd.DataFrame]

    def __len__(self) -> int:
        return sum(map(len, self.families.values()))

    def batches(self, field: Field, size: int) -> Iterator[torch.Tensor]:
        """All stimuli in order, in batches of at most `size` of one family: (n, 3, h, w) deviations from mid grey."""
        for name, rows in self.families.items():
            for start in range(0, len(rows), size):
                yield FAMILIES[name](field, rows.iloc[start : start + size])

    def pieces(self) -> Iterator[Piece]:
        """All stimuli, those together that go equally far from their centre."""
        first = 0
        for name, rows in self.families.items():
            reach = RADII[name](rows) if name in RADII else np.full(len(rows), self.side / 2)
            for radius in np.unique(reach):
                chosen = np.flatnonzero(reach == radius)
                yield Piece(name, first + chosen, rows.iloc[chosen], float(radius))
            first += len(rows)

    def split(self, responses: torch.Tensor) -> dict[str, torch.Tensor]:
        """(stimuli, …) in order → name → (stimuli of the family, …)."""
        sizes = [len(rows) for rows in self.families.values()]
        return dict(zip(self.families, responses.split(sizes), strict=True))


def battery(side: float, colour: bool = True) -> Battery:
    """The stimuli for units that see `side` pixels.

    Args:
        colour: False for a network that reads grey pictures; stimuli in colour are then left out.

    Raises:
        WbsiteError: the side is too small to show anything on.
    """
    if not side >= SMALLEST:
        raise WbsiteError(
            f"stimuli of {side:g} pixels show nothing.", f"Units have to see at least {SMALLEST} × {SMALLEST} pixels."
        )
    axes = tuple(AXES) if colour else (LUMINANCE,)
    families = {
        "gratings": gratings.plan(side, axes),
        "contours": contours.plan(side),
        "discs": discs.plan(side, axes),
        "colour regions": colour_regions.plan(side),
        "textures": textures.plan(side),
    }
    if not colour:
        del families["colour regions"]
    return Battery(float(side), {name: rows for name, rows in families.items() if len(rows)})
