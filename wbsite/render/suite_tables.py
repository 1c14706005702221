"""What figures of repeated runs share: intervals and numbers of seeds as text, several charts in one figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wbsite.core.markup import Markup, html, joined

from .charts import chart_box
from .text import share_text

if TYPE_CHECKING:
    import pandas as pd

INTERVAL = "Bars are 95 % Student t intervals of the mean over seeds"


def seeds_text(table: pd.DataFrame) -> str:
    """ "3 seeds", or "1 to 3 seeds" where experiments differ."""
    low, high = int(table["seeds"].min()), int(table["seeds"].max())
    return f"{low} to {high} seeds" if low < high else f"{high} seed{'s' if high > 1 else ''}"


def interval_text(row: Mapping[str, float], middle: str = "index", low: str = "low", high: str = "high") -> str:
    """ "0.318 (0.290 to 0.346)", and the mean alone where one seed gives no interval."""
    if math.isnan(row[middle]):
        return "–"
    if math.isnan(row[low]):
        return share_text(row[middle])
    return f"{share_text(row[middle])} ({share_text(row[low])} to {share_text(row[high])})"


def interval_expression(low: str = "low", high: str = "high") -> str:
    """Vega expression for an interval in a tooltip."""
    # A cell left empty in a CSV file is a text until toNumber makes it null.
    ends = [f"toNumber(datum.{name})" for name in (low, high)]
    return f"isValid({ends[0]}) ? format({ends[0]}, '.3f') + ' to ' + format({ends[1]}, '.3f') : 'none, one seed'"


def side_by_side(panels: Iterable[tuple[str, str, str]], height: int) -> Markup:
    """Several charts in one figure.

    Args:
        panels: title, file of the specification, and what a reader who cannot see it needs to know.
        height: of each chart in pixels, kept free until it is drawn.
    """
    charts = joined(
        html('<div><p class="wb-charts-title">{}</p>{}</div>', title, chart_box(file, alt))
        for title, file, alt in panels
    )
    return html('<div class="wb-charts">{}</div>', charts)
