"""Are long-range expanded weights smoother than chance? Units' smoothness against that of shuffled kernels."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from ...store import Entry
from ..charts import NEUTRAL, SERIES, data, specification
from ..figure import Drawing, Figure, Scene, number_text, share_text
from ..kernels import unit_number
from ..site import Gap
from .orbitals import absent

BACK = {"2": "two back", "3": "three back", "first": "first layer"}
"""How far back the source lies → its words in the legend."""

COLOURS = {"two back": SERIES[0], "three back": SERIES[3], "first layer": SERIES[6]}

ROW = 22
"""Pixels of a pair of layers; fewer where there are many."""


def table(scene: Scene, entry: Entry) -> pd.DataFrame:
    """One row a mark: a unit (`mark` "unit"), or a pair's null and medians ("pair")."""
    assert scene.model is not None
    pairs, units = entry.table("rows"), entry.table("units")
    pairs = pairs[
        [
            "target",
            "source",
            "kind",
            "median",
            "null_low",
            "null_median",
            "null_limit",
            "scattered_median",
            "share",
            "units",
        ]
    ]
    merged = units.merge(pairs[["target", "kind", "null_limit"]], on=["target", "kind"])
    merged["smoother"] = (merged["smoothness"] > merged["null_limit"]).astype(int)
    merged["unit"] = [unit_number(scene.model, row.target, row.unit) for row in merged.itertuples()]
    one = merged[["target", "source", "kind", "unit", "smoothness", "null", "smoother"]].assign(mark="unit")
    both = pd.concat([pairs.assign(mark="pair"), one], ignore_index=True)
    both["pair"] = both["target"] + " ← " + both["source"]
    both["back"] = both["kind"].map(BACK)
    order = {kind: i for i, kind in enumerate(BACK)}
    both = both.sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable", ignore_index=True)
    return both.drop(columns="kind").round(4).astype(dict.fromkeys(("unit", "units", "smoother"), "Int64"))


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
    least = float(drawn[["smoothness", "null_low", "scattered_median"]].min().min())
    scale = alt.Scale(domain=[min(0.0, least), 1], nice=False, padding=6)
    base = alt.Chart(data())
    pairs, units = base.transform_filter("datum.mark == 'pair'"), base.transform_filter("datum.mark == 'unit'")
    told = [
        "pair:N",
        *[alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in QUANTITIES.items()],
        alt.Tooltip("share:Q", title="units smoother than the null", format=".0%"),
    ]
    x_title = "smoothness of expanded weights, Moran's I"
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
            x="smoothness:Q",
            y=y,
            color=colour,
            fill=alt.condition("datum.smoother == 1", colour, alt.value("transparent")),
            opacity=alt.condition(chosen, alt.value(0.9), alt.value(0.15)),
            tooltip=[
                "pair:N", "unit:Q", alt.Tooltip("smoothness:Q", format=".3f"),
                alt.Tooltip("null:Q", title="its mean, kernels shuffled", format=".3f"),
            ],
        )
        .add_params(chosen)
    )  # fmt: skip
    height = max(12, ROW - len(order) // 8) * len(order) + 30
    chart = specification(alt.layer(null, loose, middle, dots), height)
    return Drawing(_caption(scene, entry), _alt(scene, entry), drawn, chart, width="wide", height=height)


QUANTITIES = {
    "median": "median unit", "null_low": "null, 5th percentile", "null_median": "null, median",
    "null_limit": "null, 95th percentile", "scattered_median": "all weights shuffled, median",
}  # fmt: skip


def _found(one: Mapping[str, Any]) -> str:
    """The summary of one distance in words."""
    within = (
        f", 95&nbsp;% interval over pairs {100 * one['share_low']:.0f} to {100 * one['share_high']:.0f}&nbsp;%"
        if one["share_low"] is not None
        else ""
    )
    return (
        f"{100 * one['share']:.0f}&nbsp;% of units are smoother than the null's 95th percentile"
        f" ({one['pairs']} pair{'s' if one['pairs'] > 1 else ''}, {one['units']} units{within}); median"
        f" {share_text(one['median'])}, of the null {share_text(one['null_median'])}"
    )


def _caption(scene: Scene, entry: Entry) -> str:
    assert scene.model is not None
    v = entry.values
    told = "; ".join(f"{BACK[kind]}, {_found(one)}" for kind, one in v["summary"].items())
    left = len(v["skipped"])
    text = (
        f"Smoothness of expanded weights of {escape(scene.model.title)}, layer by layer in order of depth. A dot is a unit (up to"
        f" {v['units']} a layer, drawn at random): Moran's I over its source channels, each counted by how much its map varies;"
        " filled where it passes the 95th percentile of the null. The grey bar is the null, from its 5th to its 95th percentile"
        f" with the median: the positions in every kernel on the path shuffled, kernel by kernel, {v['draws']} times, over the same"
        " units. The cross is what is left when all weights of each convolution are shuffled"
        f" ({v['scattered']} times): the smoothness that windows and pools alone give. Seed {v['seed']}. By chance 5&nbsp;% would pass."
        f" Found: {told}."
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
    told = [f"{BACK[kind]}, {_found(one)}".replace("&nbsp;", " ") for kind, one in entry.values["summary"].items()]
    return f"Dot plot of the smoothness of expanded weights of {scene.model.title} against shuffled kernels: {'; '.join(told)}."


FIGURES = (Figure("smoothness", draw, "the smoothness of long-range expanded weights", of="model"),)
