"""Where in the network banding appears: the banding index by layer, for last maps and for kernels of several sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import (
    INTERVAL,
    SUITE,
    about,
    absent_text,
    interval_expression,
    rows,
    seeds_text,
    setup_text,
    side_by_side,
    span,
)
from wbsite.render.text import share_text
from wbsite.results.site import Gap

PANELS = {"map": ("map_4", "baseline", "map_16"), "kernel": ("kernel_3", "baseline", "kernel_7")}
"""What is varied → its experiments, smallest first."""

TITLES = {"map": "Side of the last map, in positions", "kernel": "Side of the kernels"}

COLOURS, SHAPES, DASHES = [SERIES[5], INDEX, SERIES[4]], ["triangle-up", "circle", "square"], [[6, 3], [1, 0], [2, 2]]
"""Of the smaller, the baseline and the larger."""

BESIDE = 0.1
"""Layers by which neighbours are moved apart, so that their intervals do not cover each other."""

HEIGHT = 280


def labels(scene: Scene, setting: str) -> dict[tuple[str, str], str]:
    """(what is varied, experiment) → its value as text, or the experiment's title where the network is not recorded."""
    facts = about(scene, setting)
    network = scene.site.suite(SUITE).entry("simplified_network")
    layers = network.table("rows") if network else pd.DataFrame({"setting": []})
    layers = layers[layers["setting"] == setting]
    found = {}
    for panel, experiments in PANELS.items():
        for name in experiments:
            if name not in facts:
                continue
            text = str(facts[name]["title"])
            if len(layers) and panel == "map":
                side = int(layers["side"].iloc[-1]) / 2 ** facts[name]["parameters"].get("poolings", 0)
                text = f"{side:g}×{side:g}"
            elif len(layers):
                side = facts[name]["parameters"].get("kernel", int(layers["kernel"].iloc[-1]))
                text = f"{side}×{side}"
            found[panel, name] = f"{text}, baseline" if name == "baseline" and len(layers) else text
    return found


def draw(scene: Scene) -> Drawing | Gap:
    """Two charts of H by layer on one scale."""
    depth = rows(scene, "depth")
    if isinstance(depth, Gap):
        return depth
    setting = str(depth["setting"].iloc[0])
    wanted = list(dict.fromkeys(name for experiments in PANELS.values() for name in experiments))
    said = labels(scene, setting)
    parts = [
        depth[depth["experiment"] == name].assign(
            panel=panel, label=said[panel, name], x=depth["depth"] + BESIDE * (i - 1)
        )
        for panel, experiments in PANELS.items()
        for i, name in enumerate(experiments)
        if name in set(depth["experiment"])
    ]
    if not parts:
        return Gap(f"no run of {', '.join(wanted)} is there", failed=False)
    columns = ["panel", "experiment", "label", "layer", "depth", "x", "seeds", "index", "low", "high"]
    table = pd.concat(parts, ignore_index=True)[columns].round(4)
    panels, files, told = [], {}, []
    for panel, experiments in PANELS.items():
        present = {said[panel, name]: i for i, name in enumerate(experiments) if (panel, name) in said}
        if not present:
            continue
        file = f"where-in-network-{setting}-{panel}.vl.json"
        files[file] = json.dumps(_chart(panel, table, present)).encode()
        ends = [
            f"{label} {share_text(_end(table, panel, label)['index'])} at {_end(table, panel, label)['layer']}"
            for label in present
        ]
        alt = f"H of the last convolution by {TITLES[panel].lower()}: {', '.join(ends)}"
        told.append(alt)
        panels.append((escape(TITLES[panel]), file, f"{alt}."))
    caption = (
        "Where in the network banding appears: H by layer, in order of depth, on full weights. In one chart the last map has other"
        " numbers of positions, because one pooling is added or left out; in the other all kernels have another size."
        f" {INTERVAL} ({seeds_text(table)}). Networks {setup_text(scene, setting)}.{absent_text(depth, wanted)}"
    )
    return Drawing(
        caption, f"Line charts. {'; '.join(told)}.", table, body=side_by_side(panels, HEIGHT), files=files, width="wide"
    )


def _end(table: pd.DataFrame, panel: str, label: str) -> dict[str, Any]:
    """The row of the last layer."""
    of = table[(table["panel"] == panel) & (table["label"] == label)]
    return {str(name): value for name, value in of.sort_values("depth").iloc[-1].to_dict().items()}


def _chart(panel: str, table: pd.DataFrame, present: Mapping[str, int]) -> dict[str, Any]:
    import altair as alt

    domain, order = list(present), list(dict.fromkeys(table.sort_values("depth")["layer"]))
    legend = alt.Legend(title=None, orient="top", symbolSize=80, columns=3)

    def scale(values: list[Any]) -> alt.Scale:
        return alt.Scale(domain=domain, range=[values[i] for i in present.values()])

    axis = alt.Axis(values=list(range(len(order))), labelExpr=f"{order!r}[datum.value]", grid=False)
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
    whiskers = base.mark_rule(strokeWidth=2).encode(x=x, y="low:Q", y2="high:Q", color=colour)
    tips = ["label:N", "layer:N", alt.Tooltip("index:Q", title="H", format=".3f"), "interval:N", "seeds:Q"]
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=x,
        y=y,
        color=colour,
        tooltip=tips,
        shape=alt.Shape("label:N", scale=scale(SHAPES), legend=legend),
    )
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.datum(0))
    return specification(alt.layer(zero, lines, whiskers, points), HEIGHT)


FIGURES = (Figure("where-in-network", draw, "banding by layer, map and kernel size", of="site", options=("setting",)),)
