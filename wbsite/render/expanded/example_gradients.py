"""What a unit really got from its sources on photographs, beside the expanded weights and the bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import map_img, scale_legend
from wbsite.render.page import slug
from wbsite.render.suite_tables import side_by_side
from wbsite.render.text import counted, listing, number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.gradients import GradientExample, Gradients
from wbsite.results.site import Gap

from ._channels import channel_text, channel_tile

SOURCES = 3
"""Drawn of each example."""

HEIGHT = 300

KINDS = {"cancelling": "hides most", "ordinary": "ordinary, for comparison"}
"""Why a unit is drawn → its words in a heading."""

NAMES = {"cancelling": "the unit that hides most", "ordinary": "an ordinary one"}
"""The same → its words in the caption."""


def draw(scene: Scene) -> Drawing | Gap:
    """Small multiples of one cancelling unit and of the ordinary one, and their gradients, a point a photograph."""
    assert scene.model is not None
    gradients = scene.result_or_gap(Gradients)
    if isinstance(gradients, Gap):
        return gradients
    examples = _first_of_each_kind(gradients.examples)
    if not examples:
        reasons = [skip.reason for skip in gradients.skipped]
        return Gap(reasons[0] if reasons else "no unit has paths that could cancel", failed=False)
    table = _points(scene, gradients.rows, examples)
    name = f"example-gradients-{slug(scene.model.id)}"
    files: dict[str, bytes] = {}
    panels, parts = [], []
    for number, example in examples.items():
        parts.append(_example(scene, gradients, number, example, files))
        target = channel_text(scene, example.layer, example.unit)
        points = table[table["example"] == number]
        file = f"{name}-{number}.vl.json"
        files[file] = json.dumps(_chart(points, number)).encode()
        text = (
            f"Excitation and inhibition of {target} by its sources on {gradients.photographs_used} photographs: medians"
            f" {points['excitation'].median():.3g} and {points['inhibition'].median():.3g}."
        )
        panels.append((html("{}, {}", target, KINDS[example.kind]), file, text))
    body = html('<div class="wb-trials">{}</div>{}', joined(parts), side_by_side(panels, HEIGHT))
    alt = " ".join(text for _, _, text in panels)
    return Drawing(
        _caption(examples),
        alt,
        table,
        body=body,
        files=files,
        width="full",
        finding=_finding(table, examples),
        method=_method(scene, gradients, examples),
    )


def _first_of_each_kind(examples: Sequence[GradientExample]) -> dict[int, GradientExample]:
    """By number."""
    first: dict[str, int] = {}
    for number, example in enumerate(examples):
        first.setdefault(example.kind, number)
    return {number: examples[number] for number in sorted(first.values())}


def _points(scene: Scene, rows: pd.DataFrame, examples: Mapping[int, GradientExample]) -> pd.DataFrame:
    """One row an example, source and photograph."""
    table = rows[rows["example"].isin(list(examples))].copy()
    order = {n: list(dict.fromkeys(table[table["example"] == n]["channel"]))[:SOURCES] for n in examples}
    table = table[[c in order[n] for n, c in zip(table["example"], table["channel"], strict=True)]]
    pairs = zip(table["source_layer"], table["source_unit"], strict=True)
    names = [channel_text(scene, layer, int(unit)) if layer else f"channel {unit}" for layer, unit in pairs]
    table = table.assign(of=names, case=table["case"] + 1, inhibition=-table["inhibition"])
    return table.round({"activation": 4, "excitation": 6, "inhibition": 6}).reset_index(drop=True)


def _example(
    scene: Scene, gradients: Gradients, number: int, example: GradientExample, files: dict[str, bytes]
) -> Markup:
    """One unit: a row for each source."""
    assert scene.model is not None
    key, sources = str(number), example.sources[:SOURCES]
    groups: list[tuple[str, list[tuple[str, np.ndarray]]]] = [
        ("expanded weights", [("expanded", gradients.expanded[key])]),
        (
            "bounds over all patterns of rectifiers",
            [("at most", gradients.upper[key]), ("at least", gradients.lower[key])],
        ),
        (
            "gradients on photographs",
            [
                ("mean", gradients.mean[key]),
                *((f"case {i + 1}", case) for i, case in enumerate(gradients.typical[key])),
            ],
        ),
    ]
    scales = [max(float(np.abs(kernels[: len(sources)]).max()) for _, kernels in group) for _, group in groups]
    legends = joined(
        (html("<div>{}{}</div>", title, scale_legend(scale)) for (title, _), scale in zip(groups, scales, strict=True))
    )
    target, lines = channel_text(scene, example.layer, example.unit), []
    for i, channel in enumerate(sources):
        source = channel_text(scene, channel.source_layer, channel.source_unit, example.source)
        cells = [html("<div>{}</div>", channel_tile(scene, channel.source_layer, channel.source_unit, example.source))]
        for (_, group), scale in zip(groups, scales, strict=True):
            for word, kernels in group:
                file = f"example-gradients-{slug(scene.model.id)}-{number}-{i}-{word.replace(' ', '-')}"
                image = map_img(kernels[i], scale, f"From {source}, {word}", file, files)
                cells.append(html("<div>{}<small>{}</small></div>", image, word))
        lines.append(html('<div class="wb-signs">{}</div>', joined(cells)))
    cases = ", ".join(
        f"case {i + 1} {case.share:.0%} (most of {case.photographs} photographs)"
        for i, case in enumerate(example.cases)
    )
    head = html(
        "<p><strong>{}</strong> from <code>{}</code>, {}. Typical cases, share of all gradients: {}.</p>",
        target,
        example.source,
        KINDS[example.kind],
        cases,
    )
    tile = channel_tile(scene, example.layer, example.unit, plain=False)
    inner = html(
        '<div class="wb-unit-inputs">{}<div><div class="wb-signs-scales">{}</div>{}</div></div>',
        tile,
        legends,
        joined(lines),
    )
    return html('<div class="wb-trial">{}{}</div>', head, inner)


def _chart(points: pd.DataFrame, number: int) -> dict[str, Any]:
    import altair as alt

    names = list(dict.fromkeys(points["of"]))
    top = float(points[["excitation", "inhibition"]].to_numpy().max()) * 1.05 or 1.0
    scale = alt.Scale(domain=[0, top])
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=260)
    base = alt.Chart(data()).transform_filter(f"datum.example == {number}")
    points_chart = base.mark_point(filled=True, size=36, opacity=0.75).encode(
        x=alt.X("excitation:Q", title="excitation, summed over positions", scale=scale),
        y=alt.Y("inhibition:Q", title="inhibition", scale=scale),
        color=alt.Color("of:N", scale=alt.Scale(domain=names, range=SERIES[: len(names)]), legend=legend),
        shape=alt.Shape("of:N", scale=alt.Scale(domain=names), legend=legend),
        tooltip=[alt.Tooltip("of:N"), alt.Tooltip("photograph:Q"), alt.Tooltip("activation:Q"), alt.Tooltip("excitation:Q"), alt.Tooltip("inhibition:Q"), alt.Tooltip("case:Q")],
    )  # fmt: skip
    ends = [{"x": end, "y": end} for end in (0.0, top)]
    line = alt.Chart(alt.InlineData(ends))
    even = line.mark_line(color=NEUTRAL, strokeDash=[4, 3]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    return specification(alt.layer(even, points_chart), HEIGHT)


def _agreement(gradients: Gradients, number: int) -> float:
    """Of the gradients of an example on different photographs, mean over sources."""
    sources = gradients.sources
    return float(sources[sources["example"] == number]["agreement"].mean())


def _finding(table: pd.DataFrame, examples: Mapping[int, GradientExample]) -> str:
    """Of the first example, the source that changes sides most often from photograph to photograph."""
    points = table[table["example"] == next(iter(examples))]
    sides = points.groupby("of", sort=False).apply(
        lambda rows: pd.Series(
            {
                "excites": int((rows["excitation"] > rows["inhibition"]).sum()),
                "inhibits": int((rows["excitation"] < rows["inhibition"]).sum()),
            }
        ),
        include_groups=False,
    )
    name = str(sides.min(axis=1).idxmax())
    excites, inhibits = (int(sides.loc[name, side]) for side in ("excites", "inhibits"))
    if not min(excites, inhibits):
        return "On every photograph each source acts on the unit to the same side."
    return html(
        "{}{} excites on {} and inhibits on {}: what a source does depends on the photograph.",
        name[:1].upper(),
        name[1:],
        counted(excites, "photograph"),
        number_text(inhibits),
    )


def _caption(examples: Mapping[int, GradientExample]) -> str:
    kinds = [NAMES[each.kind] for each in examples.values()]
    return (
        f"In the charts a point is a photograph; above the line inhibition prevails. Kernels are of {listing(kinds)}."
    )


def _method(scene: Scene, gradients: Gradients, examples: Mapping[int, GradientExample]) -> Markup:
    assert scene.model is not None
    sources, cases = gradients.sources, gradients.cases
    explained = [
        cases[(cases["example"] == number) & (cases["cases"] == len(example.cases))]["explained"].iloc[0]
        for number, example in examples.items()
    ]
    entries, outside = int(sources["entries"].sum()), int(sources["outside_best"].sum())
    paths = int(sources["outside_paths"].sum())
    agree = "; ".join(f"{KINDS[example.kind]}: {_agreement(gradients, n):.2f}" for n, example in examples.items())
    fit = " and ".join(f"{share:.0%}" for share in explained)
    return html(
        "Gradients of units of {} with respect to three earlier units, on {} photographs (of"
        " {}), where the unit responds most strongly on each. Expanded weights take every"
        " rectifier as linear; the bounds hold for any pattern of rectifiers and for local response normalisation; the"
        " cases are non-negative factors of the gradients and explain {} of them (for factors and means, gradients are scaled to"
        " the same size on every photograph). Agreement between photographs"
        " (1: the same gradient on all, {:.2f}: nothing in common), mean over sources: {}. Of"
        " {} entries of gradients {} leave the bounds, and {} the sums of"
        " path products; the largest reaches {:.0%} of its bound. Red excites, blue inhibits,"
        " white is zero; each group of kernels has a scale of its own.",
        scene.model.title,
        gradients.photographs_used,
        gradients.photographs.what,
        fit,
        1 / max(1, gradients.photographs_used),
        agree,
        number_text(entries),
        number_text(outside),
        number_text(paths),
        sources["largest_of_best"].max(),
    )


FIGURES = (Figure("example-gradients", draw, "gradients on photographs", of="model", example=example_network),)
