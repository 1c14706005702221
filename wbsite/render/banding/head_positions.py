"""Fully connected layers that read a map of positions: how their weights vary with height and with width."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from wbsite.render.charts import COLUMNS, INDEX, NEUTRAL, ROWS, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import about, rows
from wbsite.render.text import share_text
from wbsite.results.site import Gap

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
            entry = model.entry("head_positions", layer.name)
            assert entry is not None
            if entry.values["index"] is not None:
                v = entry.values
                yield {
                    "network": model.title, "layer": layer.name, "height": v["height"], "width": v["width"],
                    "over": f"{v['units']} outputs", "chance": v["null_row_share"], "chance_column": v["null_column_share"],
                    **{name: v[name] for name in (*LANES, "low", "high")},
                }  # fmt: skip


def of_experiments(scene: Scene) -> Iterator[dict[str, Any]]:
    """The suite's experiments whose head reads every position, intervals over seeds."""
    heads = rows(scene, "heads")
    if isinstance(heads, Gap) or heads.empty:
        return
    known = about(scene, str(heads["setting"].iloc[0]))
    for experiment in dict.fromkeys(heads["experiment"]):
        head = known.get(experiment, {}).get("head")
        if not head or head["index"] is None:
            continue
        side = math.isqrt(head["positions"])  # maps of experiments are as high as wide
        chance = (side - 1) / (side * side - 1)
        yield {
            "network": known[experiment]["title"], "layer": "", "height": side, "width": side,
            "over": f"{head['seeds']} seed{'s' if head['seeds'] > 1 else ''}", "chance": chance, "chance_column": chance,
            **{name: head[name] for name in (*LANES, "low", "high")},
        }  # fmt: skip


def share_rows(scene: Scene) -> pd.DataFrame:
    """One row a network and quantity; `label` and `y` are where its title and it are drawn, in pixels."""
    found = []
    for i, head in enumerate((*of_models(scene), *of_experiments(scene))):
        place = f"{head['network']}{' ' + head['layer'] if head['layer'] else ''}"
        title = f"{place}: {head['height']}×{head['width']} positions, {head['over']}"
        for name, lane in LANES.items():
            bounds = {bound: head[bound] if name == "index" else None for bound in ("low", "high")}
            chance = {"row_share": head["chance"], "column_share": head["chance_column"], "index": 0.0}[name]
            found.append(
                {
                    **{key: head[key] for key in ("network", "layer", "height", "width", "over")},
                    "title": title,
                    "quantity": name,
                    "value": head[name],
                    **bounds,
                    "chance": chance,
                    "label": i * PART + 14,
                    "y": i * PART + lane,
                }
            )
    table = pd.DataFrame(found)
    return table.round(4).astype({"low": float, "high": float}) if found else table


def shares(scene: Scene) -> Drawing | Gap:
    """R, C and H of every such layer."""
    table = share_rows(scene)
    if table.empty:
        return Gap("no network here has a fully connected layer that reads a map of positions", failed=False)
    height = table["title"].nunique() * PART
    chart = specification(_chart(table, height), height)
    caption = (
        "How the weights of fully connected layers vary over the map they read: R and C are the shares of the variance over"
        " positions that vertical and horizontal position explain, for every output and channel and summed over them, and"
        " H = R − C. The short grey line is what independent random weights would give. The bar through H is its 95 % interval:"
        " bootstrap over output units for a network of the site, which is one training, and Student t over seeds for experiments."
    )
    told = [
        f"{title}: R {share_text(part['row_share'])}, C {share_text(part['column_share'])}, H {share_text(part['index'])}"
        for title, rows_ in table.groupby("title", sort=False)
        for part in [rows_.set_index("quantity")["value"]]
    ]
    return Drawing(caption, f"{'; '.join(told)}.", table, chart, width="wide", height=height)


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
        labelExpr=f"{NAMES!r}[datum.value]",
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
    whiskers = index.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=across), x2="high:Q", y=y, color=colour)
    points = index.mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    chance = part.mark_tick(
        color=NEUTRAL, orient="vertical", size=BAR + 8, thickness=2.5
    ).encode(x=alt.X("chance:Q", scale=across), y=y)  # fmt: skip
    titles = index.mark_text(align="left", x=5, fontSize=12).encode(
        y=alt.Y("label:Q", scale=down, axis=None), text="title:N"
    )  # fmt: skip
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL).encode(x=alt.datum(0))
    return alt.layer(zero, bars, chance, whiskers, points, titles)


FIGURES = (
    Figure("head-positions", shares, "how fully connected layers vary with position", of="site", options=("setting",)),
)
