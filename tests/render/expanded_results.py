"""Made-up results of the analyses of expanded weights: nothing was measured, but for what a test says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.results.base import Result
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.expanded.gradients import Gradients
from wbsite.results.photographs import PhotographSet

PHOTOGRAPHS = PhotographSet(name="noise", count=64, what="64 crops")


def empty_tables(schema: type[Result]) -> dict[str, pd.DataFrame]:
    """A table without rows for each one of a schema."""
    return {
        name: pd.DataFrame(columns=list(field.columns))
        for name, field in schema.fields.items()
        if field.kind == "table"
    }


def cancellation(**changes: Any) -> Cancellation:
    """No layer has paths that could cancel."""
    settings = {"strongest": 10, "null_units": 400, "draws": 6, "seed": 0, "largest": 10**7, "level": 0.2}
    counts = {"layers": 0, "units": 0, "beyond_shuffle": 0, "beyond_signs": 0}
    lists: dict[str, Any] = {"examples": [], "wanted": {}, "skipped": []}
    kernels: dict[str, Any] = {"positive": {}, "negative": {}, "net": {}, "contributions": {}}
    return Cancellation(**{**settings, **counts, **lists, **kernels, **empty_tables(Cancellation), **changes})


def gradients(**changes: Any) -> Gradients:
    """No unit has paths that could cancel."""
    about: dict[str, Any] = {"photographs": PHOTOGRAPHS, "photographs_used": 48, "examples": [], "skipped": []}
    kernels: dict[str, Any] = {"expanded": {}, "mean": {}, "upper": {}, "lower": {}, "typical": {}}
    return Gradients(**{**about, **kernels, **empty_tables(Gradients), **changes})
