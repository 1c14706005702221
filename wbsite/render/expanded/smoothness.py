"""Are long-range expanded weights smoother than chance, and more balanced? Units against shuffled kernels."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import number_text, share_text
from wbsite.results.site import Gap

from .expanded_maps import absent

BACK = {"2": "two back", "3": "three back", "first": "first layer"}
"""How far back the source lies → its words in the legend."""

COLOURS = {"two back": SERIES[0], "three back": SERIES[3], "first layer": SERIES[6]}

ROW = 22
"""Pixels of a pair of layers; fewer where there are many."""


MEASURES = {"smoothness": "smoothness, Moran's I", "balance": "balance of the two signs"}


def table(scene: Scene, entry: Entry) -> pd.DataFrame:
    """One row a mark: a unit (`mark` "unit"), or a pair's null and medians ("pair"), for each measure."""
    assert scene.model is not None
    pairs, units = entry.table("rows"), entry.table("units")
    key = ["target", "source", "kind", "measure"]
    shown = ["median", "null_low", "null_median", "null_limit", "scattered_median", "share", "units"]
    merged = units.merge(pairs[[*key, "null_limit"]], on=key)
    merged["above"] = (merged["value"] > merged["null_limit"]).astype(int)
    merged["unit"] = [unit_number(scene.model, row.target, row.unit) for row in merged.itertuples()]
    one = merged[[*key, "unit", "value", "null", "above"]].assign(mark="unit")
    both = pd.concat([pairs[[*key, *shown]].assign(mark="pair"), one], ignore_index=True)
    both["pair"] = both["target"] + " ← " + both["source"]
    both["back"] = both["kind"].map(BACK)
    order = {kind: i for i, kind in enumerate(BACK)}
    both = both.sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable", ignore_index=True)
    return both.drop(columns="kind").round(4).astype(dict.fromkeys(("unit", "units", "above"), "Int64"))


