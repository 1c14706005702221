"""Activations of every unit of a trained network, and where their means lie for each number of active inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import html, joined
from wbsite.render.charts import data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import number_text, percent_text
from wbsite.results.information.activation_peaks import HIDDEN, ActivationPeaks, PeakSummary
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap

from ._plane_parts import absent_text, chosen_configurations
from ._planes import colours_by_layer, study_result

UNITS = 10
"""Units drawn of a layer."""

ROW, HIGH = 19, 0.88
"""Pixels of a unit's row, and the share of it that its highest bin takes."""

FEW, MANY = "#5f9fd6", "#d1495b"
"""Of the marks, from no active input to all of them."""


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration: units as rows."""
    trajectories, peaks = study_result(scene, Trajectories), study_result(scene, ActivationPeaks)
    if isinstance(trajectories, Gap):
        return trajectories
    if isinstance(peaks, Gap):
        return peaks
    if peaks.reason:
        return Gap(peaks.reason, failed=False)
    chosen, missing = chosen_configurations(scene, trajectories)
    living = [each for each in chosen if peaks.example_seed[each.name] is not None]
    if not living:
        return Gap("no run of the configurations asked for lived to the end", failed=False)
    drawn = living if scene.options.get("configurations") else _extremes(living, peaks)
    omitted = [each for each in living if each not in drawn]
    tables = {each.name: unit_rows(peaks, each.name) for each in drawn}
    table = pd.concat(tables.values(), ignore_index=True)
    colours = colours_by_layer(chosen)
    counts = peaks.counts
    panels, files, texts, height = [], {}, [], 0
    for each in drawn:
        file, text = (
            f"peaks-{each.name}.vl.json",
            html("{}: {}", each.title, _summary_text(peaks.layers[each.name][HIDDEN])),
        )
        spec, tall = _chart(tables[each.name], each.name, colours, counts)
        height = max(height, tall)
        files[file] = json.dumps(spec).encode()
        panels.append(
            (html("{}, seed {}", each.title, peaks.example_seed[each.name]), file, html("Activations of {}.", text))
        )
        texts.append(text)
    method = (
        html(
            "One run a network, the first seed that lived, at the last epoch, on all samples that are measured. Above its line"
            " is a unit's histogram, smoothed, each on its own scale. Rows that reach beyond 1 are divided by their largest"
            " absolute activation. Were a unit a function of the count alone, every peak would be above a mark; of"
            " {} counts {} have samples enough for a peak. What counts as a peak in the numbers of the"
            " text: {}.",
            len(counts),
            peaks.visible,
            peaks.rule,
        )
        + (html(" Not drawn: {}.", "; ".join(each.title for each in omitted)) if omitted else "")
        + absent_text(missing)
    )
    caption = (
        "A row is a unit: the histogram of its activations, below it the means for each number of inputs,"
        f" {counts[0]} (blue) to {counts[-1]} (red)."
    )
    alt = html("Histograms of the activations of every unit after training. {}.", joined(texts, "; "))
    return Drawing(
        caption,
        alt,
        table,
        body=side_by_side(panels, height),
        files=files,
        width="wide" if len(panels) in (2, 4) else "full",
        finding=_finding(drawn, peaks),
        method=method,
    )


def _explained(peaks: ActivationPeaks, name: str) -> float:
    """Share of hidden units' variance that the number of active inputs explains, mean over runs; 0 where none varies."""
    return peaks.layers[name][HIDDEN].eta_w.mean or 0.0


def _extremes(living: Sequence[ConfigurationRecord], peaks: ActivationPeaks) -> list[ConfigurationRecord]:
    """The configurations in which the number of active inputs explains most and least, in their order."""
    ranked = sorted(living, key=lambda each: _explained(peaks, each.name))
    return [each for each in living if each in (ranked[0], ranked[-1])]


def _finding(drawn: Sequence[ConfigurationRecord], peaks: ActivationPeaks) -> str:
    """In which of the networks the number of active inputs explains most of what hidden units do, and least."""
    ranked = sorted(drawn, key=lambda each: _explained(peaks, each.name), reverse=True)
    shares = [
        f"{percent_text(_explained(peaks, each.name), 1)} in {quoted(each.title)}" for each in (ranked[0], ranked[-1])
    ]
    return f"Of hidden units' variance, the number of active inputs explains {' and '.join(dict.fromkeys(shares))}."


