"""Indices by branch: how far the units of each branch part from the others of their layer, with intervals."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import fixed_text, number_text
from wbsite.results.site import Gap

from ._branch_data import branch_colour, short
from ._enrichment_data import Enriched, marked, p_text

if TYPE_CHECKING:
    import altair as alt

LANE, GAP = 13, 16
"""Pixels from one branch to the next, and more between two indices."""

MOST_BRANCHES = 8

SHAPES = ["circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "triangle-right", "stroke"]

KEPT = [
    "auc", "low", "high", "p", "q", "median_in", "median_out", "units_in", "units_out", "same_kernel_auc",
    "same_kernel_p", "same_kernel", "untrained_auc", "untrained_sd", "untrained_p",
]  # fmt: skip


def draw(scene: Scene) -> Drawing | Gap:
    """A lane an index and branch. Options: group, the place where branches meet (the first tested if left out); kind."""
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    effects = enriched.effects.dropna(subset=["auc"])
    if effects.empty:
        return Gap("none of its branches could be compared in an index", failed=False)
    group = str(effects["group"].iloc[0])
    table = _lanes(enriched, effects[effects["group"] == group])
    height = int(table["y"].max()) + GAP
    small = table[table["q"].map(marked)].sort_values("q")
    strongest = [f"{row.title}, {row.branch}: {fixed_text(row.auc)}" for row in small.head(6).itertuples()]
    alt = (
        f"Area under the ROC curve of {table['title'].nunique()} indices for {table['branch'].nunique()} branches of {group} of"
        f" {enriched.model.title}; {len(small)} have q ≤ 0.05{': ' if strongest else ''}{'; '.join(strongest)}."
    )
    chart = specification(_chart(table, height), height)
    return Drawing(_caption(enriched, group, table, len(small)), alt, table, chart, width="wide", height=height)


def _lanes(enriched: Enriched, effects: pd.DataFrame) -> pd.DataFrame:
    """One row a mark; `y` is where it is drawn and `label` where the index's title is, in pixels from the top."""
    group = str(effects["group"].iloc[0])
    kept = effects.groupby("branch", sort=False)["p"].min().nsmallest(MOST_BRANCHES).index
    effects = effects[effects["branch"].isin(kept)]
    titles = [
        enriched.index(row.index_name, row.source)
        for row in effects.rename(columns={"index": "index_name"}).itertuples()
    ]
    weights = effects["source"] == "weights"
    table = effects.assign(
        title=[f"{title} (weights)" if by else title for title, by in zip(titles, weights, strict=True)]
    )
    order = {branch: i for i, branch in enumerate(dict.fromkeys(table["branch"]))}
    rows = {title: i for i, title in enumerate(dict.fromkeys(table["title"]))}
    tall = GAP + 14 + LANE * len(order)
    table["label"] = table["title"].map(rows) * tall + 14
    table["y"] = table["label"] + 12 + table["branch"].map(order) * LANE
    table["name"] = [short(branch, group) for branch in table["branch"]]
    spread = 2 * table["untrained_sd"]
    table["untrained_low"] = (table["untrained_auc"] - spread).clip(0, 1)
    table["untrained_high"] = (table["untrained_auc"] + spread).clip(0, 1)
    columns = [
        "group",
        "source",
        "index",
        "title",
        "branch",
        "name",
        *KEPT,
        "untrained_low",
        "untrained_high",
        "label",
        "y",
    ]
    return (
        table[columns].round(dict.fromkeys(("auc", "low", "high", "median_in", "median_out"), 4)).reset_index(drop=True)
    )


def _chart(table: pd.DataFrame, height: int) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    across = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("auc:Q", title="AUC: 0.5, branches do not part", scale=across, axis=alt.Axis(tickCount=5))
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    names = list(dict.fromkeys(table["name"]))
    legend = alt.Legend(title=None, orient="top", symbolSize=80, symbolOpacity=1, columns=4)
    colours = alt.Scale(domain=names, range=[branch_colour(i) for i in range(len(names))])
    colour = alt.Color("name:N", scale=colours, legend=legend)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=names, range=SHAPES[: len(names)]), legend=legend)
    tips = [
        alt.Tooltip("title:N", title="index"), alt.Tooltip("branch:N"),
        *(alt.Tooltip(f"{name}:Q", format=".3g") for name in KEPT if name != "same_kernel"),
        alt.Tooltip("same_kernel:N"),
    ]  # fmt: skip
    base = alt.Chart(data())
    copies = base.transform_filter("isValid(toNumber(datum.untrained_low))").mark_rule(
        strokeWidth=9, opacity=0.28, color=NEUTRAL
    ).encode(x=alt.X("untrained_low:Q", scale=across), x2=alt.X2("untrained_high:Q"), y=y)  # fmt: skip
    whiskers = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=across), x2=alt.X2("high:Q"), y=y, color=colour
    )
    points = base.mark_point(size=60, opacity=1, strokeWidth=2).encode(
        x=x, y=y, color=colour, shape=shape, tooltip=tips,
        fill=alt.condition("datum.q <= 0.05 && isValid(toNumber(datum.q))", colour, alt.value("transparent")),
    )  # fmt: skip
    titles = base.transform_aggregate(groupby=["title", "label"]).mark_text(align="left", x=4, fontSize=12).encode(
        y=alt.Y("label:Q", scale=down, axis=None), text=alt.Text("title:N")
    )  # fmt: skip
    even = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL).encode(x=alt.XDatum(0.5))
    return alt.layer(even, copies, whiskers, points, titles)


def _caption(enriched: Enriched, group: str, table: pd.DataFrame, small: int) -> str:
    best = table.sort_values("p").iloc[0]
    grey = (
        " Grey: mean of untrained copies, two standard deviations either way."
        if table["untrained_low"].notna().any()
        else ""
    )
    return (
        f"How far each branch of <code>{escape(group)}</code> of {escape(enriched.model.title)} parts from the other branches: the"
        " chance that a unit of the branch has a larger index than one outside (area under the ROC curve, ties half), with its"
        " 95&nbsp;% interval over units, the wider of DeLong's and Newcombe's. Filled: q ≤ 0.05, two-sided Mann–Whitney test,"
        f" Benjamini–Hochberg over all {number_text(enriched.result.tests.effects)} tests of the network; {small} here. The"
        f" smallest p is that of “{escape(best['title'])}” in {escape(best['branch'])}: AUC {fixed_text(best['auc'])}, p"
        f" {p_text(best['p'])}, among equal kernels {p_text(best['same_kernel_p'])}, against untrained copies"
        f" {p_text(best['untrained_p'])}.{grey}{enriched.copies_text}"
    )


FIGURES = (Figure("branch-effects", draw, "how far branches part", of="model", options=("group", "kind")),)
