"""The number that a verdict rests on, as the ledger of claims lists it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SEEDS, UNITS = "seeds", "units"


@dataclass(frozen=True)
class Effect:
    """A number with its interval, and what it is held against.

    Attributes:
        what: the quantity, in a few words: "H of mixed5b_3x3".
        value: the number.
        low, high: its 95 % interval; None where there is none.
        unit: "bits", "epochs", …; "" for a share, a correlation or an index, which have none.
        null: what chance gives or the rule asks for; None where the rule compares it with nothing.
        count, of: on how many seeds, units or others it rests; None and "" where nothing was sampled.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    null: float | None = None
    count: int | None = None
    of: str = ""


class Bounded(Protocol):
    """A mean with its interval, as `Estimate` and `Interval` have; None or NaN for what is not known."""

    @property
    def mean(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def estimated(
    what: str, estimate: Bounded, count: int | None, of: str = SEEDS, null: float | None = 0.0, unit: str = ""
) -> Effect | None:
    """The effect that an estimate gives; None where there is no mean."""
    mean, low, high = (
        None if number is None or number != number else float(number)
        for number in (estimate.mean, estimate.low, estimate.high)
    )
    return None if mean is None else Effect(what, mean, low, high, unit, null, count, of)


def counted(what: str, part: int, count: int, of: str, null: float | None = None) -> Effect | None:
    """The share that `part` is of `count`; None for a share of nothing."""
    return Effect(what, part / count, null=null, count=count, of=of) if count else None


def of_one(effect: Callable[[Any], Effect | None]) -> Callable[[Sequence[Any]], Effect | None]:
    """The effect of evidence that lists networks: there is one where the list has one, as on a narrowed site."""
    return lambda networks: effect(networks[0]) if len(networks) == 1 else None
