"""One unit with its strongest inputs or outputs as small multiples, for articles: figure("unit-inputs", unit=…)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, pictured, scale_legend, unit_number, unit_tile
from wbsite.render.text import number_text
from wbsite.results.network.connections import Connections
from wbsite.results.site import Gap

from ._connection_data import KINDS, Connection, UnitConnections, scale_of

HEADS = {
    "input": "strongest inputs",
    "across": "strongest inputs across the bottleneck",
    "cancelled": "largest paths that cancel",
    "output": "strongest outputs",
}

COUNT = 12
"""Connections that are shown, if the page does not say how many."""


def draw(scene: Scene) -> Drawing | Gap:
    """Options: unit, as its permalink numbers it (the layer's first if left out); kind, one of KINDS; count."""
    assert scene.model is not None and scene.layer is not None
    layer, connections = scene.layer, scene.result_or_gap(Connections)
    unit, kind = scene.options.get("unit", layer.units.start), scene.options.get("kind", "input")
    if unit not in layer.units:
        raise WbsiteError(
            f"{layer.name} has no unit {unit!r}.", f"Its units are {layer.units.start} to {layer.units.stop - 1}."
        )
    if kind not in KINDS:
        raise WbsiteError(f"figure 'unit-inputs' has no kind {kind!r}.", f"Kinds: {', '.join(KINDS)}.")
    count = scene.options.get("count", COUNT)
    if not isinstance(count, int) or count < 1:
        raise WbsiteError(
            f"figure 'unit-inputs' cannot show {count!r} connections.", "Write a whole number as count=…."
        )
    if isinstance(connections, Gap):
        return connections
    c = UnitConnections(scene.model, layer, connections)
    channel = layer.units.index(unit)
    found = c.of(kind, channel)[:count]
    if not found:
        return Gap(f"unit {unit} of {layer.name} has no {HEADS[kind]}", failed=False)
    scale = scale_of(found)
    items = "".join(_item(scene, one, scale) for one in found)
    body = (
        f'<div class="wb-unit-inputs">{unit_tile(scene, layer.name, channel, 144)}<div>{scale_legend(scale)}'
        f'<div class="wb-multiples">{items}</div></div></div>'
    )
    rows = [
        {
            "unit": unit,
            "kind": kind,
            "other": one.end.layer,
            "channel": one.end.channel,
            "row": y,
            "column": x,
            "weight": float(f"{weight:.4g}"),
        }
        for one in found
        for y, line in enumerate(one.kernel)
        for x, weight in enumerate(line)
    ]
    first = found[0].end
    alt = (
        f"Unit {unit} of {layer.name} of {scene.model.title} beside its {len(found)} {HEADS[kind]}, of {c.total(kind)};"
        f" the strongest is {_name(scene, first.layer, first.channel)}."
    )
    return Drawing(_caption(scene, c, kind, unit, found), alt, pd.DataFrame(rows), body=body, width="wide")


def _item(scene: Scene, one: Connection, scale: float) -> str:
    name = _name(scene, one.end.layer, one.end.channel)
    kernel = kernel_img(one.kernel, scale, f"Kernel between {name} and the unit", 72)
    if not one.end.layer:
        return f'<div class="wb-connection"><span class="wb-unit wb-unit-plain"><b>{one.end.channel}</b></span>{kernel}</div>'
    return f'<div class="wb-connection">{unit_tile(scene, one.end.layer, one.end.channel)}{kernel}</div>'


def _name(scene: Scene, layer: str, channel: int) -> str:
    assert scene.model is not None
    if layer in ("", "input"):
        return f"channel {channel} of the {'picture' if layer else 'input'}"
    return f"unit {unit_number(scene.model, layer, channel)} of {layer}"


def _caption(scene: Scene, c: UnitConnections, kind: str, unit: int, found: Sequence[Connection]) -> str:
    assert scene.model is not None and scene.layer is not None
    name = escape(scene.layer.name)
    chosen = (
        f"{len(found)} units whose paths' absolute products are among the {c.result.count} largest sums and mostly cancel"
        if kind == "cancelled"
        else f"the {len(found)} of {number_text(c.total(kind))} whose kernels have the largest norm, strongest first"
    )
    text = (
        f"Unit {unit} of <code>{name}</code> of {escape(scene.model.title)} with its {HEADS[kind]}: {chosen}, each beside the unit"
        " at its other end. Red excites, blue inhibits, white is zero; one scale for all."
    )
    if kind in ("across", "cancelled") and c.bottleneck:
        remaining = sorted(1 - one.cancellation for one in found)
        text += (
            f" Expanded weights from <code>{escape(c.bottleneck.source)}</code> through {c.squeezed} units; of the path"
            f" products' absolute sum, {100 * remaining[0]:.0f} to {100 * remaining[-1]:.0f}&nbsp;% is left after positive and negative ones are added."
        )
    if kind == "input":
        text += f" All that are listed for the unit hold {100 * c.result.share['input'][unit - scene.layer.units.start]:.0f}&nbsp;% of its squared weights."
    if not pictured(scene.model, scene.layer.name).get(unit - scene.layer.units.start):
        text += " No picture was made of this unit."
    return text


FIGURES = (Figure("unit-inputs", draw, "the inputs of a unit", options=("unit", "kind", "count")),)
