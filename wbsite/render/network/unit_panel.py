"""A page for every unit, on its layer's page: its picture, inputs and outputs, loaded when a unit is chosen."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import COLOURS, NEGATIVE, POSITIVE, pictured, scale_legend, small_pictures
from wbsite.render.page import slug
from wbsite.render.text import number_text
from wbsite.results.network.connections import Connections
from wbsite.results.network.unit_pictures import QuickPictures, UnitPictures
from wbsite.results.site import Gap

from . import _patches
from ._class_names import class_names
from ._connection_data import End, Listed, UnitConnections

PICTURE = ("activation", "photo_max", "ratio", "dead", "reseeded", "agrees", "own", "quick")
"""Columns of a unit's picture, in the order in which the script reads them."""

UNITS = 32
"""Units in a file: one that a reader looks at brings its neighbours."""


def draw(scene: Scene) -> Drawing | Gap:
    """The empty panel, and the files a script fills it from."""
    assert scene.layer is not None and scene.model is not None
    connections = scene.result_or_gap(Connections)
    if isinstance(connections, Gap):
        return connections
    c = UnitConnections(scene.model, scene.layer, connections)
    count = len(scene.layer.units)
    files = {
        f"panels-{i}.json": json.dumps(
            chunk(c, range(i * UNITS, min(count, (i + 1) * UNITS))), separators=(",", ":")
        ).encode()
        for i in range(math.ceil(count / UNITS))
    }
    table = connections.rows
    numbers = ["norm", "positive", "negative", "cancellation"]
    for name in numbers:
        table[name] = list(map(_short, table[name].tolist()))
    seen = ", the photographs that excite it most" if _patches.frame(c.model, c.layer.name) else ""
    alt = (
        f"Panel of one unit of {scene.layer.name}, chosen in the grid: its picture{seen}, its strongest inputs and outputs,"
        " each a kernel beside the unit at its other end."
    )
    body = _body(c, list(files))
    files |= _patches.files(c.model, c.layer)
    return Drawing(CAPTION, alt, table, body=body, files=files, width="full", finding=_finding(c), method=_method(c))


def levels(kernels: np.ndarray, scale: float) -> np.ndarray:
    """Weights as signed bytes of which 127 is the scale; also weights as small as weight decay leaves, whose reciprocal
    is no number of their type."""
    return np.rint(kernels.astype(np.float64) * (127 / scale if scale else 0)).astype(np.int8)


def chunk(c: UnitConnections, channels: range) -> dict[str, Any]:
    """What the panels of some units show.

    "classes": by place among the layers and by channel, names of the classifier's units. "layers": name, folder, number of the first unit, whether it has panels, and the numbers by which its small pictures are found
    on their sheets, if it has some, for the layers at the other ends. "units": for each, its class where it has one, its own
    picture (null, or the columns PICTURE), the share of its squared weights that the listed
    inputs hold, and by kind of connection the common scale and the connections: place among the layers, channel,
    state of its picture (0 none, 1 there, 2 of a dead unit, 3 not as the network itself responds; 4 more where it is on a sheet), layers added, kernel as base64 of signed bytes of which
    127 is the scale, its height and width, and across a bottleneck the sums of positive and negative products and
    the share that cancels; and its patches of photographs, as `_patches.packed` has them.
    """
    names: dict[str, int] = {}
    own = pictured(c.model, c.layer.name)
    own_classes = class_names(c.model, c.layer.name)
    ends: list[tuple[str, int]] = []

    @cache
    def other(end: End) -> tuple[Any, ...]:
        ends.append((end.layer, end.channel))
        row = pictured(c.model, end.layer).get(end.channel) if end.layer not in ("", "input") else None
        state = 0 if row is None else (3 if not row["agrees"] else 2 if row["dead"] else 1) + 4 * row["quick"]
        return names.setdefault(end.layer, len(names)), end.channel, state, end.added

    def packed(found: Listed, scale: float) -> list[list[Any]]:
        parts = zip(found.ends, levels(found.kernels, scale), found.shapes, found.sums.tolist(), strict=True)
        return [
            [*other(end), base64.b64encode(kernel[: kh * kw]).decode(), kh, kw, *map(_short, sums)]
            for end, kernel, (kh, kw), sums in parts
        ]

    def unit(channel: int) -> dict[str, Any]:
        row = own.get(channel)
        found: dict[str, Any] = {"picture": row and [_plain(row[name]) for name in PICTURE]}
        found["share"] = _short(c.result.share["input"][channel])
        if channel < len(own_classes):
            found["class"] = own_classes[channel]
        found["patches"] = _patches.packed(c.model, c.layer.name, channel)
        listed = {kind: c.listed(kind, channel) for kind in c.kinds}
        for kind, connections in listed.items():
            together = ("across", "cancelled") if kind in ("across", "cancelled") else (kind,)
            scale = max(listed[one].scale for one in together)
            found[kind] = {"scale": _short(scale), "connections": packed(connections, scale)}
        return found

    units = [unit(channel) for channel in channels]
    classes: dict[int, dict[int, str]] = {}
    for layer, channel in ends:
        if layer and channel < len(known := class_names(c.model, layer)):
            classes.setdefault(names[layer], {})[channel] = known[channel]
    return {"classes": classes, "layers": [_layer(c, name) for name in names], "units": units}


