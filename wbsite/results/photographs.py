"""The photographs that an analysis read, as its result and its figures name them."""

from __future__ import annotations

from .base import Record


class PhotographSet(Record):
    """Pictures that a network was shown.

    Attributes:
        name: of the data set, without the folders above it.
        count: pictures in it.
        what: number and source for a caption, as in "64 crops of …".
    """

    name: str
    count: int
    what: str
