"""What figures of a suite of experiments share: the tables of a setting, headings of groups, intervals as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from wbsite.results.site import Gap

from .charts import BEFORE, LAST
from .figure import Scene
from .text import share_text

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SUITE = "banding"

HEADINGS = {
    "main": "Main experiments",
    "proposed": "Proposed by the article, run here",
    "persisted": "Banding was said to persist",
    "dose": "Rotation by random angles",
    "data": "Other data",
    "depth": "Size of the last map and of kernels",
    "architecture": "Common architectures",
}
"""Group of experiments → its heading; a group not listed is its own heading."""

PLACES = {"last": "last convolution", "before": "the convolution before it"}
"""The two layers that are kept of every run → what figures call them."""

INTERVAL = "Bars are 95 % Student t intervals of the mean over seeds"


def rows(scene: Scene, name: str, analysis: str = "experiments") -> pd.DataFrame | Gap:
    """The rows of a result's table that are of the scene's setting, the first one where the scene names none."""
    found = scene.site.suite(SUITE).found(analysis)
    if isinstance(found, Gap):
        return found
    table = found.table(name)
    settings = list(dict.fromkeys(table["setting"]))
    chosen = scene.options.get("setting") or next(iter(settings), "")
    if chosen not in settings:
        there = f" (there are: {', '.join(settings)})" if settings else ""
        return Gap(f"no run of the setting {chosen or SUITE} is there{there}", failed=False)
    return table[table["setting"] == chosen].reset_index(drop=True)


def about(scene: Scene, setting: str) -> Mapping[str, Mapping[str, Any]]:
    """Experiment → its values in `experiments`; empty where there are none."""
    entry = scene.site.suite(SUITE).entry("experiments")
    return {name: facts for name, facts in entry.values[setting].items() if name != "facts"} if entry else {}


def setup_text(scene: Scene, setting: str) -> str:
    """What a setting's networks were trained on, as captions say it."""
    entry = scene.site.suite(SUITE).entry("experiments")
    if entry is None:
        return ""
    facts = entry.values[setting]["facts"]
    epochs = " or ".join(map(str, facts["epochs"]))
    return f"trained on {escape(str(facts['dataset']))} for {epochs} epoch{'' if epochs == '1' else 's'}"


def absent_text(table: pd.DataFrame, experiments: Iterable[str]) -> str:
    """A sentence naming the experiments that a figure is about and that have not been run; "" if there are none."""
    absent = [name for name in experiments if name not in set(table["experiment"])]
    return f" Not run: {', '.join(absent)}." if absent else ""


def seeds_text(table: pd.DataFrame) -> str:
    """ "3 seeds", or "1 to 3 seeds" where experiments differ."""
    low, high = int(table["seeds"].min()), int(table["seeds"].max())
    return f"{low} to {high} seeds" if low < high else f"{high} seed{'s' if high > 1 else ''}"


def span(table: pd.DataFrame) -> tuple[float, float]:
    """The range of H that a chart shows: its values, intervals and zero, rounded outwards; H cannot leave [−1, 1]."""
    least, most = table[["index", "low"]].min().min(), table[["index", "high"]].max().max()
    if math.isnan(least):
        return -1.0, 1.0
    return max(-1.0, min(0.0, least // 0.2 * 0.2)), min(1.0, max(0.2, -(-most // 0.2) * 0.2))


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


def place_colour(table: pd.DataFrame) -> alt.Color:
    """Colour of the last layer and of the one before, the same in every figure of the laboratory."""
    import altair as alt

    return alt.Color("place:N", scale=alt.Scale(domain=list(PLACES), range=[LAST, BEFORE]), legend=_legend(table))


def place_shape(table: pd.DataFrame) -> alt.Shape:
    """Mark of the last layer and of the one before."""
    import altair as alt

    return alt.Shape(
        "place:N", scale=alt.Scale(domain=list(PLACES), range=["circle", "diamond"]), legend=_legend(table)
    )


def layer_names(table: pd.DataFrame) -> dict[str, str]:
    """Place → the layer's name, where it has one name in the whole table."""
    names = {place: set(table.loc[table["place"] == place, "layer"]) for place in PLACES}
    return {place: str(*found) for place, found in names.items() if len(found) == 1}


def _legend(table: pd.DataFrame) -> alt.Legend:
    import altair as alt

    names = layer_names(table)
    said = {place: f"{text}, {names[place]}" if place in names else text for place, text in PLACES.items()}
    return alt.Legend(title=None, orient="top", symbolSize=90, symbolOpacity=1, labelExpr=f"{said!r}[datum.value]")


def side_by_side(panels: Iterable[tuple[str, str, str]], height: int) -> str:
    """HTML of several charts in one figure.

    Args:
        panels: title (HTML), file of the specification, and what a reader who cannot see it needs to know.
        height: of each chart in pixels, kept free until it is drawn.
    """
    charts = "".join(
        f'<div><p class="wb-charts-title">{title}</p><div class="wb-chart" data-spec="{file}" role="img"'
        f' aria-label="{escape(alt, quote=True)}" style="min-height:{height}px"></div></div>'
        for title, file, alt in panels
    )
    return f'<div class="wb-charts">{charts}</div>'
