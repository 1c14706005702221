"""Are long-range expanded weights smoother than chance, and more balanced? Units against shuffled kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import counted, percent_text, share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.long_range import LongRange, RangeSummary, SkippedPair
from wbsite.results.site import Gap, Model

from .expanded_maps import absent

BACK = {"2": "two back", "3": "three back", "first": "first layer"}
"""How far back the source lies → its words in the legend."""

FROM = {"2": "two convolutions back", "3": "three back", "first": "from the first layer"}
"""The same → its words in the finding."""

COLOURS = {"two back": SERIES[0], "three back": SERIES[3], "first layer": SERIES[6]}

REASONS = {"linear form": "no linear form", "larger": "maps too large", "too small": "maps too small"}
"""Part of the reason why a pair is left out → its words in the caption."""

ROW = 22
"""Pixels of a pair of layers; fewer where there are many."""

MEASURES = {"smoothness": "smoothness, Moran's I", "balance": "balance of the two signs"}


def mark_rows(model: Model, long_range: LongRange) -> pd.DataFrame:
    """One row a mark: a unit (`mark` "unit"), or a pair's null and medians ("pair"), for each measure."""
    pairs, units = long_range.rows, long_range.per_unit
    key = ["target", "source", "kind", "measure"]
    numbers = ["median", "null_low", "null_median", "null_limit", "scattered_median", "share", "units"]
    merged = units.merge(pairs[[*key, "null_limit"]], on=key)
    merged["above"] = (merged["value"] > merged["null_limit"]).astype(int)
    merged["unit"] = [unit_number(model, row.target, row.unit) for row in merged.itertuples()]
    unit_marks = merged[[*key, "unit", "value", "null", "above"]].assign(mark="unit")
    marks = pd.concat([pairs[[*key, *numbers]].assign(mark="pair"), unit_marks], ignore_index=True)
    marks["pair"] = marks["target"] + " ← " + marks["source"]
    marks["back"] = marks["kind"].map(BACK)
    order = {kind: i for i, kind in enumerate(BACK)}
    marks = marks.sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable", ignore_index=True)
    return marks.drop(columns="kind").round(4).astype(dict.fromkeys(("unit", "units", "above"), "Int64"))


