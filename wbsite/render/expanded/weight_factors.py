"""Factors of a family's weights: a picture of each, the units that make it up, and where the family reads it."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.claims.expanded._network import called
from wbsite.core.errors import unknown
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
    caption = (
        "A column is a factor, its picture and largest units above; rows are units of"
        f" {codes([family.layer])} of {escape(examples.model.title)}, excited (red) or inhibited (blue)."
    )
    method = (
        f"{count} non-negative factors of the excitatory and inhibitory weights of {len(family.channels)} units over"
        f" {family.inputs} channels, units of {layers_text(item.layer for inputs in family.units for item in inputs)}; one"
        f" scale for all. The {family.property} of a factor is the mean, over its inputs by share, of how near their own"
        f" expanded weights to the first filters are to reading {PROPERTIES[family.property]}, a cosine."
        f" {examples.how(finding)}{examples.remarks}"
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
        finding=f"{COUNTS.get(count, count)} mixtures of inputs make up {percent_text(family.explained)} of the weights of {escape(called(finding))}.",
        method=method,
    )


def _table(examples: ExampleScene, name: str, family: Family, maps: np.ndarray) -> str:
    """A column a factor, a row a unit of the family."""
    scale, count = scale_of(maps), maps.shape[3]
    columns = "".join(f"<th scope='col'>{_factor(examples, name, family, i)}</th>" for i in range(count))
    lines = []
    for row, channel in enumerate(family.channels):
        unit = examples.name(family.layer, channel)
        cells = "".join(
            f"<td>{kernel_img(maps[row, :, :, i], scale, f'Factor {i + 1} in {unit}')}</td>" for i in range(count)
        )
        tile = examples.tile(family.layer, channel, examples.number(family.layer, channel))
        lines.append(f"<tr><th scope='row'>{tile}</th>{cells}</tr>")
    return (
        f'{scale_legend(scale)}<div class="wb-scroll" tabindex="0"><table class="wb-factors"><thead><tr><td></td>{columns}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _factor(examples: ExampleScene, name: str, family: Family, i: int) -> str:
    """A factor's picture and its units."""
    tiles = "".join(
        examples.tile(item.layer, item.unit, f"{examples.number(item.layer, item.unit)}<br>{item.share:.0%}")
        for item in family.units[i]
    )
    picture = examples.direction(f"{name}-factor-{i}", f"What factor {i + 1} looks for")
    mean = property_text(family.property, family.property_means[i])
    return f'<div class="wb-factor"><span>factor {i + 1}{mean}</span>{picture}<div class="wb-found">{tiles}</div></div>'


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
