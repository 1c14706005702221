"""Where in the network banding appears: the banding index by layer, for last maps and for kernels of several sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import INTERVAL, interval_expression, seeds_text, side_by_side
from wbsite.render.text import listing, share_text
from wbsite.results.banding.simplified_network import SimplifiedNetwork
from wbsite.results.site import Gap

from ._laboratory import SUITE, Laboratory, absent_text, span, written

PANELS = {"map": ("map_4", "baseline", "map_16"), "kernel": ("kernel_3", "baseline", "kernel_7")}
"""What is varied → its experiments, smallest first."""

TITLES = {"map": "Side of the last map, in positions", "kernel": "Side of the kernels"}

COLOURS, SHAPES, DASHES = [SERIES[5], INDEX, SERIES[4]], ["triangle-up", "circle", "square"], [[6, 3], [1, 0], [2, 2]]
"""Of the smaller, the baseline and the larger."""

BESIDE = 0.1
"""Layers by which neighbours are moved apart, so that their intervals do not cover each other."""

HEIGHT = 280


def labels(scene: Scene, laboratory: Laboratory) -> dict[tuple[str, str], str]:
    """(what is varied, experiment) → its value as text, or the experiment's title where the network is not recorded."""
    network = scene.site.suite(SUITE).result(SimplifiedNetwork)
    layers = laboratory.rows(network.rows).to_dict("records") if network else []
    texts = {}
    for panel, names in PANELS.items():
        for name in names:
            experiment = laboratory.experiments.get(name)
            if experiment is None:
                continue
            text = experiment.title
            if layers and panel == "map":
                side = layers[-1]["side"] / 2 ** float(experiment.parameters.get("poolings", 0))
                text = f"{side:g}×{side:g}"
            elif layers:
                side = experiment.parameters.get("kernel", layers[-1]["kernel"])
                text = f"{side}×{side}"
            texts[panel, name] = f"{text}, baseline" if name == "baseline" and layers else text
    return texts


def draw(scene: Scene) -> Drawing | Gap:
    """Two charts of H by layer on one scale."""
    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return laboratory
    depth = laboratory.rows(laboratory.result.depth)
    names = list(dict.fromkeys(name for experiments in PANELS.values() for name in experiments))
    texts = labels(scene, laboratory)
    parts = [
        depth[depth["experiment"] == name].assign(
            panel=panel, label=texts[panel, name], x=depth["depth"] + BESIDE * (i - 1)
        )
        for panel, experiments in PANELS.items()
        for i, name in enumerate(experiments)
        if name in set(depth["experiment"])
    ]
    if not parts:
        return Gap(f"no run of {', '.join(names)} is there", failed=False)
    columns = ["panel", "experiment", "label", "layer", "depth", "x", "seeds", "index", "low", "high"]
    table = pd.concat(parts, ignore_index=True)[columns]
    panels, files, sentences = [], {}, []
    for panel, experiments in PANELS.items():
        present = {texts[panel, name]: i for i, name in enumerate(experiments) if (panel, name) in texts}
        if not present:
            continue
        file = f"where-in-network-{laboratory.setting}-{panel}.vl.json"
        files[file] = json.dumps(_chart(panel, table, present)).encode()
        ends = [
            f"{label} {share_text(_end(table, panel, label)['index'])} at {_end(table, panel, label)['layer']}"
            for label in present
        ]
        alt = f"H of the last convolution by {TITLES[panel].lower()}: {', '.join(ends)}"
        sentences.append(alt)
        panels.append((TITLES[panel], file, f"{alt}."))
    caption = html(
        "H by layer, in order of depth: with one pooling more or less, and with other kernels.{}",
        absent_text(depth, names),
    )
    method = html("H on full weights. {} ({}). Networks {}.", INTERVAL, seeds_text(table), laboratory.setup_text)
    return Drawing(
        caption,
        f"Line charts. {'; '.join(sentences)}.",
        written(table),
        body=side_by_side(panels, HEIGHT),
        files=files,
        width="wide",
        finding=_finding(laboratory),
        method=method,
    )


def _finding(laboratory: Laboratory) -> str:
    """How H of the last layer goes with the size of the last map and of the kernels, beyond what seeds explain."""
    parts = []
    for panel, (smaller, _, larger) in PANELS.items():
        if smaller not in laboratory.experiments or larger not in laboratory.experiments:
            continue
        small, large = (laboratory.experiments[name].last.difference for name in (smaller, larger))
        if small.negative and large.positive:
            trend = "rises with"
        elif small.positive and large.negative:
            trend = "falls with"
        else:
            trend = "does not clearly follow"
        parts.append(f"{trend} the {TITLES[panel].lower().replace(', in positions', '')}")
    return f"Banding of the last layer {listing(parts)}." if parts else "Banding by layer, as far as it was measured."


def _end(table: pd.DataFrame, panel: str, label: str) -> dict[str, Any]:
    """The row of the last layer."""
    rows = table[(table["panel"] == panel) & (table["label"] == label)]
    return {str(name): value for name, value in rows.sort_values("depth").iloc[-1].to_dict().items()}


def _chart(panel: str, table: pd.DataFrame, present: Mapping[str, int]) -> dict[str, Any]:
    import altair as alt

    domain, order = list(present), list(dict.fromkeys(table.sort_values("depth")["layer"]))
    legend = alt.Legend(title=None, orient="top", symbolSize=80, columns=3)

    def scale(values: list[Any]) -> alt.Scale:
        return alt.Scale(domain=domain, range=[values[i] for i in present.values()])

    axis = alt.Axis(values=list(range(len(order))), labelExpr=f"{literal(order)}[datum.value]", grid=False)
    x = alt.X("x:Q", title="layer", axis=axis, scale=alt.Scale(nice=False, padding=10))
    y = alt.Y("index:Q", title="banding index H", scale=alt.Scale(domain=list(span(table)), nice=False, clamp=True))
    colour = alt.Color("label:N", scale=scale(COLOURS), legend=legend)
    base = (
        alt.Chart(data())
        .transform_filter(f"datum.panel == '{panel}'")
        .transform_calculate(interval=interval_expression())
    )
    dash = alt.StrokeDash("label:N", scale=scale(DASHES), legend=legend)
    lines = base.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=colour, strokeDash=dash)
    whiskers = base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    tips = [
        alt.Tooltip("label:N"),
        alt.Tooltip("layer:N"),
        alt.Tooltip("index:Q", title="H", format=".3f"),
        alt.Tooltip("interval:N"),
        alt.Tooltip("seeds:Q"),
    ]
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=x,
        y=y,
        color=colour,
        tooltip=tips,
        shape=alt.Shape("label:N", scale=scale(SHAPES), legend=legend),
    )
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.YDatum(0))
    return specification(alt.layer(zero, lines, whiskers, points), HEIGHT)


FIGURES = (Figure("where-in-network", draw, "banding by layer, map and kernel size", of="site", options=("setting",)),)