def draw(scene: Scene) -> Drawing | Gap:
    """A line a pair of layers: grey the null, dots the units, hollow those within it."""
    import altair as alt

    assert scene.model is not None
    entry = scene.entry_or_gap("long_range")
    if isinstance(entry, Gap):
        return entry
    if not len(entry.table("rows")):
        return absent(entry)
    drawn = table(scene, entry)
    order = list(dict.fromkeys(drawn["pair"]))
    kinds = [words for words in COLOURS if words in set(drawn["back"])]
    axis = alt.Axis(title=None, labelLimit=230, grid=False, labelOverlap=False)
    y = alt.Y("pair:N", sort=order, axis=axis)
    least = float(drawn[["value", "null_low", "scattered_median"]].min().min())
    scale = alt.Scale(domain=[min(0.0, least), 1], nice=False, padding=6)
    bind = alt.binding_radio(options=list(MEASURES), labels=list(MEASURES.values()), name="Measured is ")
    measure = alt.param(name="measure", value="smoothness", bind=bind)
    base = alt.Chart(data()).transform_filter("datum.measure == measure")
    pairs, units = base.transform_filter("datum.mark == 'pair'"), base.transform_filter("datum.mark == 'unit'")
    told = [
        "pair:N",
        *[alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in QUANTITIES.items()],
        alt.Tooltip("share:Q", title="units above the null", format=".0%"),
    ]
    x_title = "smoothness, or balance"
    null = pairs.mark_bar(color=NEUTRAL, opacity=0.4, height=alt.RelativeBandSize(0.55)).encode(
        x=alt.X("null_low:Q", title=x_title, scale=scale), x2="null_limit:Q", y=y, tooltip=told
    )
    middle = pairs.mark_tick(color=NEUTRAL, thickness=2.5, bandSize=13).encode(x="null_median:Q", y=y, tooltip=told)
    loose = pairs.mark_point(color=NEUTRAL, shape="cross", size=45, strokeWidth=1.5, opacity=1).encode(
        x="scattered_median:Q", y=y, tooltip=told
    )
    legend = alt.Legend(title=None, orient="top", symbolType="circle")
    colour = alt.Color("back:N", scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]), legend=legend)
    chosen = alt.selection_point(name="chosen", fields=["back"], bind="legend")
    dots = (
        units.mark_point(size=34, strokeWidth=1.3)
        .encode(
            x="value:Q",
            y=y,
            color=colour,
            fill=alt.condition("datum.above == 1", colour, alt.value("transparent")),
            opacity=alt.condition(chosen, alt.value(0.9), alt.value(0.15)),
            tooltip=[
                "pair:N", "unit:Q", alt.Tooltip("value:Q", format=".3f"),
                alt.Tooltip("null:Q", title="its mean, kernels shuffled", format=".3f"),
            ],
        )
        .add_params(chosen)
    )  # fmt: skip
    height = max(12, ROW - len(order) // 8) * len(order) + 30
    chart = specification(alt.layer(null, loose, middle, dots).add_params(measure), height)
    return Drawing(_caption(scene, entry), _alt(scene, entry), drawn, chart, width="wide", height=height)


QUANTITIES = {
    "median": "median unit", "null_low": "null, 5th percentile", "null_median": "null, median",
    "null_limit": "null, 95th percentile", "scattered_median": "all weights shuffled, median",
}  # fmt: skip


def _found(one: Mapping[str, Any]) -> str:
    """The summary of one measure and distance in words."""
    within = ""
    if one["share_low"] is not None and one["share_low"] < one["share_high"]:
        within = f"; {100 * one['share_low']:.0f} to {100 * one['share_high']:.0f}&nbsp;% with 95&nbsp;% confidence"
    return (
        f"{100 * one['share']:.0f}&nbsp;% of units (median {share_text(one['median'])}, of the null"
        f" {share_text(one['null_median'])}; {one['pairs']} pair{'s' if one['pairs'] > 1 else ''}{within})"
    )


def _told(entry: Entry, measure: str) -> str:
    """The summary of one measure, distance by distance."""
    return "; ".join(f"{BACK[kind]}, {_found(one)}" for kind, one in entry.values["summary"][measure].items())


def _caption(scene: Scene, entry: Entry) -> str:
    assert scene.model is not None
    v = entry.values
    left = len(v["skipped"])
    text = (
        f"Smoothness of expanded weights of {escape(scene.model.title)}, layer by layer in order of depth. A dot is a unit (up to"
        f" {v['units']} a layer, drawn at random): Moran's I over its source channels, each counted by how much its map varies;"
        " filled where it passes the 95th percentile of the null, as 5&nbsp;% would by chance. The grey bar is the null, from its"
        " 5th to its 95th percentile with the median: the positions in every kernel on the path shuffled, kernel by kernel,"
        f" {v['draws']} times, for the same units. The cross is what is left when all weights of each convolution are shuffled"
        f" ({v['scattered']} times): the smoothness that windows and pools alone give. Seed {v['seed']}."
        f" Smoother than the null: {_told(entry, 'smoothness')}. The other measure is the balance of excitation and inhibition"
        " within a map: 0 for a blob of one sign, 1 for lobes that add up to nothing. More balanced than the null:"
        f" {_told(entry, 'balance')}. Intervals are over pairs of layers."
    )
    return text + (f" Left out: {number_text(left)} pairs, {_reasons(v['skipped'])}." if left else "")


def _reasons(skipped: list[Mapping[str, str]]) -> str:
    """Why pairs were left out, each reason once with its count, the most frequent first."""
    said = ["no linear form" if "linear form" in one["reason"] else "maps too large" if "larger" in one["reason"]
            else "maps too small" if "too small" in one["reason"] else "weights missing or zero" for one in skipped]  # fmt: skip
    counts = sorted(((said.count(reason), reason) for reason in set(said)), reverse=True)
    return ", ".join(f"{count} with {reason}" for count, reason in counts)


def _alt(scene: Scene, entry: Entry) -> str:
    assert scene.model is not None
    told = [f"{words}: {_told(entry, measure)}".replace("&nbsp;", " ") for measure, words in MEASURES.items()]
    return f"Dot plot of units of {scene.model.title} above the 95th percentile of shuffled kernels. {'. '.join(told)}."


FIGURES = (Figure("smoothness", draw, "the smoothness of long-range expanded weights", of="model"),)
