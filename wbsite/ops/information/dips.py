"""A dip in a course through training: where it falls and rises again within a stretch of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wbsite.core.errors import WbsiteError

WINDOW = (30, 200)
"""Epochs between which a dip is looked for, both included: around those at which the notebook of the deep-bottleneck
project saw one, 60 to 120."""

DEPTH = 0.1
"""Bits by which a dip lies below what is before and what is after it, at least."""


class Dip(NamedTuple):
    """Where a course is lowest, how far below both sides, and where these are highest; places count records from 0."""

    place: int
    depth: float
    before: int
    after: int


def dip(
    epochs: Sequence[int] | np.ndarray,
    values: Sequence[float] | np.ndarray,
    window: tuple[int, int] = WINDOW,
    least: float = DEPTH,
) -> Dip | None:
    """The deepest dip of a course, or None.

    A dip is a record within the window that is no higher than its neighbours and at least `least` below both the
    largest earlier and the largest later value of the whole course. Its depth is measured from the lower of the two.
    Of dips of one depth the first counts.

    Args:
        epochs: (n,), rising.
        values: (n,), finite.

    Raises:
        WbsiteError: not one value for each epoch.
    """
    at, course = np.asarray(epochs), np.asarray(values, np.float64)
    if at.ndim != 1 or at.shape != course.shape:
        raise WbsiteError(f"epochs have shape {at.shape}, values {course.shape}.", "Give one value for every epoch.")
    found: Dip | None = None
    for place in range(1, len(course) - 1):
        here = course[place]
        if not window[0] <= at[place] <= window[1] or here > min(course[place - 1], course[place + 1]):
            continue
        before, after = int(course[:place].argmax()), place + 1 + int(course[place + 1 :].argmax())
        depth = float(min(course[before], course[after]) - here)
        if depth >= least and (found is None or depth > found.depth):
            found = Dip(place, depth, before, after)
    return found