def _layer(c: UnitConnections, name: str) -> list[Any]:
    if name == "input":
        return ["the picture", "", 0, False]
    if not name:
        return ["", "", 0, False]
    panels = c.model.result(Connections, name) is not None
    return [name, f"../{slug(name)}/", c.model.layer(name).units.start, panels, *_places(small_pictures(c.model, name))]


def _places(sheets: QuickPictures | None) -> list[int]:
    """By which a script finds a tile: units on a sheet, columns, units in all, width and height of a tile."""
    if sheets is None:
        return []
    return [sheets.per_sheet, sheets.columns, sheets.count, sheets.settings.width, sheets.settings.height]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _plain(value: Any) -> Any:
    """A number of a table as JSON has it; None for one that is not finite."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return _short(float(value)) if value is not None and math.isfinite(value) else None


def _finding(c: UnitConnections) -> Markup:
    """What is seen: which unit it is, a reader chooses."""
    ends = "and its strongest inputs and outputs" if "output" in c.kinds else "and its strongest inputs"
    return html("One unit of <code>{}</code>: what excites it, {}.", c.layer.name, ends)


CAPTION = (
    "Each connection stands beside the unit at its other end, whose own panel it links to. Red weights excite, blue ones inhibit, white"
    " is zero."
)


def _method(c: UnitConnections) -> str:
    text = (
        "The picture was found by feature visualization. Connections are the strongest by the"
        " norm of their kernels; all kernels under one heading share the scale shown there, and the number under each is its"
        " strongest weight. A kernel is drawn as the unit that reads sees its input: the middle is its own position."
    )
    if c.bottleneck and not c.bottleneck.reason:
        text += html(
            " Expanded weights multiply the weights along every path from <code>{}</code> through"
            " the {} units of the bottleneck and add the products, rectifiers taken as open and max pools as averages."
            " Where less than {} is left of an input's products, the sums of the positive and"
            " of the negative ones are given.",
            c.bottleneck.source,
            c.squeezed,
            _percent(1 - c.result.threshold),
        )
        if _spread(c):
            text += " Strides and pooling windows on the way can show as a grid in them."
    return text + _pictures_text(c) + _patches.caption(c.model, c.layer.name)


def _pictures_text(c: UnitConnections) -> str:
    """How the pictures were made, and which photographs they are compared with."""
    pictures = c.model.result_or_gap(UnitPictures, c.layer.name)
    if isinstance(pictures, Gap):
        tried = c.layer.name in c.model.record["results"].get("unit_pictures", {})
        return html(" No pictures, because {}.", " ".join(pictures.reason.split())) if tried else ""
    if not pictures.shown or pictures.photographs is None:
        return ""
    quick, large = pictures.quick, int((~pictures.rows["quick"]).sum())
    kinds = []
    if large:
        made = f"{pictures.settings.pixels}, {pictures.settings.steps} steps"
        kinds.append(f"{made}, {large} of {pictures.units} units of this layer")
    if quick:
        made, count = f"{quick.settings.pixels}, {quick.settings.steps} steps", pictures.shown - large
        kinds.append(
            f"{made}, {count} {'other units' if large else f'of {pictures.units} units'}, marked ≈: a first look"
        )
    return html(" Pictures: {}. Photographs: {}.{}", "; ".join(kinds), pictures.photographs.what, remarks(pictures))


def remarks(pictures: UnitPictures) -> str:
    """How the network was run for a layer's pictures, where not as usual, and how many it does not agree with."""
    count = len(pictures.differing)
    text = html(" {}", pictures.remark) if pictures.remark else Markup()
    if count:
        text += (
            f" To {count} of these pictures the network itself does not respond as was measured while they were made:"
            " they are marked, and are not what excites their units."
        )
    return text


def _random(units: int) -> float:
    """E|Σ of n products of independent normal weights| / E Σ|products|: √(2/πn) / (2/π), at most 1."""
    return min(1.0, math.sqrt(math.pi / 2 / units))


def _spread(c: UnitConnections) -> bool:
    """Whether expanded weights reach further than the kernels on the way: a stride or a pool lies between."""
    assert c.bottleneck is not None
    squeezing = max(c.model.layer(name).kernel[0] for name in c.bottleneck.layers)
    return c.bottleneck.window[0] > c.layer.kernel[0] + squeezing - 1


