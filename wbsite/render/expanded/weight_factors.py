"""Factors of a family's weights: a picture of each, the units that make it up, and where the family reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.claims.expanded._network import called
from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend
from wbsite.render.text import percent_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Family
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes, layers_text, property_text, scale_of

FAMILIES = ("high-low", "black-and-white")
COUNTS = {1: "One", 2: "Two", 3: "Three"}

PROPERTIES = {
    "frequency": "fine filters (positive) or coarse ones (negative)",
    "colour": "colour (positive) or grey (negative)",
}


def draw(scene: Scene) -> Drawing | Gap:
    """Option: family, one of FAMILIES."""
    name = scene.options.get("family", FAMILIES[0])
    if name not in FAMILIES:
        raise unknown("family of figure 'weight-factors'", str(name), FAMILIES)
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    finding = examples.result.finding(name)
    if isinstance(finding, Gap):
        return finding
    family = examples.result.families[name]
    excitatory, inhibitory = examples.result.excitatory[name], examples.result.inhibitory[name]
    body = _table(examples, name, family, excitatory - inhibitory)
    rows = _rows(family, excitatory, inhibitory)
    count = excitatory.shape[3]
    caption = html(
        "A column is a factor, its picture and largest units above; rows are units of"
        " {} of {}, excited (red) or inhibited (blue).",
        codes([family.layer]),
        examples.model.title,
    )
    method = html(
        "{} non-negative factors of the excitatory and inhibitory weights of {} units over"
        " {} channels, units of {}; one"
        " scale for all. The {} of a factor is the mean, over its inputs by share, of how near their own"
        " expanded weights to the first filters are to reading {}, a cosine."
        " {}{}",
        count,
        len(family.channels),
        family.inputs,
        layers_text(item.layer for inputs in family.units for item in inputs),
        family.property,
        PROPERTIES[family.property],
        examples.how(finding),
        examples.remarks,
    )
    largest = ", ".join(examples.name(inputs[0].layer, inputs[0].unit) for inputs in family.units if inputs)
    alt = f"{count} factors of the weights of {len(family.channels)} units, {called(finding)}; the largest shares are {largest}."
    return Drawing(
        caption,
        alt,
        pd.DataFrame(rows),
        body=body,
        files=examples.files,
        width="wide",
        finding=html(
            "{} mixtures of inputs make up {} of the weights of {}.",
            COUNTS.get(count, count),
            percent_text(family.explained),
            called(finding),
        ),
        method=method,
    )


def _table(examples: ExampleScene, name: str, family: Family, maps: np.ndarray) -> Markup:
    """A column a factor, a row a unit of the family."""
    scale, count = scale_of(maps), maps.shape[3]
    columns = joined(html("<th scope='col'>{}</th>", _factor(examples, name, family, i)) for i in range(count))
    lines = []
    for row, channel in enumerate(family.channels):
        unit = examples.name(family.layer, channel)
        cells = joined(
            html("<td>{}</td>", kernel_img(maps[row, :, :, i], scale, f"Factor {i + 1} in {unit}"))
            for i in range(count)
        )
        tile = examples.tile(family.layer, channel, examples.number(family.layer, channel))
        lines.append(html("<tr><th scope='row'>{}</th>{}</tr>", tile, cells))
    return html(
        '{}<div class="wb-scroll" tabindex="0"><table class="wb-factors"><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        scale_legend(scale),
        columns,
        joined(lines),
    )


def _factor(examples: ExampleScene, name: str, family: Family, i: int) -> Markup:
    """A factor's picture and its units."""
    tiles = joined(
        examples.tile(item.layer, item.unit, html("{}<br>{:.0%}", examples.number(item.layer, item.unit), item.share))
        for item in family.units[i]
    )
    picture = examples.direction(f"{name}-factor-{i}", f"What factor {i + 1} looks for")
    mean = property_text(family.property, family.property_means[i])
    return html(
        '<div class="wb-factor"><span>factor {}{}</span>{}<div class="wb-found">{}</div></div>',
        i + 1,
        mean,
        picture,
        tiles,
    )


def _rows(family: Family, excitatory: np.ndarray, inhibitory: np.ndarray) -> list[dict[str, Any]]:
    """Of each factor a row a listed input, then a row a unit and position of its map."""
    rows: list[dict[str, Any]] = []
    _, kh, kw, count = excitatory.shape
    for i in range(count):
        for item in family.units[i]:
            about = {"factor": i + 1, "part": "input", "layer": item.layer, "channel": item.unit}
            rows.append({**about, "share": round(item.share, 5)})
        for unit, channel in enumerate(family.channels):
            about = {"factor": i + 1, "part": "map", "layer": family.layer, "channel": channel}
            for y, x in ((y, x) for y in range(kh) for x in range(kw)):
                weights = {"excitatory": excitatory[unit, y, x, i], "inhibitory": inhibitory[unit, y, x, i]}
                numbers = {kind: float(f"{weight:.4g}") for kind, weight in weights.items()}
                rows.append({**about, "row": y, "column": x, **numbers})
    return rows


FIGURES = (
    Figure(
        "weight-factors",
        draw,
        "factors of a family's weights",
        of="model",
        example=example_network,
        options=("family",),
    ),
)