def draw(scene: Scene) -> Drawing | Gap:
    """A line a pair of layers: grey the null, dots the units, hollow those within it."""
    import altair as alt

    assert scene.model is not None
    long_range = scene.result_or_gap(LongRange)
    if isinstance(long_range, Gap):
        return long_range
    if long_range.rows.empty:
        return absent(long_range)
    drawn = mark_rows(scene.model, long_range)
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
    tips = [
        alt.Tooltip("pair:N"),
        *[alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in QUANTITIES.items()],
        alt.Tooltip("share:Q", title="units above the null", format=".0%"),
    ]
    x_title = "smoothness, or balance"
    null = pairs.mark_bar(color=NEUTRAL, opacity=0.4, height=alt.RelativeBandSize(0.55)).encode(
        x=alt.X("null_low:Q", title=x_title, scale=scale), x2=alt.X2("null_limit:Q"), y=y, tooltip=tips
    )
    middle = pairs.mark_tick(color=NEUTRAL, thickness=2.5, bandSize=13).encode(
        x=alt.X("null_median:Q"), y=y, tooltip=tips
    )
    loose = pairs.mark_point(color=NEUTRAL, shape="cross", size=45, strokeWidth=1.5, opacity=1).encode(
        x=alt.X("scattered_median:Q"), y=y, tooltip=tips
    )
    legend = alt.Legend(title=None, orient="top", symbolType="circle")
    colour = alt.Color("back:N", scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]), legend=legend)
    chosen = alt.selection_point(name="chosen", fields=["back"], bind="legend")
    dots = (
        units.mark_point(size=34, strokeWidth=1.3)
        .encode(
            x=alt.X("value:Q"),
            y=y,
            color=colour,
            fill=alt.condition("datum.above == 1", colour, alt.value("transparent")),
            opacity=alt.condition(chosen, alt.value(0.9), alt.value(0.15)),
            tooltip=[
                alt.Tooltip("pair:N"), alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", format=".3f"),
                alt.Tooltip("null:Q", title="its mean, kernels shuffled", format=".3f"),
            ],
        )
        .add_params(chosen)
    )  # fmt: skip
    height = max(12, ROW - len(order) // 8) * len(order) + 30
    chart = specification(alt.layer(null, loose, middle, dots).add_params(measure), height)
    title = scene.model.title
    return Drawing(
        _caption(title),
        _alt(title, long_range),
        drawn,
        chart,
        width="wide",
        height=height,
        finding=_finding(long_range),
        method=_method(long_range),
    )


QUANTITIES = {
    "median": "median unit", "null_low": "null, 5th percentile", "null_median": "null, median",
    "null_limit": "null, 95th percentile", "scattered_median": "all weights shuffled, median",
}  # fmt: skip


def _summary_text(summary: RangeSummary) -> Markup:
    """One measure at one distance in words."""
    interval = ""
    if summary.share_low is not None and summary.share_high is not None and summary.share_low < summary.share_high:
        low, high = 100 * summary.share_low, 100 * summary.share_high
        interval = html("; {:.0f} to {:.0f}&nbsp;% with 95&nbsp;% confidence", low, high)
    return html(
        "{:.0f}&nbsp;% of units (median {}, of the null {}; {}{})",
        100 * summary.share,
        share_text(summary.median),
        share_text(summary.null_median),
        counted(summary.pairs, "pair"),
        interval,
    )


def _distances_text(summaries: Mapping[str, RangeSummary]) -> Markup:
    """One measure, distance by distance."""
    return joined((html("{}, {}", BACK[kind], _summary_text(summary)) for kind, summary in summaries.items()), "; ")


def _finding(long_range: LongRange) -> str:
    """How many units are smoother than the null, at every distance."""
    first, *others = ((FROM[kind], percent_text(each.share)) for kind, each in long_range.summary.smoothness.items())
    rest = "; " + ", ".join(f"{where} {share}" for where, share in others) if others else ""
    return f"{first[1]} of units are smoother than with shuffled kernels {first[0]}{rest}."


def _caption(title: str) -> Markup:
    return html(
        "Dots are units of {}, filled where they are smoother than 95 % of shuffled kernels, the grey bars.", title
    )


def _method(long_range: LongRange) -> Markup:
    summary, skipped = long_range.summary, long_range.skipped
    text = html(
        "Pairs of layers in order of depth, up to {} units of each,"
        " drawn at random: Moran's I over a unit's source channels, each counted by how much its map varies;"
        " filled where it passes the 95th percentile of the null, as 5&nbsp;% would by chance. The grey bar is the null, from its"
        " 5th to its 95th percentile with the median: the positions in every kernel on the path shuffled, kernel by kernel,"
        " {} times, for the same units. The cross is what is left when all weights of each convolution are shuffled"
        " ({} times): the smoothness that windows and pools alone give. Seed {}."
        " Smoother than the null: {}. The other measure is the balance of excitation and inhibition"
        " within a map: 0 for a blob of one sign, 1 for lobes that add up to nothing. More balanced than the null:"
        " {}. Intervals are over pairs of layers.",
        long_range.units,
        long_range.draws,
        long_range.scattered,
        long_range.seed,
        _distances_text(summary.smoothness),
        _distances_text(summary.balance),
    )
    return text + (f" Left out: {counted(len(skipped), 'pair')}, {_reasons(skipped)}." if skipped else "")


def _reasons(skipped: Sequence[SkippedPair]) -> str:
    """Why pairs were left out, each reason once with its count, the most frequent first."""
    counts = Counter(
        next((words for part, words in REASONS.items() if part in pair.reason), "weights missing or zero")
        for pair in skipped
    )
    return ", ".join(
        f"{count} with {reason}" for reason, count in sorted(counts.items(), key=lambda item: item[::-1], reverse=True)
    )


def _alt(title: str, long_range: LongRange) -> str:
    measures = {"smoothness": long_range.summary.smoothness, "balance": long_range.summary.balance}
    texts = [html("{}: {}", MEASURES[name], _distances_text(summaries)) for name, summaries in measures.items()]
    text = joined(texts, ". ").unescape()
    return f"Dot plot of units of {title} above the 95th percentile of shuffled kernels. {text}."


FIGURES = (
    Figure("smoothness", draw, "the smoothness of long-range expanded weights", of="model", example=example_network),
)
