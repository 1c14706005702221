"""Gradients through training: signal-to-noise ratio, mean and deviation over batches, and weight norms, by layer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import html
from wbsite.render.charts import data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import number_text
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap

from ._html import chart_menu, colour_key, findings
from ._plane_parts import (
    absent_text,
    by_choice,
    chosen_configurations,
    epoch_axis,
    layer_colour,
    nothing_to_draw,
    panel_title,
    runs_text,
    spread_out,
    thinned,
    width_of,
)
from ._planes import colours_by_layer, study_result

HEIGHT = 230

QUANTITIES = {
    "snr": "signal-to-noise ratio of the gradient",
    "mean": "norm of the mean gradient",
    "deviation": "norm of the gradient's deviation over batches",
    "weight_norm": "norm of the weights",
}
"""Column → its name in menus and on axes."""

ROWS = 3600
"""Most rows of data; a study with more configurations is drawn at fewer of its records."""

FLOOR = 1e-5
"""Lower end of an axis as a share of its upper one, at the least: a gradient that vanishes would squeeze the rest."""

APART = 0.065
"""Least distance between two labels, as a share of the axis."""


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration, on shared axes; a menu chooses the quantity."""
    trajectories = study_result(scene, Trajectories)
    if isinstance(trajectories, Gap):
        return trajectories
    chosen, missing = chosen_configurations(scene, trajectories)
    gradients = trajectories.gradients[trajectories.lived(trajectories.gradients)]
    chosen = [each for each in chosen if each.name in set(gradients["configuration"])]
    if not chosen:
        return nothing_to_draw(missing)
    colours = colours_by_layer(chosen)
    most = ROWS // (len(chosen) * len(colours))
    table = gradient_rows(gradients, [each.name for each in chosen], thinned(trajectories.epochs, most))
    ends = {name: _ends(table, name) for name in QUANTITIES}
    last = float(table["epoch"].max())
    panels, files, texts = [], {}, []
    for each in chosen:
        courses = table[table["configuration"] == each.name]
        file, text = f"gradients-{each.name}.vl.json", f"{each.title}: {_ratio_text(courses, each.layers)}"
        files[file] = json.dumps(_chart(courses, each, colours, ends, last)).encode()
        panels.append((panel_title(each, trajectories), file, f"{text}."))
        texts.append(text)
    menu = chart_menu("quantity", "Shown:", QUANTITIES, "snr")
    found = {name: _finding(table, chosen[0], name) for name in QUANTITIES}
    body = html("{}{}{}{}", menu, findings(found), colour_key(colours), side_by_side(panels, HEIGHT))
    records = table["epoch"].nunique()
    thin = f", here {records} of them" if records < trajectories.records else ""
    method = html(
        "Of the gradient of the loss over each batch of an epoch, with the weights held: the mean and the standard deviation"
        " over batches, each as its Euclidean norm over the layer's weights, and their ratio, the signal-to-noise ratio;"
        " besides, the norm of the layer's weights. Means over {}; shades reach from the least"
        " to the greatest run. Both axes are logarithmic; the untrained network, epoch 0, is at their left end. At"
        " {} recorded epochs{}. Data: {}.{}",
        runs_text(chosen, trajectories),
        trajectories.records,
        thin,
        trajectories.data.name,
        absent_text(missing),
    )
    alt = f"Line charts of gradients by layer through training. Ratio of signal to noise: {'; '.join(texts)}."
    caption = "A line a layer, mean over runs; shades reach from the least run to the greatest. The menu has the parts."
    return Drawing(
        caption, alt, table, body=body, files=files, width=width_of(panels), finding=found["snr"], method=method
    )


def _finding(table: pd.DataFrame, configuration: ConfigurationRecord, quantity: str) -> str:
    """When a quantity of the last hidden layer is largest, on average over runs."""
    layer = configuration.hidden[-1]
    course = table[(table["configuration"] == configuration.name) & (table["layer"] == layer)].dropna(subset=[quantity])
    where = f"In {layer} of {quoted(configuration.title)}, the {QUANTITIES[quantity]}"
    if course.empty:
        return f"{where} is not defined."
    return f"{where} is largest at epoch {int(course.loc[course[quantity].idxmax(), 'epoch'])}."


def gradient_rows(gradients: pd.DataFrame, names: Sequence[str], epochs: Sequence[int]) -> pd.DataFrame:
    """One row a configuration, layer and record: of each quantity the mean over runs, and NAME_low and NAME_high, the
    least and the greatest; NaN where no run has it. Rounded to four digits."""
    table = gradients[gradients["configuration"].isin(names) & gradients["epoch"].isin(epochs)]
    statistics = {
        f"{name}{end}": (name, statistic)
        for name in QUANTITIES
        for end, statistic in (("", "mean"), ("_low", "min"), ("_high", "max"))
    }
    groups = table.groupby(["configuration", "layer", "epoch"], sort=False)
    means = groups.agg(seeds=("seed", "nunique"), **statistics).reset_index()
    for name in statistics:
        means[name] = [float(f"{value:.3e}") for value in means[name]]
    return means


