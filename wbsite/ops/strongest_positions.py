"""The strongest positions of every unit over many pictures, found while the pictures go by a few at a time.

So that nine patches are not nine shifts of one, a picture gives either its strongest position alone, or several that
are some distance apart; see `one_a_picture` and `apart`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

NONE = float("-inf")
"""Activation of a place that is not taken."""


class Candidates(NamedTuple):
    """Positions of a batch that may be among the strongest.

    Attributes:
        activations: (C, n) float32; NONE where there is no such position, or its response is no finite number.
        pictures: (C, n) int64, in the batch.
        positions: (C, n) int64, row by row in the map.
        lowest: (C,) float32, of the responses that were compared to find them.
    """

    activations: torch.Tensor
    pictures: torch.Tensor
    positions: torch.Tensor
    lowest: torch.Tensor


@dataclass(frozen=True)
class Strongest:
    """The strongest positions of C units so far, strongest first; of equal ones, that of the earlier picture.

    Attributes:
        activations: (C, k) float32; NONE where fewer than k were found.
        pictures: (C, k) int64, numbers of the pictures.
        positions: (C, k) int64, row by row in the map.
        lowest: (C,) float32, of all responses that were compared.
    """

    activations: torch.Tensor
    pictures: torch.Tensor
    positions: torch.Tensor
    lowest: torch.Tensor

    @classmethod
    def none(cls, units: int, count: int) -> Strongest:
        """Of no pictures yet."""
        places = torch.zeros(units, count, dtype=torch.int64)
        return cls(torch.full((units, count), NONE), places, places, torch.full((units,), float("inf")))

    @property
    def alike(self) -> torch.Tensor:
        """(C,) bool: units that respond to everything equally, so that none of their positions is the strongest."""
        return self.lowest >= self.activations[:, 0]

    def after(self, batch: Candidates, first: int) -> Strongest:
        """With those of pictures that come later.

        Args:
            first: number of the batch's first picture.
        """
        return self.merged(Strongest(batch.activations, batch.pictures + first, batch.positions, batch.lowest))

    def merged(self, later: Strongest) -> Strongest:
        """With those found in later pictures, which may be any number for each unit."""
        activations = torch.cat((self.activations, later.activations), 1)
        ordered, places = torch.sort(activations, dim=1, descending=True, stable=True)
        count = self.activations.shape[1]
        places = places[:, :count]
        return Strongest(
            ordered[:, :count].contiguous(),
            torch.cat((self.pictures, later.pictures), 1).gather(1, places),
            torch.cat((self.positions, later.positions), 1).gather(1, places),
            torch.minimum(self.lowest, later.lowest),
        )


Search = Callable[[torch.Tensor], Candidates]
"""Responses (B, C, H, W) → the positions that may be among the strongest."""


def one_a_picture(responses: torch.Tensor) -> Candidates:
    """The strongest position of every picture (B, C, H, W); `lowest` is of these."""
    strongest, positions = responses.flatten(2).max(2)
    strongest = _finite(strongest.float())
    pictures = torch.arange(len(responses), device=responses.device)[:, None].expand_as(positions)
    lowest = torch.where(strongest.isinf(), float("inf"), strongest).amin(0)
    return Candidates(strongest.T.cpu(), pictures.T.cpu(), positions.T.cpu(), lowest.cpu())


def apart(responses: torch.Tensor, distance: tuple[int, int], count: int) -> Candidates:
    """Up to `count` positions of every picture (B, C, H, W), chosen one after another: the strongest of those that are
    `distance` or more rows or columns away from all chosen before; `lowest` is of all positions."""
    pictures, units, height, width = responses.shape
    left = _finite(responses.float()).clone()
    rows, columns = (torch.arange(length, device=responses.device) for length in (height, width))
    chosen = []
    for _ in range(count):
        strongest, positions = left.flatten(2).max(2)
        chosen.append((strongest, positions))
        near_rows = (rows - (positions // width)[..., None]).abs() < distance[0]
        near_columns = (columns - (positions % width)[..., None]).abs() < distance[1]
        left[near_rows[..., :, None] & near_columns[..., None, :]] = NONE
    activations, positions = (torch.cat([part[i].T for part in chosen], 1).cpu() for i in (0, 1))
    numbers = torch.arange(pictures).repeat(count).expand(units, -1)
    lowest = torch.where(responses.isfinite(), responses.float(), float("inf")).amin((0, 2, 3))
    return Candidates(activations, numbers, positions, lowest.cpu())


def _finite(responses: torch.Tensor) -> torch.Tensor:
    return torch.where(responses.isfinite(), responses, NONE)
