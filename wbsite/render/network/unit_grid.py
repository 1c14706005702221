"""All units of a layer as pictures at pixel precision, sortable, each with its own address."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import pictured, small_pictures
from wbsite.render.sprites import SIDE, sheet, thumbnails
from wbsite.render.text import counted, fixed_text
from wbsite.results.banding.banding import Banding
from wbsite.results.network.connections import Connections
from wbsite.results.network.filters import Filters
from wbsite.results.network.nmf import Nmf
from wbsite.results.network.unit_pictures import QuickPictures, UnitPictures
from wbsite.results.site import Gap, LayerInfo, Model

from ._class_names import class_names

TILE, GAP, MENU = 40, 4, 34
"""Pixels of a unit's side in the grid, between units, and of a line of menus above it, as units.js and grid.js have them."""


def draw(scene: Scene) -> Drawing | Gap:
    """NMF pictures of the layer, its kernels as they are where it reads the picture itself, or the units' numbers;
    and what excites the units, where most of them have such a picture."""
    assert scene.layer is not None and scene.model is not None
    filters, nmf = scene.model.result(Filters, scene.layer.name), scene.result_or_gap(Nmf)
    if filters is not None:
        return _drawing(scene, {"kernels": filters.pictures}, filters.order, None)
    if isinstance(nmf, Gap):
        if scene.layer.kind == "linear" and (classes := class_names(scene.model, scene.layer.name)):
            return _classes(scene.model, scene.layer, classes)
        panels = scene.model.result(Connections, scene.layer.name)
        return nmf if panels is None else _drawing(scene, {}, None, None)
    return _drawing(scene, {"per-unit": nmf.per_unit, "joint": nmf.joint}, nmf.order, nmf)


def units_table(layer: LayerInfo, order: np.ndarray | None, banding: Banding | None, nmf: Nmf | None) -> pd.DataFrame:
    """One row a unit: number, index in the layer, rank by similarity, H, norm, error; those there are."""
    table = pd.DataFrame({"unit": list(layer.units), "index": range(len(layer.units))})
    if order is not None:
        table["similarity_rank"] = np.argsort(order)
    if banding is not None:
        for source in ("weights", "nmf"):
            if (per_unit := banding.per_unit(source)) is not None:
                table[f"H_{source}"] = np.round(per_unit, 4)
        table["norm"] = np.round(banding.norm.astype(float), 4)
    if nmf is not None:
        table["error"] = np.round(nmf.per_unit_error.astype(float), 4)
    return table


def _drawing(scene: Scene, kernels: dict[str, np.ndarray], order: np.ndarray | None, nmf: Nmf | None) -> Drawing:
    model, layer = scene.model, scene.layer
    assert model is not None and layer is not None
    n = len(layer.units)
    files, attributes, kh, kw = {}, "", 1, 1
    for name, stack in kernels.items():
        files[f"{name}.png"], columns = sheet(stack)
        _, kh, kw, _ = stack.shape
        attributes += html(' data-sprite-joint="{}.png"' if name == "joint" else ' data-sprite="{}.png"', name)
    if kernels:
        attributes += html(' data-columns="{}"', columns)
    rows = {channel: row for channel, row in pictured(model, layer.name).items() if row["agrees"]}
    result, sheets = model.result(UnitPictures, layer.name), small_pictures(model, layer.name)
    if sheets is not None:  # files of the page itself
        tile = sheets.settings.width, sheets.settings.height
        attributes += _pictures(sheets.sheets, sheets.per_sheet, sheets.columns, tile)
    elif result is not None and 2 * len(rows) > n:
        pictures = {channel: result.picture(channel) for channel in rows}
        files["pictures.webp"], columns = thumbnails(pictures, n)
        attributes += _pictures(["pictures.webp"], n, columns, (SIDE, SIDE))
    shown = f"small pictures of {kh} by {kw} pixels" if kernels else "small pictures" if rows else "numbers"
    alt = f"A grid of {n} {shown}, one for each unit of layer {layer.name} of {model.title}."
    first = next(iter(files), "")
    sprite = html('<img class="wb-sprite" src="{}" alt="{}">', first, alt) if first else alt
    table = units_table(layer, order, model.result(Banding, layer.name), nmf)
    menus = (order is not None) + (len(kernels) + ("data-picture-count" in attributes) > 1) + ("joint" in kernels)
    beside = model.result(Connections, layer.name) is not None
    body = html(
        '<div class="wb-units" style="{}" data-url="unit-grid.csv" data-table="{}" data-units="{}:{}"'
        ' data-tile="{} {}"{} role="img" aria-label="{}">'
        "<noscript>{}</noscript></div>",
        _heights(n, kh, kw, menus, beside),
        " ".join(table.columns),
        layer.units.start,
        layer.units.stop,
        kw,
        kh,
        attributes,
        alt,
        sprite,
    )
    connected = "" if model.architecture.alone else "its connections and "
    return Drawing(
        _caption(connected, kernels, nmf),
        alt,
        table,
        body=body,
        files=files,
        width="full",
        finding=_finding(layer, kernels, nmf),
        method=_method(layer, kernels, rows, sheets, nmf),
    )


