"""Factors of a family's weights: a picture of each, the units that make it up, and where the family reads it."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend
from wbsite.results.site import Gap

from ._example_data import Examples, layers_text, property_text, scale_of

FAMILIES = ("high-low", "black-and-white")
MORE = {
    "frequency": "fine filters (positive) or coarse ones (negative)",
    "colour": "colour (positive) or grey (negative)",
}


def draw(scene: Scene) -> Drawing | Gap:
    """Option: family, one of FAMILIES."""
    family = scene.options.get("family", FAMILIES[0])
    if family not in FAMILIES:
        raise unknown("family of figure 'weight-factors'", str(family), FAMILIES)
    examples = Examples.of(scene)
    if isinstance(examples, Gap):
        return examples
    shown = examples.shown(family, family)
    if isinstance(shown, Gap):
        return shown
    excitatory, inhibitory = examples.arrays[f"{family}/excitatory"], examples.arrays[f"{family}/inhibitory"]
    maps = excitatory - inhibitory
    scale, count = scale_of(maps), maps.shape[3]
    columns = "".join(f"<th scope='col'>{_factor(examples, shown, family, i)}</th>" for i in range(count))
    lines = []
    for place, channel in enumerate(shown["channels"]):
        unit = examples.name(shown["layer"], channel)
        cells = "".join(
            f"<td>{kernel_img(maps[place, :, :, i], scale, f'Factor {i + 1} in {unit}', 64)}</td>" for i in range(count)
        )
        tile = examples.tile(shown["layer"], channel, 64, examples.number(shown["layer"], channel))
        lines.append(f"<tr><th scope='row'>{tile}</th>{cells}</tr>")
    body = (
        f'{scale_legend(scale)}<div class="wb-scroll" tabindex="0"><table class="wb-factors"><thead><tr><td></td>{columns}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )
    rows: list[dict[str, Any]] = []
    for i in range(count):
        for unit in shown["units"][i]:
            share = round(unit["share"], 5)
            rows.append(
                {"factor": i + 1, "part": "input", "layer": unit["layer"], "channel": unit["unit"], "share": share}
            )
        for place, channel in enumerate(shown["channels"]):
            for y, x in ((y, x) for y in range(maps.shape[1]) for x in range(maps.shape[2])):
                about = {
                    "factor": i + 1,
                    "part": "map",
                    "layer": shown["layer"],
                    "channel": channel,
                    "row": y,
                    "column": x,
                }
                weights = {"excitatory": excitatory[place, y, x, i], "inhibitory": inhibitory[place, y, x, i]}
                rows.append({**about, **{kind: float(f"{weight:.4g}") for kind, weight in weights.items()}})
    title = examples.values["found"][family]["title"]
    caption = (
        f"Weights of {len(shown['channels'])} units of <code>{escape(shown['layer'])}</code> of {escape(examples.model.title)}, {escape(title)}, as"
        f" {count} non-negative factors over {shown['inputs']} channels: they explain {shown['explained']:.0%} of the squared weights. Above, each"
        " factor as a feature visualization and the units that have the largest share of it, in"
        f" {layers_text(unit for units in shown['units'] for unit in units)}; below, where each unit of the"
        " family is excited (red) and inhibited (blue) by it, on one scale. The"
        f" {shown['property'][0]} of a factor is the mean, over its inputs by share, of how near their own expanded weights to the first filters"
        f" are to reading {MORE[shown['property'][0]]}, a cosine."
        f" {examples.how(family)}"
    )
    alt = (
        f"{count} factors of the weights of {len(shown['channels'])} units, {title}; the largest shares are"
        f" {', '.join(examples.name(units[0]['layer'], units[0]['unit']) for units in shown['units'] if units)}."
    )
    return Drawing(caption, alt, pd.DataFrame(rows), body=body, files=examples.files, width="wide")


def _factor(examples: Examples, shown: Any, family: str, i: int) -> str:
    tiles = "".join(
        examples.tile(
            unit["layer"], unit["unit"], 52, f"{examples.number(unit['layer'], unit['unit'])}<br>{unit['share']:.0%}"
        )
        for unit in shown["units"][i]
    )
    prop, *values = shown["property"]
    picture = examples.direction(f"{family}-factor-{i}", f"What factor {i + 1} looks for")
    return f'<div class="wb-factor"><span>factor {i + 1}{property_text(prop, values[i])}</span>{picture}<div class="wb-found">{tiles}</div></div>'


FIGURES = (Figure("weight-factors", draw, "factors of a family's weights", of="model", options=("family",)),)
