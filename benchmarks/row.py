"""A row of the table of benchmarks: this project against what a user would otherwise run, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: that was done.
        against: what was done otherwise.
        ratios: one a turn, of what took part in it: how many times as fast this project is.
        goal: the ratio that is aimed at; 0 where there is none.
    """

    what: str
    against: str
    ratios: Sequence[float]
    goal: float = 0.0

    @property
    def median(self) -> float:
        """Of the turns."""
        return statistics.median(self.ratios)

    @property
    def text(self) -> str:
        """A line of a Markdown table."""
        spread = f"{self.median:.3g} ({min(self.ratios):.3g} to {max(self.ratios):.3g})"
        goal = f"≥ {self.goal:g}" if self.goal else ""
        return f"| {self.what} | {self.against} | {spread} | {goal} |"


HEAD = "| what | against | times as fast: median (least to most) | goal |\n|---|---|---|---|"


def turns(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ratios of seconds, turn by turn: theirs / ours."""
    return [other / own for own, other in zip(ours, theirs, strict=True)]
