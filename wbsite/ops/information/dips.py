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
    """Where a course dips, in records from 0.

    Attributes:
        record: where it is lowest.
        depth: how far below both sides.
        before, after: where these are highest.
    """

    record: int
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
    moments, course = np.asarray(epochs), np.asarray(values, np.float64)
    if moments.ndim != 1 or moments.shape != course.shape:
        raise WbsiteError(
            f"epochs have shape {moments.shape}, values {course.shape}.", "Give one value for every epoch."
        )
    deepest: Dip | None = None
    for record in range(1, len(course) - 1):
        bottom = course[record]
        if not window[0] <= moments[record] <= window[1] or bottom > min(course[record - 1], course[record + 1]):
            continue
        before, after = int(course[:record].argmax()), record + 1 + int(course[record + 1 :].argmax())
        depth = float(min(course[before], course[after]) - bottom)
        if depth >= least and (deepest is None or depth > deepest.depth):
            deepest = Dip(record, depth, before, after)
    return deepest
