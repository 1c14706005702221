"""One unit with its strongest inputs or outputs as small multiples, for articles: figure("unit-inputs", unit=…)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import breakable, kernel_img, pictured, place_text, scale_legend, unit_number, unit_tile
from wbsite.render.text import number_text, percent_text
from wbsite.results.network.connections import Connections
from wbsite.results.site import Gap

from ._class_names import class_names
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
    """Options: unit, as its permalink numbers it (the layer's first if left out), or "strongest", the one with the strongest
    connection; kind, one of KINDS; count."""
    assert scene.model is not None and scene.layer is not None
    layer, connections = scene.layer, scene.result_or_gap(Connections)
    unit, kind = scene.options.get("unit", layer.units.start), scene.options.get("kind", "input")
    if unit == "strongest":
        unit = layer.units.start if isinstance(connections, Gap) else _strongest(connections, kind, layer.units.start)
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
    way = "to" if kind == "output" else "from"
    items = joined(_item(scene, one, scale, way) for one in found)
    body = html(
        '<div class="wb-unit-inputs">{}<div>{}<div class="wb-multiples">{}</div></div></div>',
        unit_tile(scene, layer.name, channel),
        scale_legend(scale),
        items,
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
    return Drawing(
        _caption(scene, kind, unit, len(found)),
        alt,
        pd.DataFrame(rows),
        body=body,
        width="wide",
        finding=_finding(scene, kind, unit, found[0]),
        method=_method(scene, c, kind, unit, found),
    )


def _strongest(connections: Connections, kind: str, first: int) -> int:
    rows = connections.rows[connections.rows["kind"] == kind]
    return int(rows.loc[rows["norm"].idxmax(), "unit"]) if len(rows) else first


def _item(scene: Scene, one: Connection, scale: float, way: str) -> Markup:
    name = _name(scene, one.end.layer, one.end.channel)
    kernel = kernel_img(one.kernel, scale, f"Kernel {way} {name}")
    named = class_names(scene.model, one.end.layer) if scene.model else ()
    if named:
        text = html("{}<br>{} {}", breakable(one.end.layer), one.end.channel, named[one.end.channel])
        return html(
            '<div class="wb-connection">{}{}</div>',
            unit_tile(scene, one.end.layer, one.end.channel, caption=text),
            kernel,
        )
    if not one.end.layer:
        return html(
            '<div class="wb-connection"><span class="wb-unit wb-unit-plain"><b>{}</b></span>{}</div>',
            one.end.channel,
            kernel,
        )
    return html('<div class="wb-connection">{}{}</div>', unit_tile(scene, one.end.layer, one.end.channel), kernel)


def _name(scene: Scene, layer: str, channel: int) -> str:
    assert scene.model is not None
    if layer in ("", "input"):
        return f"channel {channel} of the {'picture' if layer else 'input'}"
    named = class_names(scene.model, layer)
    return f"unit {unit_number(scene.model, layer, channel)} of {layer}{f', {named[channel]}' if named else ''}"


def _named(scene: Scene, layer: str, channel: int) -> str:
    """The same as HTML."""
    name = _name(scene, layer, channel)
    if layer in ("", "input"):
        return Markup.escape(name)
    return html("{}<code>{}</code>", name.removesuffix(layer), layer)


def _finding(scene: Scene, kind: str, unit: int, strongest: Connection) -> Markup:
    """What the strongest connection does, by the sign of its largest weight."""
    name = _named(scene, strongest.end.layer, strongest.end.channel)
    y, x = np.unravel_index(np.abs(strongest.kernel).argmax(), strongest.kernel.shape)
    acts = "excites" if strongest.kernel[y, x] > 0 else "inhibits"
    if kind == "cancelled":
        left = percent_text(1 - strongest.cancellation)
        return html(
            "Paths from {} both excite and inhibit unit {}; {} of them is left when they are added.", name, unit, left
        )
    if kind == "output":
        return html("Of all units that read unit {}, it {} {} most.", unit, acts, name)
    place = f", {place_text(int(y), int(x), *strongest.kernel.shape)}" if strongest.kernel.size > 1 else ""
    return html("Of all its inputs {} has the largest weights, and {} unit {} most{}.", name, acts, unit, place)


def _caption(scene: Scene, kind: str, unit: int, count: int) -> Markup:
    assert scene.model is not None and scene.layer is not None
    return html(
        "Unit {} of <code>{}</code> of {} and its {}{}, each with its kernel: red excites, blue inhibits.",
        unit,
        scene.layer.name,
        scene.model.title,
        "" if kind == "cancelled" else f"{count} ",
        HEADS[kind],
    )


def _method(scene: Scene, c: UnitConnections, kind: str, unit: int, found: Sequence[Connection]) -> str:
    assert scene.model is not None and scene.layer is not None
    if kind == "cancelled":
        text = (
            f"Shown are {len(found)} units whose paths' absolute products are among the {c.result.count} largest sums and"
            " mostly cancel."
        )
    else:
        text = (
            f"Shown are the {len(found)} of {number_text(c.total(kind))} connections whose kernels have the largest norm,"
            " strongest first."
        )
    text += " White is zero, and one scale holds for all."
    if kind in ("across", "cancelled") and c.bottleneck:
        remaining = sorted(1 - one.cancellation for one in found)
        text += html(
            " The kernels are expanded weights from <code>{}</code> through {} units of a"
            " bottleneck: of the absolute sum of the path products, {:.0f} to"
            " {:.0f}&nbsp;% is left after positive and negative ones are added.",
            c.bottleneck.source,
            c.squeezed,
            100 * remaining[0],
            100 * remaining[-1],
        )
    if kind == "input":
        text += html(
            " All that are listed for the unit hold {:.0f}&nbsp;% of its squared weights.",
            100 * c.result.share["input"][unit - scene.layer.units.start],
        )
    if not pictured(scene.model, scene.layer.name).get(unit - scene.layer.units.start):
        text += " No picture was made of this unit."
    return Markup.escape(text)


FIGURES = (Figure("unit-inputs", draw, "the inputs of a unit", options=("unit", "kind", "count")),)
