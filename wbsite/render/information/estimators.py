"""The same runs by every estimator: largest and last I(X;T) of every layer, below the cap."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import fixed_text
from wbsite.results.information.trajectories import ConfigurationRecord
from wbsite.results.site import Gap

from ._html import colour_key
from ._plane_parts import (
    absent_text,
    chosen_configurations,
    fewer_seeds_text,
    layer_colour,
    measured_text,
    nothing_to_draw,
    panel_title,
    runs_text,
    width_of,
)
from ._planes import colours_by_layer, measured

LANE, GAP, HEAD = 7, 12, 14
"""Pixels from layer to layer, more between two estimators, and for an estimator's name."""


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration: for each estimator a bar a layer, from the largest I(X;T) to the last."""
    results = measured(scene)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    chosen, missing = chosen_configurations(scene, trajectories)
    final = plane.final[plane.final["configuration"].isin([each.name for each in chosen])]
    if final.empty:
        return nothing_to_draw(missing)
    colours, cap = colours_by_layer(chosen), plane.cap
    table = estimator_rows(final, plane.titles, list(colours))
    height = int(table["y"].max()) + GAP
    most = max(cap, float(table["largest"].max()))
    panels, files, texts = [], {}, []
    for each in chosen:
        bars = table[table["configuration"] == each.name]
        file, text = f"estimators-{each.name}.vl.json", f"{each.title}: {_tops_text(bars)}"
        files[file] = json.dumps(_chart(each, bars, colours, cap, most, height)).encode()
        panels.append((panel_title(each, trajectories), file, f"I(X;T) of {text}."))
        texts.append(text)
    method = html(
        "Means over {}, whose spread the figure of compression has. The broken line at"
        " {:.3g} bits is log₂ of the number of samples, which no estimate by bins can exceed: layers on it say no more than"
        " that all samples differ. Data: {}.{}{}",
        runs_text(chosen, trajectories),
        cap,
        measured_text(trajectories),
        fewer_seeds_text(plane),
        absent_text(missing),
    )
    caption = (
        "A bar is a layer, the first at the top: from the largest I(X;T) of training down to the last (dot), so that its"
        " length is the compression."
    )
    body = colour_key(colours) + side_by_side(panels, height + 44)
    alt = f"Bars of I(X;T) from its largest to its last value, by estimator and layer; cap {cap:.3g} bits. {'; '.join(texts)}."
    drawn = table.drop(columns="head")
    return Drawing(
        caption, alt, drawn, body=body, files=files, width=width_of(panels), finding=_finding(table, chosen[0]),
        method=method,
    )  # fmt: skip


def _finding(table: pd.DataFrame, configuration: ConfigurationRecord) -> str:
    """Between which values the compression of one layer lies, by the estimator."""
    layer = configuration.hidden[-1]
    bars = table[(table["configuration"] == configuration.name) & (table["layer"] == layer)]
    which = f"{layer.capitalize()} of {quoted(configuration.title)} loses"
    if bars.empty:
        return f"No run of {quoted(configuration.title)} lived to the end."
    least, most = fixed_text(bars["compression"].min()), fixed_text(bars["compression"].max())
    return f"{which} {most} bits." if least == most else f"{which} {least} to {most} bits, depending on the estimator."


def estimator_rows(final: pd.DataFrame, titles: Mapping[str, str], names: Sequence[str]) -> pd.DataFrame:
    """One row a configuration, estimator and layer: means over runs of `compression`, `largest` and `last` I(X;T), the
    number of `seeds`, and `y` and `head`, the heights of the layer and of its estimator's name, in pixels.

    Args:
        final: table of that name in `information_plane`.
        titles: of the estimators, in order.
        names: of all layers, in order.
    """
    groups = final.groupby(["configuration", "estimator", "layer"], sort=False)
    table = groups.agg(compression=("compression", "mean"), last=("final_xt", "mean"), seeds=("seed", "nunique"))
    table = table.reset_index()
    table["largest"] = table["last"] + table["compression"]
    order = {token: rank for rank, token in enumerate(titles)}
    tall = GAP + HEAD + LANE * len(names)
    table["head"] = table["estimator"].map(order) * tall + HEAD
    depth = {name: rank for rank, name in enumerate(names)}
    table["y"] = table["head"] + LANE * (table["layer"].map(depth) + 1)
    table.insert(2, "title", table["estimator"].map(titles))
    return table.round({"compression": 4, "last": 4, "largest": 4})


def _chart(
    configuration: ConfigurationRecord,
    table: pd.DataFrame,
    colours: Mapping[str, str],
    cap: float,
    most: float,
    height: int,
) -> dict[str, Any]:
    import altair as alt

    scale = alt.Scale(domain=[0, most], nice=False)
    x = alt.X("last:Q", title="I(X;T), bits", scale=scale, axis=alt.Axis(tickCount=6))
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    colour = layer_colour(configuration, colours)
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(configuration.name)}")
    tips = [
        alt.Tooltip("title:N", title="estimator"), alt.Tooltip("layer:N"),
        *(alt.Tooltip(f"{name}:Q", title=f"{name}, bits", format=".3f") for name in ("largest", "last", "compression")),
        alt.Tooltip("seeds:Q", title="runs"),
    ]  # fmt: skip
    heads = [{"said": row.title, "head": int(row.head)} for row in table.drop_duplicates("estimator").itertuples()]
    text = alt.Chart(alt.InlineData(heads)).mark_text(align="left", x=2, dy=-3, fontSize=11.5)
    line = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[5, 4])
    return specification(
        alt.layer(
            line.encode(x=alt.XDatum(cap, scale=scale)),
            base.mark_rule(strokeWidth=2.6, opacity=0.65).encode(
                x=x, x2=alt.X2("largest:Q"), y=y, color=colour, tooltip=tips
            ),
            base.mark_point(filled=True, size=30, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
            text.encode(y=alt.Y("head:Q", scale=down, axis=None), text=alt.Text("said:N")),
        ),
        height,
    )


def _tops_text(bars: pd.DataFrame) -> str:
    """Which layer compresses most, by each estimator."""
    if bars.empty:
        return "no run lived"
    tops = bars.loc[bars.groupby("estimator", sort=False)["compression"].idxmax()]
    return ", ".join(f"by {row.title} most in {row.layer}, {row.compression:.2f} bits" for row in tops.itertuples())


FIGURES = (
    Figure("estimators", draw, "what the estimator makes of the same runs", of="site", options=("configurations",)),
)
