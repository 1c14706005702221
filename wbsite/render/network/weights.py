"""Charts of a layer's weights: their distribution, how concentrated they are, what NMF leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from wbsite.core.markup import html
from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import fixed_text, number_text
from wbsite.results.network.anatomy import Anatomy
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap

HEIGHT = 220


def distribution(scene: Scene) -> Drawing | Gap:
    """Histogram of all weights of the layer, counts on a logarithmic axis."""
    anatomy = scene.result_or_gap(Anatomy)
    if isinstance(anatomy, Gap):
        return anatomy
    table = anatomy.histogram
    table = table[table["count"] > 0].reset_index(drop=True)
    table["floor"] = 0.5  # a logarithmic axis has no zero for the bars to stand on
    if anatomy.excess_kurtosis is None:
        finding = html("All weights of <code>{}</code> are alike.", _label(scene))
    else:
        tails = "heavier" if anatomy.excess_kurtosis > 0 else "no heavier"
        finding = html("The weights of <code>{}</code> have {} tails than a normal distribution.", _label(scene), tails)
    caption = f"How many of the {number_text(anatomy.weights)} weights are how large, counts on a logarithmic axis."
    method = (
        f"Excess kurtosis {number_text(anatomy.excess_kurtosis)} (0 for a normal distribution), standard deviation"
        f" {number_text(anatomy.std)}. The {number_text(anatomy.outside_histogram)} weights farthest out are not drawn; the"
        f" largest in magnitude is {number_text(anatomy.largest)}."
    )
    alt_text = (
        f"Histogram of {anatomy.weights} weights with mean {number_text(anatomy.mean)}, standard deviation {number_text(anatomy.std)}"
        f" and excess kurtosis {number_text(anatomy.excess_kurtosis)}."
    )
    chart = _distribution_chart()
    return Drawing(caption, alt_text, table, chart, height=HEIGHT, finding=finding, method=method)


COUNTS = [step * 10**power for power in range(9) for step in (1, 2, 5)]
"""Numbers of weights that an axis may name, all of them whole."""


@cache  # the same for every layer
def _distribution_chart() -> Mapping[str, Any]:
    import altair as alt

    chart = (
        alt.Chart(data())
        .mark_bar(color=INDEX)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title="weight",
                axis=alt.Axis(format=".3~g", tickCount=8, labelOverlap=True, labelSeparation=8),
            ),
            x2=alt.X2("high:Q"),
            y=alt.Y(
                "count:Q",
                title="number of weights",
                scale=alt.Scale(type="log", domainMin=0.5),
                axis=alt.Axis(format="~s", values=COUNTS, labelOverlap=True),
            ),
            y2=alt.Y2("floor:Q"),
            tooltip=[
                alt.Tooltip("low:Q", format=".4f"),
                alt.Tooltip("high:Q", format=".4f"),
                alt.Tooltip("count:Q", format=","),
            ],
        )
    )
    return specification(chart, HEIGHT)


def concentration(scene: Scene) -> Drawing | Gap:
    """Share of a unit's squared norm in its strongest k inputs."""
    anatomy = scene.result_or_gap(Anatomy)
    if isinstance(anatomy, Gap):
        return anatomy
    table = anatomy.concentration
    chart = _concentration_chart(anatomy.inputs, tuple(table["inputs"].tolist()))
    finding = html(
        "In effect, a unit of <code>{}</code> listens to {} of its {} inputs.",
        _label(scene),
        _one(anatomy.effective_inputs),
        number_text(anatomy.inputs),
    )
    caption = "Share of a unit's squared weights in its strongest inputs, mean and range over units; dashed, if all inputs counted alike."
    method = (
        "The range goes from the 10th to the 90th percentile of units. The number of inputs in the first sentence is the"
        " participation ratio, mean over units."
    )
    alt_text = f"Line chart: the share of squared norm grows with the number of inputs counted; on average {_one(anatomy.effective_inputs)} of {anatomy.inputs} inputs count."
    return Drawing(caption, alt_text, table, chart, height=HEIGHT, finding=finding, method=method)


