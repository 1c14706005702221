"""How much of a layer's output comes from its strongest inputs: R² on photographs by the number of inputs kept."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.charts import NEUTRAL, SERIES, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import counted, fixed_text, percent_text, share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.long_tail import LongTail
from wbsite.results.site import Gap

ORDERS = {"norm": "norm of the kernel", "contribution": "expected contribution", "random": "at random"}
"""How inputs are ranked → its words."""

COLOURS = [SERIES[0], SERIES[6], NEUTRAL]

SHAPES = ["circle", "diamond", "cross"]

MEASURES = {"before": "before the rectifier", "after": "after it"}

FLOOR = -0.25
"""R² below this is drawn there."""

HEIGHT = 320


def curve_rows(long_tail: LongTail) -> pd.DataFrame:
    """One row a layer, order and number of inputs kept; `needed…` is the share of inputs that R² ≥ 0.9 takes."""
    layers, parts = long_tail.per_layer, []
    for order in ORDERS:
        needed = layers[["layer"]].assign(order=order)
        for name, column in (("needed", "inputs"), ("needed_low", "low"), ("needed_high", "high")):
            needed[name] = layers[f"{order}_{column}"] / layers["inputs"]
        parts.append(needed)
    rows = long_tail.rows.drop(columns="samples")
    return rows.merge(pd.concat(parts), on=["layer", "order"], how="left").round(4)


def draw(scene: Scene) -> Drawing | Gap:
    """Two charts: R² by inputs kept, a line a layer; and the share that is needed, by layer."""
    assert scene.model is not None
    long_tail = scene.result_or_gap(LongTail)
    if isinstance(long_tail, Gap):
        return long_tail
    if not long_tail.summary:
        return Gap("no convolution has more inputs than could be looked at one by one", failed=False)
    drawn = curve_rows(long_tail)
    name = f"long-tail-{slug(scene.model.id)}"
    charts = {"kept": _curves(drawn), "needed": _needed(drawn, long_tail.level)}
    files = {f"{name}-{part}.vl.json": json.dumps(chart).encode() for part, chart in charts.items()}
    alt = _alt(scene.model.title, long_tail)
    titles = {
        "kept": ("R² by inputs kept, median over units, a line a layer", alt),
        "needed": (f"Share of inputs that the median unit needs for R² ≥ {long_tail.level:g}", alt),
    }
    panels = [(title, f"{name}-{part}.vl.json", text) for part, (title, text) in titles.items()]
    return Drawing(
        _caption(scene.model.title),
        alt,
        drawn,
        body=side_by_side(panels, HEIGHT),
        files=files,
        width="wide",
        finding=_finding(long_tail),
        method=_method(long_tail),
    )


def _curves(drawn: pd.DataFrame) -> dict[str, Any]:
    import altair as alt

    def choice(name: str, options: dict[str, str], label: str) -> alt.Parameter:
        bind = alt.binding_radio(options=list(options), labels=list(options.values()), name=label)
        return alt.param(name=name, value=next(iter(options)), bind=bind)

    params = [
        choice("order", ORDERS, "Kept by "),
        choice("measure", MEASURES, "Measured "),
        choice("counted", {"kept": "number", "share": "share"}, "Inputs as "),
    ]
    values = {"y": "median", "bottom": "low", "top": "high"}
    base = alt.Chart(data()).transform_filter("datum.order == order")
    base = base.transform_calculate(x="counted == 'kept' ? datum.kept : datum.share")
    for name, column in values.items():
        value = f"measure == 'before' ? datum.{column} : datum.after_{column}"
        base = base.transform_calculate(**{name: f"isValid(toNumber({value})) ? max({FLOOR}, {value}) : null"})
    base = base.transform_filter("isValid(datum.y)")
    axis = alt.Axis(
        labelExpr="counted == 'kept' ? format(datum.value, ',d') : format(datum.value, '.1~%')", labelOverlap=True
    )
    first, last = (  # of a line that is not pointed at nothing is known, so that the axis cannot go by the data
        alt.ExprRef(f"counted == 'kept' ? {drawn['kept'].agg(end)} : {drawn['share'].agg(end)}")
        for end in ("min", "max")
    )
    scale = alt.Scale(type="log", nice=False, domain=[first, last])
    x = alt.X("x:Q", title="inputs kept", scale=scale, axis=axis)
    domain = alt.Scale(domain=[FLOOR, 1], nice=False)
    y = alt.Y("y:Q", title="R²", scale=domain, axis=alt.Axis(format=".2~f", values=[0, 0.25, 0.5, 0.75, 0.9, 1]))
    hovered = alt.selection_point(
        name="hovered", fields=["layer"], on="pointerover", nearest=True, clear="pointerout", empty=False
    )
    depth = alt.Color(
        "depth:Q",
        title="layer, by depth",
        scale=alt.Scale(scheme="viridis", domain=[int(drawn["depth"].min()), int(drawn["depth"].max())]),
        legend=alt.Legend(orient="top", tickCount=4),
    )
    lines = base.mark_line(strokeWidth=1.4).encode(
        x=x,
        y=y,
        detail=alt.Detail("layer:N"),
        color=depth,
        opacity=alt.condition(hovered, alt.value(1), alt.value(0.55)),
    )
    band = (
        base.transform_filter(hovered)
        .mark_area(opacity=0.22, color=NEUTRAL)
        .encode(x=x, y=alt.Y("bottom:Q"), y2=alt.Y2("top:Q"))
    )
    strong = (
        base.transform_filter(hovered)
        .mark_line(strokeWidth=3)
        .encode(x=x, y=y, detail=alt.Detail("layer:N"), color=depth)
    )
    tips = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("kernel:N"),
        alt.Tooltip("kept:Q", title="inputs kept"),
        alt.Tooltip("inputs:Q", title="of"),
    ]
    tips += [alt.Tooltip(f"{name}:Q", title=title, format=".3f") for name, title in QUARTILES.items()]
    points = base.mark_point(size=30, opacity=0).encode(x=x, y=y, tooltip=tips).add_params(hovered)
    return specification(alt.layer(band, lines, strong, points).add_params(*params), HEIGHT)


QUARTILES = {"y": "R², median unit", "bottom": "lower quartile", "top": "upper quartile"}


def _needed(drawn: pd.DataFrame, level: float) -> dict[str, Any]:
    import altair as alt

    names = list(dict.fromkeys(drawn.sort_values("depth")["layer"]))
    axis = alt.Axis(
        labelExpr=f"{literal(names)}[datum.value]", labelAngle=-90, labelLimit=150, grid=False, tickMinStep=1
    )
    x = alt.X("depth:Q", title=None, axis=axis, scale=alt.Scale(nice=False, padding=8))
    y = alt.Y(
        "needed:Q",
        title=f"share of inputs for R² ≥ {level:g}",
        axis=alt.Axis(format=".0%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    base = (
        alt.Chart(data())
        .transform_filter("datum.kept == datum.inputs")
        .transform_filter("isValid(toNumber(datum.needed))")
    )
    base = base.transform_calculate(by=f"{literal(ORDERS)}[datum.order]")
    legend = alt.Legend(title=None, orient="top", columns=1)
    words = list(ORDERS.values())
    colour = alt.Color("by:N", scale=alt.Scale(domain=words, range=COLOURS), legend=legend)
    shape = alt.Shape("by:N", scale=alt.Scale(domain=words, range=SHAPES), legend=legend)
    tips = [alt.Tooltip("layer:N"), alt.Tooltip("kernel:N"), alt.Tooltip("inputs:Q"), alt.Tooltip("by:N")]
    tips += [alt.Tooltip(f"{name}:Q", title=title, format=".0%") for name, title in NEEDED.items()]
    ranges = base.mark_rule(strokeWidth=2, opacity=0.4).encode(
        x=x, y=alt.Y("needed_low:Q"), y2=alt.Y2("needed_high:Q"), color=colour
    )
    points = base.mark_point(filled=True, size=34, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
    return specification(alt.layer(ranges, points), HEIGHT)


NEEDED = {"needed": "median unit", "needed_low": "lower quartile", "needed_high": "upper quartile"}


def _finding(long_tail: LongTail) -> str:
    norm = long_tail.summary["norm"]
    return (
        f"The {norm.few} strongest inputs bring a typical unit to an R² of {fixed_text(norm.few_r2)}; {long_tail.level:g} takes"
        f" {percent_text(norm.share)} of its inputs."
    )


def _caption(title: str) -> Markup:
    return html("Left, how well some inputs reproduce a unit of {}, a line a layer; right, the share it needs.", title)


def _method(long_tail: LongTail) -> Markup:
    norm, weighed, random = (long_tail.summary[order] for order in ORDERS)
    text = html(
        "Every unit keeps only its strongest inputs,"
        " the rest is replaced by its mean effect, and R² compares the unit's pre-activation with the full one, or its value after"
        " the rectifier. Strongest by the norm of the kernel over space, by this norm times the input's standard deviation on the"
        " photographs, or chosen at random. {} convolutions on {} of"
        " {}, up to {} random positions of each, seed {}."
        " Median over units; the quartiles appear as a band when"
        " a line is pointed at, and are the bars of the second chart, which counts the inputs exactly."
        " A typical unit is the median one of a layer: of the {} convolutions with more than {} inputs, the median one has R²"
        " {} with {} inputs kept by norm ({} to"
        " {} over layers), and needs {:.0f} inputs, {:.0f}&nbsp;% of"
        " them, for R² ≥ {:g} ({:.0f} to {:.0f}&nbsp;%); by expected"
        " contribution {:.0f}&nbsp;%, at random {:.0f}&nbsp;%.",
        long_tail.layers,
        long_tail.photographs_used,
        long_tail.photographs.what,
        long_tail.positions,
        long_tail.seed,
        norm.layers,
        norm.few,
        share_text(norm.few_r2),
        norm.few,
        share_text(norm.few_low),
        share_text(norm.few_high),
        norm.inputs,
        100 * norm.share,
        long_tail.level,
        100 * norm.share_low,
        100 * norm.share_high,
        100 * weighed.share,
        100 * random.share,
    )
    skipped = long_tail.skipped
    if skipped:
        text += html(" Left out: {}; {}.", counted(len(skipped), "convolution"), skipped[0].reason)
    return text


def _alt(title: str, long_tail: LongTail) -> str:
    norm = long_tail.summary["norm"]
    return (
        f"R² of the convolutions of {title} on {long_tail.photographs_used} photographs grows with the number of inputs"
        f" kept: {share_text(norm.few_r2)} with {norm.few} inputs in the median layer, and {100 * norm.share:.0f} % of"
        f" the inputs are needed for {long_tail.level:g}."
    )


FIGURES = (Figure("long-tail", draw, "how much lies in the small weights", of="model", example=example_network),)
