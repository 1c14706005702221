"""What the factors of the first two convolutions' connections go with, in every network: ρ with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import listing, number_text, tally
from wbsite.results.branches.connectivity import Connectivity
from wbsite.results.site import Gap, Site

from ._first_layer import PROPERTIES, fit, rho_text

ROW, HEADING, TOP = 36, 34, 8
"""Pixels of a network's row, of a property's heading above its first row, and above all."""

BESIDE = {1: 2, 2: 11}
"""Pixels from the middle of a row to the marks of its factors."""

NARROW, LABELS = 640, 230
"""Below this width names stand above their marks; else to the left of them, in this many pixels."""

CERTAIN = 0.05
"""Below this p a factor is more than chance, as in the claim."""

COLOURS = [INDEX, SERIES[1]]


def correlation_rows(site: Site) -> tuple[pd.DataFrame, list[Markup], int]:
    """One row a network, factor and property, placed in pixels from the top: `row`, `y`, and `head` of its property.

    Also: why networks are left out, as HTML; and the largest number of resamples.
    """
    parts, absent, draws = [], [], 0
    for model in site.working:
        result = fit(model)
        if isinstance(result, Gap):
            absent.append(html("{} ({})", model.title, result.reason))
            continue
        rows = result.rows.dropna(subset=["rho"])
        if rows.empty:
            absent.append(html("{} (too few units)", model.title))
            continue
        draws = max(draws, result.draws)
        parts.append(rows.assign(model=model.title))
    if not parts:
        return pd.DataFrame(), absent, draws
    table = pd.concat(parts, ignore_index=True)
    titles = list(dict.fromkeys(table["model"]))
    properties = [name for name in PROPERTIES if name in set(table["property"])]
    group = table["property"].map(properties.index)
    tall = HEADING + ROW * len(titles)
    table["heading"] = table["property"].map(PROPERTIES)
    table["head"] = TOP + group * tall
    table["row"] = table["head"] + HEADING + table["model"].map(titles.index) * ROW + ROW // 2
    table["y"] = table["row"] + table["factor"].map(BESIDE)
    table = table.sort_values(["row", "factor"], ignore_index=True)
    columns = ["heading", "model", "factor", "rho", "low", "high", "p", "q", "units", "row", "y", "head"]
    return table[columns].round({"rho": 4, "low": 4, "high": 4}), absent, draws


def draw(scene: Scene) -> Drawing | Gap:
    """A heading a property, a row a network, a mark a factor."""
    table, absent, draws = correlation_rows(scene.site)
    if table.empty:
        return Gap(f"no network's first two convolutions are fit: {listing(absent)}", failed=False)
    height = int(table["row"].max()) + ROW // 2
    first = table[(table["factor"] == 1) & (table["heading"] == PROPERTIES["chroma"])]
    correlations = "; ".join(f"{row['model']} {rho_text(row)}" for row in first.to_dict("records"))
    method = (
        "Factors are of correspondence analysis of the sums of absolute weights between the first convolution and what reads it;"
        f" ρ is Spearman's over its units that are not dead, with 95 % bootstrap intervals over units (up to {number_text(draws)}"
        " resamples), the factors taken as given. The sign of a factor is arbitrary: each is turned so that it goes up with"
        " chroma. Where a property is taken out, ρ is the partial one. Each network is one training. p by permutation, and q over"
        " a network's ten tests, are in the table. Whether a factor is more than chance at all is tested apart from this."
    )
    if absent:
        method += f" Left out: {listing(absent)}."
    alt = (
        f"Dot chart of correlations for {table['model'].nunique()} networks. First factor with chroma: {correlations}."
    )
    return Drawing(
        "Correlation ρ of the two leading factors of who reads whom with what filters are tuned to; bars are 95 % intervals over"
        " filters.",
        alt,
        table,
        specification(_chart(table, height), height),
        width="wide",
        height=height,
        finding=_finding(scene.site, first),
        method=method,
    )


def _finding(site: Site, first: pd.DataFrame) -> str:
    """Where the first factor is more than chance, and where it goes with colour as well, of the networks shown."""
    results = {model.title: fit(model) for model in site.working}
    beyond = [_beyond_chance(results[title]) for title in first["model"]]
    structured = first[np.array(beyond, bool)]  # of an empty list pandas would take no columns
    sure = int((structured["low"] > 0).sum())
    if structured.empty:
        return "In no network is the first factor more than chance."
    where = tally(len(structured), len(first)) + " networks" if len(first) > 1 else "the one network"
    colour = (
        "in all of these"
        if sure == len(structured) > 1
        else "there"
        if sure == len(structured)
        else f"in {sure or 'none'} of these"
    )
    return f"The first factor is more than chance in {where}, and goes with colour {colour}."


def _beyond_chance(result: Connectivity | Gap) -> bool:
    return not isinstance(result, Gap) and float(result.factors["p"].iloc[0]) < CERTAIN


def _chart(table: pd.DataFrame, height: int) -> Any:
    import altair as alt

    narrow = f"width < {NARROW}"
    ends = alt.Scale(
        domain=[-1, 1], nice=False, range=[alt.ExprRef(f"{narrow} ? 10 : {LABELS}"), alt.ExprRef("width - 10")]
    )
    axis: dict[str, Any] = {"values": [-1, -0.5, 0, 0.5, 1], "format": ".1f"}
    bottom = alt.X("rho:Q", title="Spearman's ρ", scale=ends, axis=alt.Axis(orient="bottom", **axis))
    top = alt.X("rho:Q", title=None, scale=ends, axis=alt.Axis(orient="top", grid=False, domain=False, **axis))
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=down, axis=None)

    base = alt.Chart(data())
    kinds = ["1", "2"]  # a nominal field of a CSV file is text
    legend = alt.Legend(title=None, orient="top", labelExpr="'factor ' + datum.label", symbolSize=90, symbolOpacity=1)
    colour = alt.Color("factor:N", scale=alt.Scale(domain=kinds, range=COLOURS), legend=legend)
    shape = alt.Shape("factor:N", scale=alt.Scale(domain=kinds, range=["circle", "diamond"]), legend=legend)
    x = alt.X("rho:Q", scale=ends, axis=None)
    numbers = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("rho", "low", "high", "p", "q")]
    tooltip = [
        alt.Tooltip("model:N"),
        alt.Tooltip("factor:N"),
        alt.Tooltip("heading:N", title="with"),
        *numbers,
        alt.Tooltip("units:Q"),
    ]
    frame = [base.mark_point(opacity=0).encode(x=side, y=y("y")) for side in (bottom, top)]
    zero = base.mark_rule(color=NEUTRAL, strokeWidth=1.2).encode(x=alt.X(datum=0, scale=ends, axis=None))
    titles = base.transform_aggregate(groupby=["model", "row"]).mark_text(
        align="left", fontSize=12, x=0, dy=alt.ExprRef(f"{narrow} ? -10 : 10")
    ).encode(y=y("row"), text=alt.Text("model:N"))  # fmt: skip
    heads = base.transform_aggregate(groupby=["heading", "head"])
    headings = heads.mark_text(align="left", fontSize=12.5, fontWeight="bold", x=0, dy=16).encode(
        y=y("head"), text=alt.Text("heading:N")
    )
    lines = heads.mark_rule(color=NEUTRAL, opacity=0.45, x=0, x2="width").encode(y=y("head"))
    whiskers = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=ends, axis=None), x2=alt.X2("high:Q"), y=y("y"), color=colour
    )
    marks = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, y=y("y"), color=colour, shape=shape, tooltip=tooltip
    )
    return alt.layer(*frame, zero, lines, headings, titles, whiskers, marks).resolve_axis(x="independent")


FIGURES = (Figure("factor-correlations", draw, "what the factors of the connections go with", of="site"),)
