"""When banding appears: the banding index of every layer through training, and the accuracy beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import BEFORE, LAST, NEUTRAL, SERIES, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import seeds_text, side_by_side
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._laboratory import Laboratory, absent_text, written

if TYPE_CHECKING:
    import altair as alt

COLOURS = {"baseline": SERIES[6], "rotated": SERIES[5], "fc_only": SERIES[4]}
"""Experiment → its colour in the chart of accuracies."""

EARLY = "#7f8896"
"""Colour of the layers before the last two: the earlier, the more of the ground shows through it."""

APART = 0.09
"""Least distance between two names at the ends of lines, as a share of the axis."""

HEIGHT = 250


def course_rows(history: pd.DataFrame, curve: pd.DataFrame) -> pd.DataFrame:
    """One row a point: `measure` H or accuracy, of one seed (`kind` "seed") or the mean over seeds ("mean")."""
    key = ["experiment", "measure", "layer", "epoch"]
    single = pd.concat(
        [
            history.rename(columns={"index": "value"}).assign(measure="H"),
            curve.rename(columns={"accuracy": "value"}).assign(measure="accuracy", layer=""),
        ]
    )[[*key, "seed", "value"]]
    middle = single.groupby(key, sort=False)["value"].agg(value="mean", seeds="count").reset_index()
    table = pd.concat([middle.assign(kind="mean"), single.assign(kind="seed")], ignore_index=True)
    return table.astype({"seed": "Int64", "seeds": "Int64"})[[*key, "kind", "seed", "seeds", "value"]]


def colours(layers: Sequence[str]) -> dict[str, str]:
    """Layer, in order of depth → its colour: greys, then those of the last two."""
    shares = [0.4 + 0.6 * (i + 1) / len(layers[:-2]) for i in range(len(layers[:-2]))]
    early = {name: f"{EARLY}{round(255 * share):02x}" for name, share in zip(layers, shares, strict=False)}
    return early | dict(zip(layers[-2:], [BEFORE, LAST][-len(layers) :], strict=True))


def span(values: pd.Series, step: float) -> list[float]:
    """The range of an axis: the values, rounded outwards to whole steps."""
    return [round(float(values.min()) // step * step, 4), round(-(-float(values.max()) // step) * step, 4)]


def draw(scene: Scene) -> Drawing | Gap:
    """A chart for each experiment, on one scale, and one of all accuracies."""
    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return laboratory
    result = laboratory.result
    tables = map(laboratory.rows, (result.history, result.curve, result.depth))
    history, curve, depth = (table[table["experiment"].isin(COLOURS)] for table in tables)
    names = [name for name in COLOURS if name in set(history["experiment"])]
    if not names:
        return Gap(f"no run of {', '.join(COLOURS)} is there", failed=False)
    table = course_rows(history, curve)
    titles = {name: laboratory.experiments[name].title for name in names}
    # Only layers that were measured through training; in the order of the network.
    layers = [name for name in dict.fromkeys(depth.sort_values("depth")["layer"]) if name in set(table["layer"])]
    key = colours(layers)
    measured = table[table["measure"] == "H"]
    wide, longest = span(measured["value"], 0.2), float(table["epoch"].max())
    table["name_at"] = _names(measured, layers, APART * (wide[1] - wide[0]))
    ends = {name: _ends(measured[measured["experiment"] == name], layers) for name in names}
    panels = [
        (
            titles[name],
            f"time-course-{laboratory.setting}-{name}.vl.json",
            f"H through training, {titles[name]}: {ends[name]}.",
        )
        for name in names
    ]
    specs = {file: _layers_chart(name, key, wide, longest) for (_, file, _), name in zip(panels, names, strict=True)}
    scores = table[table["measure"] == "accuracy"]
    if len(scores):
        file = f"time-course-{laboratory.setting}-accuracy.vl.json"
        specs[file] = _accuracy_chart(titles, span(scores["value"], 0.05), longest)
        panels.append(("accuracy on the test pictures", file, "Accuracy through training."))
    legend = joined((html('<span style="--wb-key:{}">{}</span>', colour, name) for name, colour in key.items()))
    caption = html(
        "H of every convolution through training; thin lines are single seeds of the last two layers, the axis stretches the"
        " first epoch.{}",
        absent_text(history, COLOURS),
    )
    method = html(
        "H on full weights from the untrained network (epoch 0) on, of networks {}. Thick lines are means"
        " over seeds ({}), thin ones single seeds of {};"
        " they show the spread, and no interval is drawn.",
        laboratory.setup_text,
        seeds_text(table[table["kind"] == "mean"]),
        " and ".join(layers[-2:]),
    )
    alt_text = f"Line charts of H through training. {'; '.join(f'{titles[name]}: {ends[name]}' for name in names)}."
    body = html('<p class="wb-keys" aria-hidden="true">{}</p>{}', legend, side_by_side(panels, HEIGHT))
    files = {file: json.dumps(spec).encode() for file, spec in specs.items()}
    return Drawing(
        caption, alt_text, written(table), body=body, files=files, width="wide",
        finding=_finding(laboratory, names, longest), method=method,
    )  # fmt: skip


def _finding(laboratory: Laboratory, names: Sequence[str], longest: float) -> Markup:
    """When the last two layers of the first experiment have half of their final H."""
    experiment = laboratory.experiments[names[0]]
    times = [(layer.half_epoch, layer.layer) for layer in (experiment.before, experiment.last)]
    halves = sorted((epoch, name) for epoch, name in times if epoch is not None)
    if len(halves) < 2:
        return html("H of {} through {:g} epochs.", experiment.title, longest)
    (early, first), (late, second) = halves
    return (
        html(
            "Bands come early: of {:g} epochs, <code>{}</code> takes {:.1f} to reach half of its final H,"
            " <code>{}</code> {:.1f}.",
            longest,
            first,
            early,
            second,
            late,
        )
        if late < longest / 2
        else html(
            "Of {:g} epochs, <code>{}</code> takes {:.1f} to reach half of its final H, <code>{}</code> {:.1f}.",
            longest,
            first,
            early,
            second,
            late,
        )
    )


def _names(measured: pd.DataFrame, layers: Sequence[str], apart: float) -> pd.Series:
    """Where the names of the last two layers stand: at the ends of their lines, moved apart where those meet."""
    middle = measured[(measured["kind"] == "mean") & measured["layer"].isin(layers[-2:])]
    ends = middle.loc[middle.groupby(["experiment", "layer"])["epoch"].idxmax()].sort_values("value")
    values = ends.groupby("experiment")["value"]
    short = (apart - (values.transform("max") - values.transform("min"))).clip(lower=0)
    side = values.cumcount() - (values.transform("size") - 1) / 2
    return (ends["value"] + side * short).round(4)


def _ends(measured: pd.DataFrame, layers: Sequence[str]) -> str:
    """What the last two layers begin and end with."""
    middle = measured[measured["kind"] == "mean"]
    texts = []
    for layer in layers[-2:]:
        values = middle[middle["layer"] == layer].sort_values("epoch")["value"]
        if len(values):
            texts.append(f"{layer} from {share_text(values.iloc[0])} to {share_text(values.iloc[-1])}")
    return ", ".join(texts)


def _epochs(longest: float) -> alt.X:
    import altair as alt

    # Linear up to about a tenth of an epoch, where the index moves fastest, logarithmic beyond.
    scale = alt.Scale(type="symlog", constant=0.1, domain=[0, longest], nice=False)
    values = [0, 0.1, 0.3, 1, 3, 10, 30, 90]
    return alt.X("epoch:Q", title="epoch", scale=scale, axis=alt.Axis(values=values, format="~g", grid=False))


def _layers_chart(experiment: str, key: Mapping[str, str], wide: Sequence[float], longest: float) -> dict[str, Any]:
    import altair as alt

    last = list(key)[-2:]
    colour = alt.Color("layer:N", scale=alt.Scale(domain=list(key), range=list(key.values())), legend=None)
    y = alt.Y("value:Q", title="banding index H", scale=alt.Scale(domain=list(wide), nice=False))
    x = _epochs(longest)
    base = alt.Chart(data()).transform_filter(f"datum.experiment == {literal(experiment)} && datum.measure == 'H'")
    means = base.transform_filter("datum.kind == 'mean'")
    two = f"indexof({literal(last)}, datum.layer) >= 0"
    seeds = base.transform_filter(f"datum.kind == 'seed' && {two}").mark_line(strokeWidth=1, opacity=0.45)
    lines = means.mark_line().encode(
        x=x,
        y=y,
        color=colour,
        strokeWidth=alt.condition(two, alt.value(2.6), alt.value(1.3)),
        detail=alt.Detail("layer:N"),
    )
    tips = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", title="H, mean", format=".3f"),
        alt.Tooltip("seeds:Q"),
    ]
    points = means.mark_point(filled=True, opacity=1).encode(
        x=x, y=y, color=colour, size=alt.condition(two, alt.value(26), alt.value(12)), tooltip=tips
    )
    ends = means.transform_filter("isValid(toNumber(datum.name_at))")
    names = ends.mark_text(align="left", dx=6, fontSize=12, fontWeight="bold").encode(
        x=x, y=alt.Y("name_at:Q"), color=colour, text=alt.Text("layer:N")
    )
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.YDatum(0))
    return specification(
        alt.layer(
            zero,
            seeds.encode(x=x, y=y, color=colour, detail=[alt.Detail("seed:N"), alt.Detail("layer:N")]),
            lines,
            points,
            names,
        ),
        HEIGHT,
    )


def _accuracy_chart(titles: Mapping[str, str], wide: Sequence[float], longest: float) -> dict[str, Any]:
    import altair as alt

    scale = alt.Scale(domain=list(titles), range=[COLOURS[name] for name in titles])
    legend = alt.Legend(
        title=None,
        orient="top",
        columns=1,
        symbolType="stroke",
        symbolOpacity=1,
        symbolStrokeWidth=2,
        labelExpr=f"{literal(dict(titles))}[datum.value]",
        fillColor=None,
    )
    colour = alt.Color("experiment:N", scale=scale, legend=legend)
    dash = alt.StrokeDash(
        "experiment:N", scale=alt.Scale(domain=list(titles), range=[[1, 0], [6, 3], [2, 2]]), legend=legend
    )
    y = alt.Y(
        "value:Q", title="test accuracy", scale=alt.Scale(domain=list(wide), nice=False), axis=alt.Axis(format="%")
    )
    x = _epochs(longest)
    base = alt.Chart(data()).transform_filter("datum.measure == 'accuracy'")
    means = base.transform_filter("datum.kind == 'mean'")
    lines = means.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    seeds = base.transform_filter("datum.kind == 'seed'").mark_point(filled=True, size=14, opacity=0.5)
    tips = [
        alt.Tooltip("experiment:N"),
        alt.Tooltip("seed:Q"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", title="accuracy", format=".1%"),
    ]
    return specification(alt.layer(lines, seeds.encode(x=x, y=y, color=colour, tooltip=tips)), HEIGHT)


FIGURES = (Figure("time-course", draw, "the time course of banding", of="site", options=("setting",)),)
