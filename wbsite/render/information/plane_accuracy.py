"""Accuracy of a study's networks through training, on training and test samples, single runs and their means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_expression, side_by_side
from wbsite.render.text import percent_text
from wbsite.results.information.counting import Counting
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap
from wbsite.stats.intervals import Interval, t_interval

from ._html import colour_key
from ._plane_parts import (
    absent_text,
    chosen_configurations,
    epoch_axis,
    nothing_to_draw,
    panel_title,
    percent_mean,
    runs_text,
    thinned,
    width_of,
)
from ._planes import study_result

HEIGHT = 210

PARTS = {"train": ("training", "#c9428a"), "test": ("test", "#1c8f94")}
"""Part of the samples → its name in the figure, and its colour."""

FLOOR = 0.01
"""The least error that the axis shows; an accuracy closer to 1 is drawn at its end."""

TICKS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)

ERRORS = {"error": "accuracy", "error_low": "low", "error_high": "high"}
"""Quantity on the logarithmic axis → the column it is computed from."""

ROWS = 6000
"""Most rows of single runs; a study of more runs is drawn at fewer of its records."""


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration, on shared axes."""
    trajectories = study_result(scene, Trajectories)
    if isinstance(trajectories, Gap):
        return trajectories
    chosen, missing = chosen_configurations(scene, trajectories)
    if not chosen:
        return nothing_to_draw(missing)
    runs = len(chosen) * len(trajectories.seeds)
    epochs = thinned(trajectories.epochs, ROWS // (2 * runs))
    course = trajectories.course
    course = course[course["configuration"].isin([each.name for each in chosen]) & course["epoch"].isin(epochs)]
    table = accuracy_rows(course.assign(alive=trajectories.lived(course)))
    baseline = _baseline(scene)
    most = 1 - min([table["accuracy"].min(), *([] if baseline is None else [baseline])])
    ends = (max(most, 2 * FLOOR), FLOOR)
    last = float(table["epoch"].max())
    panels, files, texts = [], {}, []
    for each in chosen:
        text = f"{each.title}: {_ends_text(table[table['configuration'] == each.name])}"
        file = f"accuracy-{each.name}.vl.json"
        files[file] = json.dumps(_chart(each.name, ends, last, baseline)).encode()
        panels.append((panel_title(each, trajectories), file, f"Accuracy of {text}."))
        texts.append(text)
    dead = table["kind"].eq("dead").any()
    samples = trajectories.data
    method = (
        html(
            "{} training and {} test samples of {} ({} split, the same"
            " for all seeds). Thick lines are means over {}, shades their 95 % Student t intervals,"
            " thin lines single runs. The axis of epochs is logarithmic, and the untrained network, epoch 0, is at its left end;"
            " that of accuracy goes by the logarithm of the error, up to {:.0f} %.",
            samples.train,
            samples.test,
            samples.name,
            samples.split,
            runs_text(chosen, trajectories),
            100 * (1 - FLOOR),
        )
        + (" Dotted: runs that died, left out of the means." if dead else "")
        + (
            f" Dashed: {100 * baseline:.1f} %, the best a classifier can do that only counts active inputs."
            if baseline is not None
            else ""
        )
        + absent_text(missing)
    )
    caption = "Accuracy through training, thick lines means over runs, thin ones single runs." + (
        " Dashed: what counting active inputs alone achieves." if baseline is not None else ""
    )
    body = colour_key(dict(PARTS.values())) + side_by_side(panels, HEIGHT)
    alt = f"Line charts of accuracy through training. {'; '.join(texts)}."
    return Drawing(
        caption, alt, table, body=body, files=files, width=width_of(panels),
        finding=_finding(table, trajectories.titles), method=method,
    )  # fmt: skip


def _finding(table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Which network ends highest on test samples, and which lowest.

    Args:
        table: of `accuracy_rows`.
    """
    ends = table[(table["kind"] == "mean") & (table["part"] == "test") & (table["epoch"] == table["epoch"].max())]
    if ends.empty:
        return "No run lived to the end."
    best, worst = (ends.loc[index] for index in (ends["accuracy"].idxmax(), ends["accuracy"].idxmin()))
    highest, lowest = (
        f"{quoted(titles[each['configuration']])} at {percent_text(each['accuracy'])}" for each in (best, worst)
    )
    if len(ends) == 1:
        return f"On test samples training ends with {highest}."
    return f"On test samples, {highest} ends highest and {lowest} lowest."


def accuracy_rows(course: pd.DataFrame) -> pd.DataFrame:
    """One row a point: configuration, part, kind ("mean", "run", or "dead" for a run that died), epoch, accuracy; of a
    mean the interval and how many seeds, of a run its seed.

    Args:
        course: the table of that name in `trajectories`, with a column `alive`.
    """
    parts = []
    for part in PARTS:
        single = course.rename(columns={f"{part}_accuracy": "accuracy"}).assign(part=part)
        single["kind"] = single["alive"].map({True: "run", False: "dead"})
        living = single[single["alive"]]
        rows = [
            {
                **dict(zip(("configuration", "epoch"), key, strict=True)),
                **dict(zip(("accuracy", "low", "high"), t_interval(table["accuracy"]), strict=True)),
                "seeds": len(table),
                "kind": "mean",
                "part": part,
            }
            for key, table in living.groupby(["configuration", "epoch"], sort=False)
        ]
        parts += [pd.DataFrame(rows), single]
    columns = ["configuration", "part", "kind", "seed", "epoch", "accuracy", "low", "high", "seeds"]
    table = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
    numbers = dict.fromkeys(["accuracy", "low", "high"], 4)
    return table.round(numbers).astype({"seed": "Int64", "seeds": "Int64"})


def _baseline(scene: Scene) -> float | None:
    """Accuracy of counting, where it has been computed and the data can be counted."""
    counting = study_result(scene, Counting)
    return None if isinstance(counting, Gap) or counting.baseline is None else counting.baseline.accuracy


def _chart(name: str, ends: tuple[float, float], last: float, baseline: float | None) -> dict[str, Any]:
    import altair as alt

    expression, x = epoch_axis(last)
    scale = alt.Scale(type="log", domain=list(ends), nice=False, clamp=True)
    axis = alt.Axis(values=[round(1 - tick, 3) for tick in TICKS], labelExpr="format(1 - datum.value, '.0%')")
    y = alt.Y("error:Q", title="accuracy", scale=scale, axis=axis)
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=list(PARTS), range=[colour for _, colour in PARTS.values()]), legend=None
    )
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(name)}")
    base = base.transform_calculate(
        x=expression,
        **{
            error: f"isValid(toNumber(datum.{column})) ? max(1 - datum.{column}, {FLOOR}) : null"
            for error, column in ERRORS.items()
        },
    )
    means = base.transform_filter("datum.kind == 'mean'").transform_calculate(
        interval=interval_expression(),
        samples=f"({literal({key: text for key, (text, _) in PARTS.items()})})[datum.part]",
    )
    runs = base.transform_filter("datum.kind == 'run'").mark_line(strokeWidth=0.7, opacity=0.4)
    dead = base.transform_filter("datum.kind == 'dead'").mark_line(strokeWidth=1, opacity=0.8, strokeDash=[1, 3])
    band = (
        means.transform_filter("isValid(toNumber(datum.low))")
        .mark_area(opacity=0.22)
        .encode(x=x, y=alt.Y("error_low:Q", scale=scale), y2=alt.Y2("error_high:Q"), color=colour)
    )
    tips = [
        alt.Tooltip("samples:N"), alt.Tooltip("epoch:Q", format=",d"),
        alt.Tooltip("accuracy:Q", title="mean", format=".4f"), alt.Tooltip("interval:N", title="95 %"), alt.Tooltip("seeds:Q"),
    ]  # fmt: skip
    single = {"x": x, "y": y, "color": colour, "detail": [alt.Detail("seed:N"), alt.Detail("part:N")]}
    layers = [
        runs.encode(**single),
        dead.encode(**single),
        band,
        means.mark_line(strokeWidth=2.4).encode(x=x, y=y, color=colour),
        means.mark_point(size=50, opacity=0, filled=True).encode(x=x, y=y, color=colour, tooltip=tips),
    ]
    if baseline is not None:
        rule = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[5, 4], strokeWidth=1.3)
        layers.insert(0, rule.encode(y=alt.YDatum(1 - baseline, scale=scale)))
    return specification(alt.layer(*layers), HEIGHT)


def _ends_text(table: pd.DataFrame) -> str:
    """Where the means end."""
    texts = []
    means = table[table["kind"] == "mean"]
    for part, (name, _) in PARTS.items():
        course = means[means["part"] == part]
        if course.empty:
            return "no run lived"
        last = course.loc[course["epoch"].idxmax()]
        texts.append(f"{name} ends at {percent_mean(Interval(last['accuracy'], last['low'], last['high']))}")
    return ", ".join(texts)


FIGURES = (
    Figure("plane-accuracy", draw, "accuracy through training", of="site", options=("configurations",)),
)  # fmt: skip
