"""Made-up results of the analyses of expanded weights: nothing was measured, but for what a test says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.results.base import Result
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.expanded.gradients import Gradients
from wbsite.results.expanded.long_range import LongRange, RangeSummaries
from wbsite.results.expanded.long_tail import LongTail
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


def long_range(**changes: Any) -> LongRange:
    """No pair of layers could be expanded."""
    settings = {"seed": 0, "draws": 6, "scattered": 2, "units": 12, "largest": 100, "level": 0.95, "spatial": 3}
    found: dict[str, Any] = {"summary": RangeSummaries(smoothness={}, balance={}), "wanted": {}, "skipped": []}
    return LongRange(**{**settings, **found, "maps": {}, **empty_tables(LongRange), **changes})


def long_tail(**changes: Any) -> LongTail:
    """No convolution has more than a few inputs."""
    settings: dict[str, Any] = {"positions": 16, "seed": 0, "level": 0.9, "layers": 0, "skipped": [], "summary": {}}
    photographs = {"photographs": PHOTOGRAPHS, "photographs_used": 32}
    return LongTail(**{**settings, **photographs, **empty_tables(LongTail), **changes})