def _heights(units: int, kh: int, kw: int, menus: int, beside: bool) -> str:
    """Style with about the height of the grid, on screens of three widths, so that its page is laid out before it is drawn.

    Args:
        menus: above the grid, one below the other where it is narrow.
        beside: whether the panel of one unit takes the other half of a wide screen.
    """
    scale = max(1, round(TILE / max(kh, kw)))
    widths = {"narrow": (350, menus), "middle": (720, 1), "wide": (490, menus) if beside else (1160, 1)}
    heights = {
        name: math.ceil(units / ((width + GAP) // (kw * scale + GAP))) * (kh * scale + GAP) + lines * MENU
        for name, (width, lines) in widths.items()
    }
    return ";".join(f"--wb-{name}:{height}px" for name, height in heights.items())


def _classes(model: Model, layer: LayerInfo, names: Sequence[str]) -> Drawing:
    """The units of a classifier, each with its address, where its classes are known."""
    items = joined(
        (
            html('<li id="unit-{}"><small>{}</small> {}</li>', unit, unit, name)
            for unit, name in zip(layer.units, names, strict=True)
        )
    )
    finding = html("The {} of <code>{}</code> stand for these classes.", counted(len(names), "unit"), layer.name)
    caption = "Each has its number and address."
    method = "Names are those that the record of the training has."
    alt = f"The classes of the {len(names)} units of {layer.name} of {model.title}, by number."
    table = pd.DataFrame({"unit": list(layer.units), "class": names})
    body = html('<ul class="wb-classes">{}</ul>', items)
    return Drawing(caption, alt, table, body=body, finding=finding, method=method)


def _pictures(files: Sequence[str], count: int, columns: int, tile: tuple[int, int]) -> Markup:
    """Attributes by which the script finds pictures: files, units in each, columns, width and height of a tile."""
    width, height = tile
    return html(
        ' data-sprite-pictures="{}" data-picture-count="{}" data-picture-columns="{}" data-picture-tile="{} {}"',
        " ".join(files),
        count,
        columns,
        width,
        height,
    )


def _finding(layer: LayerInfo, kernels: Mapping[str, np.ndarray], nmf: Nmf | None) -> Markup:
    """What is seen of the layer's units."""
    name, n = html("<code>{}</code>", layer.name), len(layer.units)
    if nmf is not None and nmf.error is None:
        return html("The {} of {} are black: all their weights are zero.", counted(n, "unit"), name)
    if nmf is not None:
        return html("The {} of {}, each kernel as a small picture in three colours.", counted(n, "unit"), name)
    if kernels and all((stack == 0.5).all() for stack in kernels.values()):
        return html("The {} of {} are grey: all their weights are zero.", counted(n, "kernel"), name)
    if kernels:
        return html("The {} of {} as they are: weights of red, green and blue as colours.", counted(n, "kernel"), name)
    return html("The {} of {}, whose 1×1 kernels have no shape to show.", counted(n, "unit"), name)


def _caption(connected: str, kernels: Mapping[str, np.ndarray], nmf: Nmf | None) -> str:
    zero = "Black is no weight. " if nmf is not None else "Grey is no weight. " if kernels else ""
    return f"{zero}Point at a unit for its numbers; choose one for {connected}its permalink."


def _method(
    layer: LayerInfo,
    kernels: Mapping[str, np.ndarray],
    rows: Mapping[int, Any],
    sheets: QuickPictures | None,
    nmf: Nmf | None,
) -> str:
    n, parts = len(layer.units), []
    if nmf is not None and nmf.error is not None:
        parts.append(
            "One-sided NMF of each unit's kernel into three factors, shown as red, green and blue."
            f" Per unit, a factor means something else in every unit (mean relative error {fixed_text(nmf.error)});"
            f" jointly, a colour is one combination of inputs for the whole layer (mean error {fixed_text(nmf.joint_error)})."
        )
        if layer.groups > 1:
            parts.append(
                f"The layer has {layer.groups} groups, which share no inputs: joint colours compare within a group only."
            )
    elif kernels and nmf is None:
        parts.append("Each unit is scaled to its own largest weight.")
    if sheets is not None or 2 * len(rows) > n:
        made = f", of a short search ({sheets.settings.pixels}, {sheets.settings.steps} steps)" if sheets else ""
        count = len(rows) if sheets is None else sheets.count
        some = "" if count == n else f", made for {count} of them"
        shown = "" if kernels else ", shown here"
        parts.append(f"What excites a unit is the result of feature visualization{shown}{made}{some}.")
    return " ".join(parts)


FIGURES = (Figure("unit-grid", draw, "pictures of the units", section="Units", order=10),)