@cache  # layers of a network often read as many inputs as another
def _concentration_chart(inputs: int, counted: tuple[int, ...]) -> Mapping[str, Any]:
    """The chart for a layer whose units have so many inputs, with a point for so many of the strongest."""
    import altair as alt

    axis = alt.Axis(values=list(counted), format="d", labelOverlap=True)
    x = alt.X("inputs:Q", title="strongest input channels counted", scale=alt.Scale(type="log", nice=False), axis=axis)
    base = alt.Chart(data())
    band = base.mark_area(color=INDEX, opacity=0.22).encode(
        x=x,
        y=alt.Y("low:Q", title="share of squared norm", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        y2=alt.Y2("high:Q"),
    )
    line = base.mark_line(color=INDEX, point=alt.OverlayMarkDef(color=INDEX)).encode(
        x=x,
        y=alt.Y("share:Q"),
        tooltip=[
            alt.Tooltip("inputs:Q"),
            *[alt.Tooltip(f"{n}:Q", format=".3f") for n in ("share", "low", "high", "even")],
        ],
    )
    steps = alt.sequence(1, inputs + 1, max(1, inputs // 200), as_="inputs")
    alike = alt.Chart(steps).transform_calculate(even=f"datum.inputs / {inputs}")
    even = alike.mark_line(color=NEUTRAL, strokeDash=[4, 3]).encode(x=x, y=alt.Y("even:Q"))
    return specification(alt.layer(band, even, line), HEIGHT)


def nmf_error(scene: Scene) -> Drawing | Gap:
    """Relative error of the factorisation for one to six components."""
    nmf = scene.result_or_gap(Nmf)
    if isinstance(nmf, Gap):
        return nmf
    if nmf.error is None:
        return Gap("all weights are zero", failed=False)
    table = nmf.rows
    chart = _error_chart(tuple(dict.fromkeys(table["mode"])))
    count = {mode: int(rows["units"].iloc[0]) for mode, rows in table.groupby("mode")}
    caption = "Relative error of the factorisation by number of factors, mean over units; bars show most units."
    method = (
        "Relative Frobenius error; bars go from the 10th to the 90th percentile of units."
        f" Per unit, {count['per-unit']} units spread evenly over the layer were factorised; jointly, all {count['joint']}."
    )
    three = table[table["components"] == 3].set_index("mode")["error"]
    finding = (
        f"Three factors leave a relative error of {fixed_text(three['per-unit'])} if found unit by unit,"
        f" {fixed_text(three['joint'])} if common to the layer."
    )
    alt_text = f"Line chart of error against components; with three the error is {three['per-unit']:.2f} per unit and {three['joint']:.2f} jointly."
    return Drawing(caption, alt_text, table, chart, height=HEIGHT, finding=finding, method=method)


@cache  # the same for every layer
def _error_chart(modes: tuple[str, ...]) -> Mapping[str, Any]:
    import altair as alt

    legend = alt.Legend(title=None, orient="top")
    colour = alt.Color("mode:N", scale=alt.Scale(domain=list(modes), range=SERIES[: len(modes)]), legend=legend)
    base = alt.Chart(data()).encode(
        x=alt.X("components:O", title="components", axis=alt.Axis(labelAngle=0)),
        color=colour,
        tooltip=[
            alt.Tooltip("mode:N"),
            alt.Tooltip("components:O"),
            *[alt.Tooltip(f"{n}:Q", format=".3f") for n in ("error", "low", "high")],
        ],
    )
    y = alt.Y("error:Q", title="relative error", scale=alt.Scale(domain=[0, 1]))
    dash = alt.StrokeDash("mode:N", legend=legend, scale=alt.Scale(domain=list(modes)))
    lines = base.mark_line(point=True, strokeWidth=2).encode(y=y, strokeDash=dash)
    ranges = base.mark_rule(strokeWidth=5, opacity=0.25).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    return specification(alt.layer(ranges, lines), HEIGHT)


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _label(scene: Scene) -> str:
    assert scene.layer is not None
    return scene.layer.name


def has_pictures(scene: Scene) -> bool:
    """Whether the layer was factorised, and had weights to be factorised."""
    nmf = scene.result_or_gap(Nmf)
    return not isinstance(nmf, Gap) and nmf.error is not None


def has_weights(scene: Scene) -> bool:
    """Whether any weight is not zero; a layer of zeros has no distribution to draw."""
    anatomy = scene.result_or_gap(Anatomy)
    return isinstance(anatomy, Gap) or anatomy.largest != 0


FIGURES = (
    Figure(
        "weight-distribution",
        distribution,
        "the distribution of the weights",
        section="Weights",
        order=40,
        belongs=has_weights,
    ),
    Figure(
        "concentration",
        concentration,
        "the concentration of the weights",
        section="Weights",
        order=50,
        belongs=has_weights,
    ),
    Figure(
        "nmf-error",
        nmf_error,
        "the error of the factorisation",
        section="How much the pictures leave out",
        order=60,
        belongs=has_pictures,
    ),
)
