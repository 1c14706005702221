"""Fully connected layers that read a map of positions: how their weights vary with height and with width."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from wbsite.render.charts import COLUMNS, INDEX, NEUTRAL, ROWS, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, share_text
from wbsite.results.banding.head_positions import HeadPositions
from wbsite.results.site import Gap

from ._laboratory import Laboratory, written

if TYPE_CHECKING:
    import altair as alt

LANES = {"row_share": 30, "column_share": 44, "index": 58}
"""Quantity → pixels below the top of a network's part, which begins with its title."""

NAMES = {"row_share": "R, by vertical position", "column_share": "C, by horizontal position", "index": "H = R − C"}
PART, BAR = 80, 10
"""Pixels from one network to the next, and a bar's height."""


def of_models(scene: Scene) -> Iterator[dict[str, Any]]:
    """The site's networks: one training each, intervals over output units."""
    for model in scene.site.working:
        for layer in model.having("head_positions"):
            head = model.result(HeadPositions, layer.name)
            if head is not None and head.index is not None:
                yield {
                    "network": model.title, "layer": layer.name, "height": head.height, "width": head.width,
                    "over": f"{head.units} outputs", "row_share": head.row_share, "column_share": head.column_share,
                    "index": head.index, "low": head.low, "high": head.high,
                    "chance": {
                        "row_share": head.null_row_share,
                        "column_share": head.null_column_share,
                        "index": head.null_row_share - head.null_column_share,
                    },
                }  # fmt: skip


def of_experiments(scene: Scene) -> Iterator[dict[str, Any]]:
    """The laboratory's experiments whose head reads every position, intervals over seeds."""
    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return
    for name in laboratory.ordered:
        experiment = laboratory.experiments[name]
        head = experiment.head
        if head is None or head.index.mean is None:
            continue
        side = math.isqrt(head.positions)  # maps of experiments are as high as wide
        chance = (side - 1) / (side * side - 1)
        yield {
            "network": experiment.title, "layer": "", "height": side, "width": side,
            "over": counted(head.seeds, "seed"), "row_share": head.row_share, "column_share": head.column_share,
            "index": head.index.mean, "low": head.index.low, "high": head.index.high,
            "chance": {"row_share": chance, "column_share": chance, "index": 0.0},
        }  # fmt: skip


def share_rows(scene: Scene) -> pd.DataFrame:
    """One row a network and quantity; `label` and `y` are where its title and it are drawn, in pixels."""
    rows = []
    for i, head in enumerate((*of_models(scene), *of_experiments(scene))):
        name = f"{head['network']} {head['layer']}".strip()
        title = f"{name}: {head['height']}×{head['width']} positions, {head['over']}"
        for quantity, lane in LANES.items():
            rows.append(
                {
                    **{key: head[key] for key in ("network", "layer", "height", "width", "over")},
                    "title": title,
                    "quantity": quantity,
                    "value": head[quantity],
                    **{bound: head[bound] if quantity == "index" else None for bound in ("low", "high")},
                    "chance": head["chance"][quantity],
                    "label": i * PART + 14,
                    "y": i * PART + lane,
                }
            )
    table = pd.DataFrame(rows)
    return table.astype({"low": float, "high": float}) if rows else table


def shares(scene: Scene) -> Drawing | Gap:
    """R, C and H of every such layer."""
    table = share_rows(scene)
    if table.empty:
        return Gap("no network here has a fully connected layer that reads a map of positions", failed=False)
    height = table["title"].nunique() * PART
    chart = specification(_chart(table, height), height)
    index = table[table["quantity"] == "index"]
    finding = (
        f"In {int((index['low'] > 0).sum())} of {counted(len(index), 'head')} that read a map of positions, weights vary more"
        " with height than with width."
    )
    caption = "What vertical and horizontal position explain of a head's weights. Short grey lines are chance."
    method = (
        "R and C are the shares of the variance over positions that vertical and horizontal position explain, for every output"
        " and channel and summed over them; H is R − C. Chance is what independent random weights would give. The bar"
        " through H is its 95 % interval: bootstrap over output units for a network of the site, which is one training, and"
        " Student t over seeds for experiments. A head counts where that interval lies above 0."
    )
    texts = [
        f"{title}: R {share_text(part['row_share'])}, C {share_text(part['column_share'])}, H {share_text(part['index'])}"
        for title, rows in table.groupby("title", sort=False)
        for part in [rows.set_index("quantity")["value"]]
    ]
    return Drawing(
        caption,
        f"{'; '.join(texts)}.",
        written(table),
        chart,
        width="wide",
        height=height,
        finding=finding,
        method=method,
    )


def _chart(table: pd.DataFrame, height: int) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    low = min(0.0, math.floor(10 * table[["value", "low"]].min().min()) / 10)
    high = max(0.4, math.ceil(10 * table[["value", "high"]].max().max()) / 10)
    across = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("value:Q", title="share of variance, and H", scale=across, axis=alt.Axis(tickCount=6, labelSeparation=6))
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    legend = alt.Legend(
        title=None,
        orient="top",
        symbolType="stroke",
        symbolSize=200,
        symbolStrokeWidth=BAR,
        labelExpr=f"{literal(NAMES)}[datum.value]",
    )
    colour = alt.Color("quantity:N", scale=alt.Scale(domain=list(LANES), range=[ROWS, COLUMNS, INDEX]), legend=legend)
    tips = [
        alt.Tooltip("title:N", title="layer"), alt.Tooltip("quantity:N"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high", "chance")),
    ]  # fmt: skip
    base = alt.Chart(data())
    part = base.transform_filter("datum.quantity != 'index'")
    bars = part.mark_rule(strokeWidth=BAR).encode(x=x, x2=alt.X2Datum(0), y=y, color=colour, tooltip=tips)
    index = base.transform_filter("datum.quantity == 'index'")
    whiskers = index.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=across), x2=alt.X2("high:Q"), y=y, color=colour
    )
    points = index.mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    chance = base.mark_tick(
        color=NEUTRAL, orient="vertical", size=BAR + 8, thickness=2.5
    ).encode(x=alt.X("chance:Q", scale=across), y=y)  # fmt: skip
    titles = index.mark_text(align="left", x=5, fontSize=12).encode(
        y=alt.Y("label:Q", scale=down, axis=None), text=alt.Text("title:N")
    )  # fmt: skip
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL).encode(x=alt.XDatum(0))
    return alt.layer(zero, bars, chance, whiskers, points, titles)


FIGURES = (
    Figure("head-positions", shares, "how fully connected layers vary with position", of="site", options=("setting",)),
)
