"""How far paths cancel: the size of paths and what is left of it, in one layer and through the network, with chance."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import counted, number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.site import Gap

from ._channels import channel_text

HEIGHT = 320

UNIT, CHANCE = SERIES[1], NEUTRAL


def draw(scene: Scene) -> Drawing | Gap:
    """Two charts: pairs of the layer of the first example, and every layer."""
    assert scene.model is not None
    cancellation = scene.result_or_gap(Cancellation)
    if isinstance(cancellation, Gap):
        return cancellation
    if not cancellation.examples:
        return absent(cancellation)
    first = cancellation.examples[0]
    pairs, summary = _pairs(scene, cancellation), cancellation.per_layer
    layer = summary[summary["layer"] == first.layer].iloc[0]
    drawn = pd.concat([pairs, summary.assign(kind="layer")], ignore_index=True)
    charts = {"pairs": _scatter(pairs, layer["signs_low"], layer["signs_high"]), "layers": _layers(summary)}
    name = f"cancellation-scatter-{slug(scene.model.id)}"
    files = {f"{name}-{part}.vl.json": json.dumps(chart).encode() for part, chart in charts.items()}
    unit = channel_text(scene, first.layer, first.unit)
    cancelling = _cancelling(cancellation, float(layer["signs_low"]))
    texts = {
        "pairs": (
            html(
                "<code>{}</code> to <code>{}</code>: each point a unit and one of its {} strongest sources",
                first.source,
                first.layer,
                cancellation.strongest,
            ),
            f"Scatter of what is left of paths against their size, {len(pairs)} pairs; marked are those of {unit}, {cancelling}:"
            f" {first.hidden:.0%} of the squared size of its paths is not in the expanded weights.",
        ),
        "layers": (
            "Coherence by layer: median and middle 90 % of the pairs, with those of random signs",
            f"Coherence of strong pairs in {len(summary)} layers: medians {summary['coherence'].min():.2f} to"
            f" {summary['coherence'].max():.2f}; of random signs {summary['signs'].min():.2f} to {summary['signs'].max():.2f}.",
        ),
    }
    panels = [(title, f"{name}-{part}.vl.json", alt) for part, (title, alt) in texts.items()]
    alt = " ".join(alt for _, alt in texts.values())
    return Drawing(
        _caption(cancelling),
        alt,
        drawn,
        body=side_by_side(panels, HEIGHT),
        files=files,
        width="wide",
        finding=_finding(cancellation),
        method=_method(scene, cancellation, unit),
    )


def _pairs(scene: Scene, cancellation: Cancellation) -> pd.DataFrame:
    """Strong pairs of the first example's layer, with the size of the net."""
    first, rows = cancellation.examples[0], cancellation.rows
    rows = rows[rows["layer"] == first.layer]
    net_size = rows["strength"] * rows["coherence"]
    units = rows["unit"].map(lambda unit: channel_text(scene, first.layer, int(unit)))
    which = (rows["unit"] == first.unit).map({True: "the unit", False: "other units of the layer"})
    table = rows.assign(kind="pair", left=net_size, of=units, which=which)
    return table.round(dict.fromkeys(("positive", "negative", "net", "strength", "left"), 5)).round(5)


def _scatter(pairs: pd.DataFrame, signs_low: float, signs_high: float) -> dict[str, Any]:
    """What is left of paths against their size, with the middle 90 % of coherences under random signs."""
    import altair as alt

    longest = float(pairs["strength"].max()) * 1.05
    tallest = float(pairs["left"].max()) * 1.05
    ends = [{"x": x, "low": signs_low * x, "middle": x, "high": signs_high * x} for x in (0.0, longest)]
    chance = alt.Chart(alt.InlineData(ends))
    y = alt.Y("left:Q", title="left in the expanded weights, ‖ΣP‖", scale=alt.Scale(domain=[0, tallest], clamp=True))
    x = alt.X("strength:Q", title="size of the paths, √Σ‖P‖²", scale=alt.Scale(domain=[0, longest]))
    band = chance.mark_area(color=CHANCE, opacity=0.18, clip=True).encode(
        x=alt.X("x:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q")
    )
    even = chance.mark_line(color=CHANCE, strokeDash=[4, 3], clip=True).encode(x=alt.X("x:Q"), y=alt.Y("middle:Q"))
    names = ["other units of the layer", "the unit"]
    legend = alt.Legend(title=None, orient="top", symbolSize=80, symbolOpacity=1)
    tips: list[Any] = [
        alt.Tooltip("of:N"),
        alt.Tooltip("source_layer:N"),
        alt.Tooltip("source_unit:Q"),
        alt.Tooltip("coherence:Q", format=".2f"),
        alt.Tooltip("rank:Q"),
    ]
    tips += [alt.Tooltip(f"{name}:Q", format=".3g") for name in ("positive", "negative", "net")]
    scale = alt.Scale(domain=names, range=[CHANCE, UNIT])
    base = alt.Chart(data()).transform_filter("datum.kind == 'pair'")
    base = base.transform_calculate(above="datum.which == 'the unit' ? 1 : 0")
    points = base.mark_point(filled=True, clip=True).encode(
        x=x, y=y, color=alt.Color("which:N", scale=scale, legend=legend),
        shape=alt.Shape("which:N", scale=alt.Scale(domain=names, range=["circle", "diamond"]), legend=legend),
        size=alt.condition("datum.which == 'the unit'", alt.value(90), alt.value(18)),
        opacity=alt.condition("datum.which == 'the unit'", alt.value(1), alt.value(0.5)),
        order=alt.Order("above:Q"), tooltip=tips,
    )  # fmt: skip
    return specification(alt.layer(band, even, points), HEIGHT)


