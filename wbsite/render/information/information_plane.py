"""The information plane: the path of every layer through training, with a slider over the recorded epochs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html
from wbsite.render.charts import NEUTRAL, chart_box, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._html import menu
from ._plane_data import COLUMNS, Planes, planes
from ._plane_drawing import ticks
from ._planes import colours_by_layer

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

HEIGHT = 400

APART = 44, 14
"""Pixels across and down within which the names of two successive layers would cover each other."""


def draw(scene: Scene) -> Drawing | Gap:
    """One configuration under one estimator; a script shows the others, single runs and earlier epochs."""
    p = planes(scene)
    if isinstance(p, Gap):
        return p
    configuration = scene.options.get("configuration") or next(iter(p.titles))
    estimator = scene.options.get("estimator") or p.plane.default
    if configuration not in p.titles:
        raise unknown("configuration", configuration, p.titles)
    if estimator not in p.plane.titles:
        raise unknown("estimator", estimator, p.plane.titles)
    paths = p.paths(configuration, estimator)
    # Names of its own: the page may show the figure twice.
    spec = f"information-plane-{configuration}-{estimator.replace(':', '-')}.vl.json"
    files = {spec: json.dumps(chart(p)).encode()}
    files |= {f"information-plane-{name}.json": p.file(name) for name in p.titles}
    alt = (
        f"Information plane of {p.titles[configuration]}, {p.plane.titles[estimator]}, mean of"
        f" {p.lived[configuration]}, from the first recorded epoch to the last:"
        f" {_ends_text(paths) or 'no run lived to the end'}."
    )
    body = _body(p, configuration, estimator, spec, alt)
    data = paths.round(4).astype({"runs": "Int64"})
    return Drawing(
        "Each path is a layer's, from untrained (circle) to the slider's epoch (dot). Broken lines: the most that bins can"
        " give.",
        alt, data, body=body, files=files, width="wide", finding=p.finding(configuration, paths),
        method=_method(p),
    )  # fmt: skip


def chart(p: Planes) -> dict[str, Any]:
    """Paths up to the record that the parameter `place` names, an open circle where they begin, a dot where they are,
    a cross over all runs; the caps. The data `rows` are one path set: a configuration's under an estimator."""
    import altair as alt

    colours = colours_by_layer(p.trajectories.configurations)
    across, down = p.limits
    x_scale, y_scale = (alt.Scale(domain=[0, most], nice=False, zero=False) for most in _reach(p))
    x = alt.X("i_xt:Q", title="I(X;T), bits", scale=x_scale, axis=alt.Axis(values=ticks(across), grid=False))
    y = alt.Y("i_ty:Q", title="I(T;Y), bits", scale=y_scale, axis=alt.Axis(values=ticks(down), grid=False))
    colour = alt.Color("layer:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    numbers = dict.fromkeys(("epoch", *COLUMNS), "number")
    source = alt.UrlData(data().url, name="rows", format=alt.CsvDataFormat(type="csv", parse=numbers))
    seen = (
        alt.Chart(source)
        .transform_calculate(depth=f"indexof({literal(list(colours))}, datum.layer)",
                             record=f"indexof({literal(p.epochs)}, datum.epoch)")
        .transform_filter("datum.record <= place")
    )  # fmt: skip
    # The newest record that is not later than the slider: an estimator may measure some records only.
    now = seen.transform_joinaggregate(newest="max(record)", groupby=["layer"]).transform_filter(
        "datum.record == datum.newest"
    )
    tips = [
        alt.Tooltip("layer:N"), alt.Tooltip("epoch:Q", title="epoch"), alt.Tooltip("i_xt:Q", title="I(X;T)", format=".3f"),
        alt.Tooltip("i_ty:Q", title="I(T;Y)", format=".3f"),
    ]  # fmt: skip
    lines = seen.mark_line(strokeWidth=1.6, opacity=0.8).encode(
        x=x, y=y, color=colour, order=alt.Order("record:Q"), detail=alt.Detail("layer:N")
    )
    starts = (
        seen.transform_filter("datum.record == 0")
        .mark_point(size=46, strokeWidth=1.6, filled=False, opacity=1)
        .encode(x=x, y=y, color=colour)
    )
    spans = now.transform_filter("isValid(datum.i_xt_low)")
    cross: dict[str, Any] = {"strokeWidth": 1.6, "opacity": 0.75}
    horizontal = spans.mark_rule(**cross).encode(
        x=alt.X("i_xt_low:Q", scale=x_scale), x2=alt.X2("i_xt_high:Q"), y=y, color=colour
    )
    vertical = spans.mark_rule(**cross).encode(
        y=alt.Y("i_ty_low:Q", scale=y_scale), y2=alt.Y2("i_ty_high:Q"), x=x, color=colour
    )
    dots = now.mark_point(size=110, filled=True, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    layered = alt.layer(*_caps(p), lines, starts, horizontal, vertical, dots, _names(p, now, colour))
    return specification(layered.add_params(alt.param(name="place", value=len(p.epochs) - 1)), HEIGHT)


def _names(p: Planes, now: alt.Chart, colour: alt.Color) -> alt.Chart:
    """Names of layers beside their dots. Those that would cover each other form a stack at the first of them:
    upwards, since paths come from below, but downwards at the cap, where no path passes, and where there is no room."""
    import altair as alt

    (wide, tall), (width, height) = APART, _reach(p)
    order: list[alt.SortField | dict[str, str]] = [alt.SortField("depth")]

    def window(op: Any, name: str, **field: Any) -> alt.WindowFieldDef:
        fields: dict[str, Any] = {"op": op, "as": name, **field}
        return alt.WindowFieldDef(**fields)

    near = (
        f"abs(datum.i_xt - datum.x_before) * width < {wide * width:.6g} &&"
        f" abs(datum.i_ty - datum.y_before) * height < {tall * height:.6g}"
    )
    room = f"datum.left < {0.93 * p.limits[0]:.6g} && datum.count * {tall} < ({height:.6g} - datum.top) * height / {height:.6g}"
    step = f"({room} ? 11 + (datum.count - datum.rank) * {tall} : -11 - (datum.rank - 1) * {tall})"
    x, y = (alt.Scale(domain=[0, most], nice=False, zero=False) for most in (width, height))
    return (
        now.transform_window([window("lag", "x_before", field="i_xt"), window("lag", "y_before", field="i_ty")], sort=order)
        .transform_calculate(apart=f"isValid(datum.x_before) && {near} ? 0 : 1")
        .transform_window([window("sum", "stack", field="apart")], sort=order, frame=[None, 0])
        .transform_window([window("row_number", "rank")], sort=order, groupby=["stack"])
        .transform_window(
            [window("first_value", "top", field="i_ty"), window("first_value", "left", field="i_xt"), window("max", "count", field="rank")],
            sort=order, groupby=["stack"], frame=[None, None])
        .transform_calculate(name_y=f"datum.top + {step} * {height:.6g} / height")
        .mark_text(align="left", baseline="middle", dx=7, fontSize=12, fontWeight=500)
        .encode(x=alt.X("left:Q", scale=x), y=alt.Y("name_y:Q", scale=y), color=colour, text=alt.Text("layer:N"))
    )  # fmt: skip


def _reach(p: Planes) -> tuple[float, float]:
    """Where the axes end: right of the cap no path goes, so that there is room for names."""
    return p.limits[0] * 1.17, p.limits[1] * 1.09


def _caps(p: Planes) -> list[Any]:
    """The two lines no binned estimate can cross, with their names."""
    import altair as alt

    cap, entropy = p.caps
    line = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[4, 3])
    style: dict[str, Any] = {"color": NEUTRAL, "fontSize": 12}
    return [
        line.encode(x=alt.XDatum(cap), y=alt.YDatum(0), y2=alt.Y2Datum(entropy)),
        line.encode(y=alt.YDatum(entropy), x=alt.XDatum(0), x2=alt.X2Datum(cap)),
        alt.Chart(alt.InlineData([{"text": f"log₂ {p.trajectories.data.measured} = {cap:.4g} bits"}]))
        .mark_text(align="right", baseline="bottom", dx=-6, dy=-6, **style)
        .encode(x=alt.XDatum(cap), y=alt.YDatum(0), text=alt.Text("text:N")),
        alt.Chart(alt.InlineData([{"text": f"H(Y) = {entropy:.3f} bits"}]))
        .mark_text(align="left", baseline="bottom", dx=6, dy=-5, **style)
        .encode(x=alt.XDatum(0), y=alt.YDatum(entropy), text=alt.Text("text:N")),
    ]


def _body(p: Planes, configuration: str, estimator: str, spec: str, alt: str) -> Markup:
    last = len(p.epochs) - 1
    runs = {"mean": "mean of runs"} | {str(seed): f"seed {seed}" for seed in p.trajectories.seeds}
    choices = (
        menu("Network", p.titles, configuration, name="configuration")
        + menu("Estimator", p.plane.titles, estimator, name="estimator")
        + menu("Shown", runs, "mean", name="run")
    )
    return html(
        '<div class="wb-planes" data-epochs="{}">'
        '<div class="wb-planes-controls" hidden>{}</div>'
        '<p class="wb-planes-said" aria-live="polite">{}</p>'
        "{}"
        '<div class="wb-planes-player" hidden><button type="button">Play</button>'
        '<input type="range" min="0" max="{}" value="{}" step="1" aria-label="Recorded epoch"'
        ' aria-valuetext="epoch {}"><output>epoch {}</output></div></div>',
        json.dumps(p.epochs, separators=(",", ":")),
        choices,
        _runs_text(p, configuration),
        chart_box(spec, alt),
        last,
        last,
        p.epochs[-1],
        p.epochs[-1],
    )


def _runs_text(p: Planes, configuration: str) -> str:
    """Which runs are drawn; the script writes the same."""
    runs = p.trajectories.run_counts[configuration].lived
    if not runs:
        return f"No mean to show: {p.lived[configuration]}."
    return (
        f"Mean of {p.lived[configuration]}{'; crosses reach from the least run to the greatest' if runs > 1 else ''}."
    )


def _method(p: Planes) -> Markup:
    fewer = [each for each in p.plane.estimators if each.records < len(p.epochs)]
    sparse = (
        html(
            " {}: at {} of them, for up to {} seeds.",
            "; ".join(each.title for each in fewer),
            fewer[0].records,
            fewer[0].seeds,
        )
        if fewer
        else ""
    )
    data = p.trajectories.data
    return html(
        "{} samples of {} are shown to the networks at {} epochs.{} Means"
        " are over the runs that lived to the end; a cross reaches from the least of them to the greatest, and is not an"
        " interval of the mean. The broken lines are I(X;T) = log₂ {}, the entropy of the samples, and"
        " I(T;Y) = H(Y), that of their labels. The axes are the same for all networks and epochs. How far a layer ends left"
        " of where it has been is its largest I(X;T) minus its last, of the path that is drawn.",
        data.measured,
        data.name,
        len(p.epochs),
        sparse,
        data.measured,
    )


def _ends_text(paths: pd.DataFrame) -> str:
    texts = []
    for layer, path in paths.groupby("layer", sort=False):
        first, last = path.iloc[0], path.iloc[-1]
        texts.append(
            f"{layer} I(X;T) {share_text(first['i_xt'])} to {share_text(last['i_xt'])} bits, I(T;Y)"
            f" {share_text(first['i_ty'])} to {share_text(last['i_ty'])}"
        )
    return "; ".join(texts)


FIGURES = (
    Figure("information-plane", draw, "the information plane", of="site", options=("configuration", "estimator")),
)