def unit_rows(peaks: ActivationPeaks, name: str) -> pd.DataFrame:
    """One row a bin that is not empty, or a count: configuration, layer, unit, at (activation, of a unit that reaches beyond
    1 divided by its largest), share (of the unit's highest bin), w (NaN for a bin), row (from the top)."""
    units = peaks.units.query("configuration == @name").reset_index(drop=True)
    centres, heights, means = peaks.centres[name], peaks.heights[name], peaks.means[name]
    parts, row, before = [], -1.0, ""
    for index in units.index[units["unit"] < UNITS]:
        layer, unit = units.loc[index, ["layer", "unit"]]
        row += 1 if layer == before or not before else 1.6
        before = layer
        activation, tall = centres[index].astype(np.float64), heights[index].astype(np.float64)
        # A histogram's outermost bins end half a bin beyond the largest activation.
        largest = max(np.abs(activation).max(), np.abs(means[index]).max(), 1e-9)
        scale = largest if largest > 1 else 1.0
        visible = tall > 0.004 * max(tall.max(), 1e-9)
        bins = pd.DataFrame({"at": activation[visible] / scale, "share": tall[visible] / max(tall.max(), 1e-9)})
        marks = pd.DataFrame({"at": means[index] / scale, "w": peaks.counts})
        parts.append(pd.concat([bins, marks]).assign(configuration=name, layer=layer, unit=unit, row=row))
    table = pd.concat(parts, ignore_index=True)[["configuration", "layer", "unit", "row", "at", "share", "w"]]
    return table.round({"at": 3, "share": 3, "row": 1}).astype({"w": "Int64", "unit": int})


def _chart(table: pd.DataFrame, name: str, colours: Mapping[str, str], counts: list[int]) -> tuple[dict[str, Any], int]:
    import altair as alt

    rows = table.groupby(["layer", "unit"], sort=False)["row"].first().reset_index()
    last = float(rows["row"].max())
    labels = {f"{row:.1f}": layer for layer, row in rows.groupby("layer", sort=False)["row"].min().items()}
    low = min(0.0, float(table["at"].min()))
    x = alt.X(
        "at:Q", title="activation", scale=alt.Scale(domain=[-1 if low < -0.5 else low, 1], nice=False, clamp=True),
        axis=alt.Axis(grid=False, tickCount=5),
    )  # fmt: skip
    axis = alt.Axis(
        values=[float(row) for row in labels], labelExpr=f"({literal(labels)})[format(datum.value, '.1f')]",
        grid=False, ticks=False, domain=False, title=None, labelPadding=8,
    )  # fmt: skip
    y = alt.Y("row:Q", scale=alt.Scale(domain=[last + 0.4, -1], nice=False), axis=axis)
    colour = alt.Color("layer:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(name)}")
    bins = base.transform_filter("!isValid(datum.w) || datum.w === ''").transform_calculate(
        top=f"datum.row - {HIGH} * datum.share"
    )
    marks = base.transform_filter("isValid(datum.w) && datum.w !== ''")
    count = alt.Color("w:Q", scale=alt.Scale(domain=[counts[0], counts[-1]], range=[FEW, MANY]), legend=None)
    tips = [
        alt.Tooltip("layer:N"), alt.Tooltip("unit:N"), alt.Tooltip("w:Q", title="active inputs"),
        alt.Tooltip("at:Q", title="mean activation", format=".3f"),
    ]  # fmt: skip
    layers = [
        bins.mark_area(opacity=0.65, interpolate="linear").encode(
            x=x, y=y, y2=alt.Y2("top:Q"), color=colour, detail=[alt.Detail("unit:N"), alt.Detail("layer:N")]
        ),
        marks.mark_point(filled=True, size=26, opacity=1).encode(x=x, y=y, color=count, tooltip=tips),
    ]
    height = round(ROW * (last + 1.4))
    return specification(alt.layer(*layers).resolve_scale(color="independent"), height), height + 50


def _summary_text(hidden: PeakSummary) -> str:
    explained = "none" if hidden.eta_w.mean is None else number_text(round(hidden.eta_w.mean, 2))
    return (
        f"units of the hidden layers have {number_text(round(hidden.peaks.mean or 0, 2))} peaks on average, and the"
        f" count explains {explained} of their variance"
    )


FIGURES = (
    Figure(
        "activation-peaks", draw, "activations after training and the number of active inputs", of="site",
        options=("configurations",),
    ),
)  # fmt: skip