def _ends(table: pd.DataFrame, name: str) -> tuple[float, float]:
    """The ends of a quantity's axis in all panels, powers of ten around what is above 0."""
    positive = table[name][table[name] > 0]
    if positive.empty:
        return 0.1, 1.0
    most = 10.0 ** math.ceil(math.log10(positive.max()))
    least = 10.0 ** math.floor(math.log10(positive.min()))
    return min(max(least, most * FLOOR), most / 10), most


def _chart(
    table: pd.DataFrame,
    configuration: ConfigurationRecord,
    colours: Mapping[str, str],
    ends: Mapping[str, tuple[float, float]],
    last: float,
) -> dict[str, Any]:
    import altair as alt

    quantity = alt.param(name="quantity", value="snr")
    expression, x = epoch_axis(last)
    low, high = (by_choice("quantity", {name: pair[end] for name, pair in ends.items()}) for end in (0, 1))
    floor = f"({low.expr})"
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(configuration.name)}")
    base = base.transform_calculate(x=expression)
    for name, end in (("value", ""), ("least", "_low"), ("most", "_high")):
        column = f"toNumber(datum[quantity + '{end}'])"
        base = base.transform_calculate(**{name: f"isValid({column}) ? max({column}, {floor}) : null"})
    base = base.transform_filter("isValid(datum.value)")
    # A title cannot go by a parameter's value in Vega-Lite: the menu above names the quantity.
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    ticks = {
        name: [10.0**p for p in range(-12, 7) if least <= 1.001 * 10.0**p <= 1.01 * most]
        for name, (least, most) in ends.items()
    }
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format="~g", values=by_choice("quantity", ticks)))
    colour = layer_colour(configuration, colours)
    band = base.mark_area(opacity=0.13, clip=True).encode(
        x=x, y=alt.Y("least:Q", scale=scale), y2=alt.Y2("most:Q"), color=colour
    )
    tips = [
        alt.Tooltip("layer:N"), alt.Tooltip("epoch:Q", format=",d"), alt.Tooltip("value:Q", title="mean", format=".3~g"),
        alt.Tooltip("least:Q", title="least run", format=".3~g"), alt.Tooltip("most:Q", title="greatest", format=".3~g"),
        alt.Tooltip("seeds:Q", title="runs"),
    ]  # fmt: skip
    lines = base.mark_line(strokeWidth=2, clip=True).encode(x=x, y=y, color=colour)
    points = base.mark_point(size=60, opacity=0, filled=True).encode(x=x, y=y, color=colour, tooltip=tips)
    labels = (
        base.transform_filter(f"datum.epoch == {last}")
        .transform_calculate(
            short="replace(replace(datum.layer, 'layer ', ''), 'output', 'out')",
            label=f"({literal(_labels(table, configuration.layers, ends))})[quantity][datum.layer]",
        )
        .mark_text(align="left", dx=6, fontSize=11, fontWeight=600)
        .encode(x=x, y=alt.Y("label:Q", scale=scale), text=alt.Text("short:N"), color=colour)
    )
    chart = specification(alt.layer(band, lines, points, labels).add_params(quantity), HEIGHT)
    return {**chart, "padding": {"left": 5, "top": 5, "bottom": 5, "right": 22}}


def _labels(
    table: pd.DataFrame, names: Sequence[str], ends: Mapping[str, tuple[float, float]]
) -> dict[str, dict[str, float]]:
    """Quantity → layer → position of its name at the end of its line."""
    final = table[table["epoch"] == table["epoch"].max()].set_index("layer")
    positions: dict[str, dict[str, float]] = {}
    for quantity, (low, high) in ends.items():
        values = final[quantity].reindex(list(names)).to_numpy()
        drawn = np.log10(np.clip(np.nan_to_num(values, nan=low), low, high))
        moved = spread_out(drawn.tolist(), APART * math.log10(high / low))
        positions[quantity] = {name: 10**exponent for name, exponent in zip(names, moved, strict=True)}
    return positions


def _ratio_text(table: pd.DataFrame, names: Sequence[str]) -> str:
    """Ratio of the first and last layer at the beginning and at the end."""
    texts = []
    for name in dict.fromkeys((names[0], names[-1])):
        line = table[table["layer"] == name].sort_values("epoch")["snr"]
        texts.append(f"{name} from {number_text(float(line.iloc[0]))} to {number_text(float(line.iloc[-1]))}")
    return ", ".join(texts)


FIGURES = (Figure("gradients", draw, "gradients and weights through training", of="site", options=("configurations",)),)
