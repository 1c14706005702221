"""A row of the table of `python -m benchmarks`: this project against what a user would otherwise run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

HEAD = "| what | against | times as fast: median (least to most) | goal |\n|---|---|---|---|"


def report(what: str, against: str, ours: Sequence[float], theirs: Sequence[float], goal: float = 0.0) -> None:
    """Prints how many times as fast this project is, by the seconds that both took, turn by turn.

    Args:
        what: was done.
        against: how it was done otherwise.
        goal: the ratio that is aimed at; 0 where there is none.
    """
    ratios = [other / own for own, other in zip(ours, theirs, strict=True)]
    spread = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
    print(f"| {what} | {against} | {spread} | {f'≥ {goal:g}' if goal else ''} |", flush=True)