def _layers(summary: pd.DataFrame) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(data()).transform_filter("datum.kind == 'layer'")
    axis = alt.Axis(labelAngle=-40, labelOverlap=True, labelLimit=150)
    x = alt.X("layer:N", sort=list(summary["layer"]), title=None, axis=axis)
    top = float(summary[["high", "signs_high"]].to_numpy().max()) * 1.02
    y = alt.Y("coherence:Q", title="coherence", scale=alt.Scale(type="sqrt", domain=[0, top]))
    tips: list[Any] = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("source:N"),
        alt.Tooltip("between:N"),
        alt.Tooltip("units:Q"),
        alt.Tooltip("pairs:Q"),
        alt.Tooltip("draws:Q"),
        alt.Tooltip("found:Q"),
    ]
    tips += [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("coherence", "low", "high", "signs", "shuffle")]
    chance = base.mark_bar(color=CHANCE, opacity=0.25, width=12).encode(
        x=x, y=alt.Y("signs_low:Q"), y2=alt.Y2("signs_high:Q")
    )
    middle = base.mark_tick(color=CHANCE, thickness=2, width=14).encode(x=x, y=alt.Y("signs:Q"))
    spread = base.mark_rule(color=SERIES[0], strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    points = base.mark_point(filled=True, size=55, color=SERIES[0], opacity=1).encode(x=x, y=y, tooltip=tips)
    unity = alt.Chart(alt.InlineData([{}])).mark_rule(color=CHANCE, strokeDash=[4, 3]).encode(y=alt.YDatum(1))
    return specification(alt.layer(points, chance, middle, unity, spread, points), HEIGHT)


def _finding(cancellation: Cancellation) -> str:
    summary = cancellation.per_layer
    adding = int((summary["coherence"] > summary["signs"]).sum())
    return (
        f"In {adding} of {counted(len(summary), 'layer')} the median pair's paths add up more than with random signs."
    )


def _cancelling(cancellation: Cancellation, lowest: float) -> str:
    """How many pairs of the unit that hides most lie below a coherence, the lower edge of the grey band."""
    first, rows = cancellation.examples[0], cancellation.rows
    pairs = rows[(rows["layer"] == first.layer) & (rows["unit"] == first.unit)]
    return f"{int((pairs['coherence'] < lowest).sum()) or 'none'} of its {len(pairs)} pairs below the grey"


def _caption(cancelling: str) -> str:
    return (
        "Right, a dot a layer; grey, random signs. Left, one layer; diamonds, the unit that hides most,"
        f" {cancelling}, where paths cancel."
    )


def _method(scene: Scene, cancellation: Cancellation, unit: str) -> Markup:
    assert scene.model is not None
    summary = cancellation.per_layer
    often = summary[summary["cancelling_signs"] > 0.05]["layer"]
    layers = joined((html("<code>{}</code>", layer) for layer in often), ", ") or "none"
    text = html(
        "A source acts on a unit of {} through all units of the map between; P is what it does through one of"
        " them. Left: size of the paths, and what their sum, the expanded weights, keeps of it; on the dashed line they keep"
        " what random signs keep on average (root mean square), in the grey band what 90 % of pairs with random signs keep."
        " Marked: {}, {}. Right: coherence, the ratio of both, median and middle 90 % of the pairs."
        " Layers with more than 5 % of their pairs below the lowest 5 % of random signs: {}."
        " {} strongest sources of every unit, {} pairs,"
        " {} to {} draws a layer, seed {}.",
        scene.model.title,
        unit,
        _verdict(cancellation),
        layers,
        cancellation.strongest,
        number_text(int(summary["pairs"].sum())),
        summary["draws"].min(),
        summary["draws"].max(),
        cancellation.seed,
    )
    too_large = [html("<code>{}</code>", skip.layer) for skip in cancellation.skipped if "profile" in skip.reason]
    if too_large:
        text += html(" Left out in this profile, for their size: {}.", joined(too_large, ", "))
    return text


def _verdict(cancellation: Cancellation) -> str:
    """What the first example is."""
    first = cancellation.examples[0]
    if first.q_shuffle > cancellation.level:
        return "which hides most, though no more than chance gives"
    return f"with {first.hidden:.0%} hidden and a false discovery rate of {first.q_shuffle:.2f} (shuffled kernels)"


def absent(cancellation: Cancellation) -> Gap:
    """Why there is nothing to draw: the last reason that was met."""
    skipped = cancellation.skipped
    where, why = (
        (skipped[-1].layer, skipped[-1].reason) if skipped else ("the network", "it has no spatial convolution")
    )
    return Gap(f"no layer has paths that could cancel; {where}: {why}", failed=False)


FIGURES = (Figure("cancellation-scatter", draw, "how far paths cancel", of="model", example=example_network),)
