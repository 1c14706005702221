"""An estimated number with its interval, as results keep it."""

from __future__ import annotations

from collections.abc import Iterable

from .base import Record


class Estimate(Record):
    """A mean over runs, or a difference of two, with its 95 % interval.

    Attributes:
        mean: None where nothing was measured.
        low, high: bounds; None where too few runs give none.
    """

    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def from_interval(cls, interval: Iterable[float]) -> Estimate:
        """From (mean, low, high), NaN for what is not known."""
        mean, low, high = map(or_none, interval)
        return cls(mean=mean, low=low, high=high)

    @property
    def positive(self) -> bool:
        """Whether the whole interval lies above zero; False without one."""
        return self.low is not None and self.low > 0

    @property
    def negative(self) -> bool:
        """Whether the whole interval lies below zero; False without one."""
        return self.high is not None and self.high < 0

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval lies on one side of zero; None without one."""
        return None if self.low is None else self.positive or self.negative


def or_none(number: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return None if number != number else float(number)
