"""A mean over trainings with its interval, as results keep it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .base import Record

if TYPE_CHECKING:
    from typing import Self


class Estimate(Record):
    """A mean, or another statistic, with its 95 % interval; None where undefined."""

    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def from_numbers(cls, mean: float, low: float, high: float) -> Self:
        """An estimate whose undefined numbers are NaN, such as an `Interval` of `wbsite.stats`, unpacked."""
        return cls(mean=or_none(mean), low=or_none(low), high=or_none(high))


def or_none(number: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return None if math.isnan(number) else float(number)
