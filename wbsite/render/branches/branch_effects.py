"""Indices by branch: how far the units of each branch differ from the others of their layer, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import fixed_text, number_text
from wbsite.results.branches import _examples
from wbsite.results.site import Gap

from ._branch_data import branch_colour, short
from ._enrichment_data import Enriched, marked, p_text

if TYPE_CHECKING:
    import altair as alt

LANE, GAP = 13, 16
"""Pixels from one branch to the next, and more between two indices."""

MOST_LANES = 8

SHAPES = ["circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "triangle-right", "stroke"]

KEPT = [
    "auc", "low", "high", "p", "q", "median_in", "median_out", "units_in", "units_out", "same_kernel_auc",
    "same_kernel_p", "same_kernel", "untrained_auc", "untrained_sd", "untrained_p",
]  # fmt: skip


def draw(scene: Scene) -> Drawing | Gap:
    """A lane an index and place where two branches meet, or, where none do or one is named, an index and branch.

    Options: group, the place where branches meet; kind.
    """
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    effects = enriched.effects.dropna(subset=["auc"])
    if effects.empty:
        return Gap("none of its branches could be compared in an index", failed=False)
    two = effects.groupby("group")["branch"].transform("nunique") == 2
    pairs = effects[two & (effects["source"] == "stimuli") & (effects["kind"] != "residual")]
    if scene.options.get("group") or pairs["group"].nunique() < 2:
        effects = effects[effects["group"] == effects["group"].iloc[0]]
        place = str(effects["group"].iloc[0])
        effects = effects.assign(lane=[short(branch, place) for branch in effects["branch"]])
    else:  # the second of two branches mirrors the first
        effects = pairs[pairs["branch"] == pairs.groupby("group")["branch"].transform("first")]
        effects, place = effects.assign(lane=effects["group"]), ""
    table = _lanes(enriched, effects)
    height = int(table["y"].max()) + GAP
    small = table[table["q"].map(marked)].sort_values("q")
    strongest = [f"{row.title}, {row.lane}: {fixed_text(row.auc)}" for row in small.head(6).itertuples()]
    alt = (
        f"Area under the ROC curve of {table['title'].nunique()} indices, {table['lane'].nunique()}"
        f" {'branches of ' + place if place else 'pairs of branches'} of {enriched.model.title}; {len(small)} have q ≤"
        f" 0.05{': ' if strongest else ''}{'; '.join(strongest)}."
    )
    return Drawing(
        _caption(place, table),
        alt,
        table,
        specification(_chart(table, height), height),
        width="wide",
        height=height,
        finding=_finding(enriched, place, table, len(small)),
        method=_method(enriched, table),
    )


def _lanes(enriched: Enriched, effects: pd.DataFrame) -> pd.DataFrame:
    """One row a mark; `y` is where it is drawn and `label` where the index's title is, in pixels from the top."""
    kept = effects.groupby("lane", sort=False)["p"].min().nsmallest(MOST_LANES).index
    table = effects[effects["lane"].isin(kept)].copy()
    titles = [enriched.index(str(index), source) for index, source in zip(table["index"], table["source"], strict=True)]
    weights = table["source"] == "weights"
    table["title"] = [f"{title} (weights)" if by else title for title, by in zip(titles, weights, strict=True)]
    order = {lane: i for i, lane in enumerate(dict.fromkeys(table["lane"]))}
    rows = {title: i for i, title in enumerate(dict.fromkeys(table["title"]))}
    tall = GAP + 14 + LANE * len(order)
    table["label"] = table["title"].map(rows) * tall + 14
    table["y"] = table["label"] + 12 + table["lane"].map(order) * LANE
    spread = 2 * table["untrained_sd"]
    table["untrained_low"], table["untrained_high"] = table["untrained_auc"] - spread, table["untrained_auc"] + spread
    columns = ["group", "source", "index", "title", "branch", "lane", *KEPT, "untrained_low", "untrained_high"]
    rounded = ("auc", "low", "high", "median_in", "median_out", "untrained_low", "untrained_high")
    return table[[*columns, "label", "y"]].round(dict.fromkeys(rounded, 4)).reset_index(drop=True)


def _chart(table: pd.DataFrame, height: int) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    ends = table[["untrained_low", "untrained_high"]]
    across = alt.Scale(domain=[min(0, ends["untrained_low"].min()), max(1, ends["untrained_high"].max())], nice=False)
    x = alt.X("auc:Q", title="AUC (0.5: no difference)", scale=across, axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1]))
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    names = list(dict.fromkeys(table["lane"]))
    legend = alt.Legend(title=None, orient="top", symbolSize=80, symbolOpacity=1, columns=4)
    colours = alt.Scale(domain=names, range=[branch_colour(i) for i in range(len(names))])
    colour = alt.Color("lane:N", scale=colours, legend=legend)
    shape = alt.Shape("lane:N", scale=alt.Scale(domain=names, range=SHAPES[: len(names)]), legend=legend)
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


def _finding(enriched: Enriched, place: str, table: pd.DataFrame, small: int) -> Markup:
    title = enriched.model.title
    where = html("branches of {} in {}", place, title) if place else f"two branches of each layer of {title}"
    if not small:
        return html("Nothing measured here tells the {} apart.", where)
    return html("The {} differ in {} of {} comparisons.", where, number_text(small), number_text(len(table)))


def _caption(place: str, table: pd.DataFrame) -> Markup:
    of = "a unit of the branch has more of a property than one outside" if place else "the first branch has more"
    grey = " Grey: untrained copies." if table["untrained_low"].notna().any() else ""
    return html("AUC is the chance that {}, with its 95&nbsp;% interval; filled where certain (q ≤ 0.05).{}", of, grey)


def _method(enriched: Enriched, table: pd.DataFrame) -> Markup:
    best = table.sort_values("p").iloc[0]
    copies = (
        " Grey bars: mean of untrained copies, two standard deviations either way."
        if table["untrained_low"].notna().any()
        else ""
    )
    alone = table.loc[table["same_kernel"].str.startswith("no other"), "group"].nunique()
    kernels = (
        f" Kernel size is a confounder in {alone} of {table['group'].nunique()} places, where it goes with the branch."
        if alone
        else " Branches that are compared have kernels of one size, so that it explains nothing here."
    )
    return html(
        "AUC: the area under the ROC curve, the chance that a unit drawn from a branch has a larger index than one drawn from"
        " the other branches of its layer, ties half; interval over units, the wider of DeLong's and Newcombe's. Two-sided"
        " Mann–Whitney test; q of Benjamini and Hochberg over all"
        " {} tests of indices of the network, shown here or not. The smallest p is"
        " that of “{}” in {}: AUC {}, p {},"
        " among equal kernels {}, against untrained copies {}."
        "{}{} Dead units and units without the index are left out.{}",
        number_text(enriched.result.tests.effects),
        best["title"],
        best["lane"],
        fixed_text(best["auc"]),
        p_text(best["p"]),
        p_text(best["same_kernel_p"]),
        p_text(best["untrained_p"]),
        copies,
        kernels,
        enriched.copies_text,
    )


FIGURES = (
    Figure(
        "branch-effects", draw, "how far branches differ", of="model", options=("group", "kind"), example=_examples.towers
    ),
)  # fmt: skip
