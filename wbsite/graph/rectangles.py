"""Rectangles of positions of maps: where they overlap, and how one is cut out of a map of which another is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .receptive_field import Positions

Slices = tuple[slice, slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Cut:
    """Positions of a map as a call is given them.

    Attributes:
        blank: the blank picture's map.
        taken: those of what is computed; None for none of it.
        frame: memory's shape without the batch, where more is given than is computed; None where nothing else is.
        inside: where in the frame what is computed is put.
        around: where in the frame the blank picture's values are put, and these.
        beyond: what is put beyond the map's edges; None where nothing is.
    """

    blank: torch.Tensor
    taken: Slices | None
    frame: tuple[int, int, int] | None = None
    inside: Slices | None = None
    around: tuple[tuple[Slices, torch.Tensor], ...] = ()
    beyond: float | None = None

    @classmethod
    def of(cls, blank: torch.Tensor, held: Positions | None, wanted: Positions, beyond: float) -> Cut:
        """Of a map whose positions `held` are computed."""
        computed = None if held is None else overlap(wanted, held)
        taken = None if held is None or computed is None else slices(moved(computed, held))
        if computed == wanted:
            return cls(blank, taken)
        inside = overlap(wanted, whole(blank))
        assert inside is not None, "a call reads some of its map"
        height, width = (last - first + 1 for first, last in wanted)
        return cls(
            blank,
            taken,
            (blank.shape[1], height, width),
            None if computed is None else slices(moved(computed, wanted)),
            tuple((slices(moved(strip, wanted)), blank[slices(strip)]) for strip in around(inside, computed)),
            None if inside == wanted else beyond,
        )

    def __call__(self, x: torch.Tensor | None, count: int) -> torch.Tensor:
        """(B, C, rows, columns): what is computed, in the frame.

        Args:
            x: what is computed of the map; None where nothing is.
            count: of pictures, B.
        """
        part = None if x is None or self.taken is None else x[self.taken]
        if self.frame is None:
            assert part is not None
            return part
        shape, like = (count, *self.frame), self.blank
        framed = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
        if self.beyond is not None:
            framed.fill_(self.beyond)
        for place, values in self.around:
            framed[place] = values
        if part is not None and self.inside is not None:
            framed[self.inside] = part
        return framed


def whole(x: torch.Tensor) -> Positions:
    return (0, x.shape[2] - 1), (0, x.shape[3] - 1)


def slices(positions: Positions) -> Slices:
    (top, bottom), (left, right) = positions
    return slice(None), slice(None), slice(top, bottom + 1), slice(left, right + 1)


def moved(positions: Positions, origin: Positions) -> Positions:
    """Counted from the first row and column of `origin`."""
    (top, bottom), (left, right) = (
        (low - first, high - first) for (low, high), (first, _) in zip(positions, origin, strict=True)
    )
    return (top, bottom), (left, right)


def overlap(one: Positions, other: Positions) -> Positions | None:
    height, width = ((max(a, c), min(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))
    return (height, width) if height[0] <= height[1] and width[0] <= width[1] else None


def hull(one: Positions, other: Positions) -> Positions:
    height, width = ((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))
    return height, width


def area(positions: Positions) -> int:
    return math.prod(last - first + 1 for first, last in positions)


def around(outer: Positions, inner: Positions | None) -> Sequence[Positions]:
    """`outer` without `inner`, as up to four rectangles."""
    if inner is None:
        return [outer]
    ((top, bottom), (left, right)), ((first, last), (begin, end)) = outer, inner
    strips = [
        ((top, first - 1), (left, right)),
        ((last + 1, bottom), (left, right)),
        ((first, last), (left, begin - 1)),
        ((first, last), (end + 1, right)),
    ]
    return [strip for strip in strips if all(low <= high for low, high in strip)]
