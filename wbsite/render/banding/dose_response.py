"""How much rotation it takes: the banding index against the largest angle by which pictures are rotated."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import INTERVAL, interval_expression, interval_text, seeds_text
from wbsite.render.text import fixed_text
from wbsite.results.site import Gap

from ._laboratory import Laboratory, absent_text, place_colour, place_shape, span, written

ANGLES = {"baseline": 0, "sway_15": 15, "sway_45": 45, "sway_90": 90, "sway_135": 135, "sway_180": 180}
"""Experiment → the largest angle, in degrees."""

BESIDE = {"last": -1, "before": 1}
"""Degrees by which the layers' marks are moved, so that their intervals do not cover each other."""

HEIGHT = 320


def dose_rows(summary: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a mark: the mean of an angle's layer (`kind` "mean"), or one seed's value ("seed"); drawn at `beside`."""
    single = runs.drop(columns=["low", "high"]).assign(kind="seed")
    table = pd.concat([summary.assign(kind="mean"), single], ignore_index=True)
    table = table[table["experiment"].isin(ANGLES)]
    table["angle"] = table["experiment"].map(ANGLES)
    table["beside"] = table["angle"] + table["place"].map(BESIDE)
    table = table.sort_values(["place", "kind", "angle", "seed"], ignore_index=True)
    columns = [
        "experiment",
        "angle",
        "beside",
        "place",
        "layer",
        "kind",
        "seed",
        "seeds",
        "index",
        "low",
        "high",
        "accuracy",
    ]
    return table[columns].astype({"seed": "Int64", "seeds": "Int64"})


def draw(scene: Scene) -> Drawing | Gap:
    """Lines over the angle, one a layer."""
    import altair as alt

    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return laboratory
    summary = laboratory.summary
    table = dose_rows(summary, laboratory.runs)
    if table.empty:
        return Gap("no run with rotated pictures is there", failed=False)
    axis = alt.Axis(values=list(ANGLES.values()), labelExpr="datum.value + '°'", labelOverlap=False, grid=False)
    x = alt.X("beside:Q", title="largest angle of rotation, θ", axis=axis, scale=alt.Scale(nice=False, padding=14))
    y = alt.Y("index:Q", title="banding index H", scale=alt.Scale(domain=list(span(table)), nice=False, clamp=True))
    colour = place_colour(table)
    base = alt.Chart(data())
    means = base.transform_filter("datum.kind == 'mean'").transform_calculate(interval=interval_expression())
    seeds = base.transform_filter("datum.kind == 'seed'").mark_tick(
        orient="horizontal", size=9, thickness=1.5, opacity=0.75
    ).encode(
        x=x, y=y, color=colour,
        tooltip=[alt.Tooltip("experiment:N"), alt.Tooltip("layer:N"), alt.Tooltip("seed:Q"), alt.Tooltip("index:Q", title="H", format=".3f")],
    )  # fmt: skip
    lines = means.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=colour)
    whiskers = means.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    points = means.mark_point(filled=True, size=80, opacity=1).encode(
        x=x, y=y, color=colour, shape=place_shape(table),
        tooltip=[
            alt.Tooltip("experiment:N"), alt.Tooltip("layer:N"), alt.Tooltip("index:Q", title="H", format=".3f"), alt.Tooltip("interval:N"), alt.Tooltip("seeds:Q"),
            alt.Tooltip("accuracy:Q", format=".1%"),
        ],
    )  # fmt: skip
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.YDatum(0))
    chart = specification(alt.layer(zero, seeds, lines, whiskers, points), HEIGHT)
    last = summary[(summary["place"] == "last") & summary["experiment"].isin(ANGLES)].set_index("experiment")
    texts = [f"{angle}° {interval_text(last.loc[name])}" for name, angle in ANGLES.items() if name in last.index]
    caption = html(
        "Banding index H of networks that saw every picture rotated by an angle drawn evenly from ±θ, against θ.{}",
        absent_text(table, ANGLES),
    )
    method = html(
        "H on full weights of networks {}. The angle is drawn anew for every picture at every epoch; ±180°"
        " leaves no preferred direction. Test pictures are rotated alike. Large marks are means, ticks single seeds. {}"
        " ({} an angle).",
        laboratory.setup_text,
        INTERVAL,
        seeds_text(last),
    )
    alt_text = f"Line chart of the banding index of the last convolution by the limit of rotation: {'; '.join(texts)}."
    return Drawing(
        caption, alt_text, written(table), chart, height=HEIGHT, finding=_finding(last["index"]), method=method
    )


def _finding(index: pd.Series) -> str:
    """How H of the last layer goes with the angle: index by experiment → one sentence."""
    means = [(angle, index[name]) for name, angle in ANGLES.items() if name in index.index]
    if len(means) < 2:
        return "One angle of rotation says nothing of how banding goes with it."
    (angle, first), (widest, end) = means[0], means[-1]
    values = [value for _, value in means]
    course = (
        "The wider the range of rotation, the weaker the bands: H" if values == sorted(values, reverse=True) else "H"
    )
    start = f"at ±{angle}°" if angle else "without rotation"
    return f"{course} of the last layer goes from {fixed_text(first)} {start} to {fixed_text(end)} at ±{widest}°."


FIGURES = (Figure("dose-response", draw, "dose and response", of="site", options=("setting",)),)