def _percent(share: float) -> Markup:
    return html("{:.0f}&nbsp;%", 100 * share)


def _some(count: int, total: int) -> str:
    """ "The strongest 12 of 1 024", or "All 10"."""
    return f"All {number_text(total)}" if count == total else f"The strongest {count} of {number_text(total)}"


def _body(c: UnitConnections, files: Sequence[str]) -> Markup:
    kh, kw = c.layer.kernel
    listed = {kind: min(c.result.count, c.total(kind)) for kind in c.kinds}
    # Each is the first sentence of a section, and what follows it.
    said = {
        "input": (
            f"{_some(listed['input'], c.total('input'))} kernels ({kh}×{kw}) by norm",
            " The number under each is its strongest weight.",
        )
    }
    if "output" in c.kinds:
        said["output"] = (
            f"{_some(listed['output'], c.total('output'))} kernels that read this unit",
            " Red where it excites the other unit, blue where it inhibits it.",
        )
    bottleneck, remaining = c.bottleneck, _percent(1 - c.result.threshold)
    if bottleneck and "across" in c.kinds:
        through, source = (text for text in (" and ".join(bottleneck.layers), bottleneck.source))
        said["across"] = (
            f"Expanded weights ({'×'.join(map(str, bottleneck.window))}) from {source} through {through} ({c.squeezed} units),"
            f" {_some(listed['across'], c.total('across')).lower()} by norm",
            html(
                " Under each are its strongest weight and how much of its path products' absolute sum is left once those of"
                " opposite signs are added at every position; weights drawn at random would leave about {}.",
                _percent(_random(c.squeezed)),
            ),
        )
        said["cancelled"] = (
            html(
                "Up to {} inputs that the list above misses: their path products' absolute sums are among the"
                " {} largest, but at most {} is left",
                c.result.channel["cancelled"].shape[1],
                listed["across"],
                remaining,
            ),
            " The scale is that of the list above.",
        )
    heads = {
        "input": "Strongest inputs",
        "across": "Strongest inputs across the bottleneck",
        "cancelled": "Large paths that cancel",
        "output": "Strongest outputs",
    }
    sections = joined(
        html(
            '<section data-kind="{}" aria-label="{}"><h4>{}</h4><p>{}<span class="wb-unitpanel-more"></span>.{}</p>'
            '{}<div class="wb-multiples"></div></section>',
            kind,
            heads[kind],
            heads[kind],
            said[kind][0],
            said[kind][1],
            scale_legend(1.0),
        )
        for kind in c.kinds
    )
    if bottleneck and bottleneck.reason:
        sections += html(
            "<p>Not across the bottleneck {}, because {}</p>", " and ".join(bottleneck.layers), bottleneck.reason
        )
    if "output" not in c.kinds:
        sections += Markup("<p>No layer with weights reads these units channel by channel.</p>")
    return html(
        '<div class="wb-unitpanel" data-panels="{}" data-per="{}" data-layer="{}"'
        '{} data-colours="{} {}" data-channels="{}" data-threshold="{}">'
        '<p class="wb-unitpanel-said" role="status">Choose a unit in the grid to see its picture, its inputs and its outputs.</p>'
        '<div class="wb-unitpanel-shown" role="region" aria-label="The chosen unit" hidden>'
        '<p class="wb-unitpanel-steps"><button type="button" data-step="-1">← previous</button>'
        '<button type="button" data-step="1">next →</button><button type="button" class="wb-unitpanel-close">close</button></p>'
        '<header><div class="wb-unitpanel-picture"></div><div><h3 tabindex="-1">No unit is chosen</h3><p class="wb-unitpanel-about"></p>'
        '<div class="wb-units-chosen"></div></div>{}</header>'
        "{}</div><noscript><p>Panels are drawn by a script; the data is linked below.</p></noscript></div>",
        " ".join(files),
        UNITS,
        c.layer.name,
        _sheets(c),
        POSITIVE,
        NEGATIVE,
        " ".join(COLOURS),
        c.result.threshold,
        _patches.frame(c.model, c.layer.name),
        sections,
    )


def _sheets(c: UnitConnections) -> str:
    """Attributes by which the script finds small pictures of the layer's own units, and says how they were made."""
    sheets = small_pictures(c.model, c.layer.name)
    if sheets is None:
        return ""
    made = f"{sheets.settings.pixels}, {sheets.settings.steps} steps"
    return html(' data-sheets="{}" data-quick="{}"', " ".join(map(str, _places(sheets))), made)


def of_convolutions(scene: Scene) -> bool:
    """Only units of convolutions have panels."""
    return scene.layer is not None and scene.layer.kind == "conv"


FIGURES = (
    Figure(
        "unit-panel", draw, "the panel of each unit", section="Units", order=20, beside=True, belongs=of_convolutions
    ),
)
