"""All units of a layer as pictures at pixel precision, sortable, each with its own address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import pictured, small_pictures
from wbsite.render.sprites import SIDE, sheet, thumbnails
from wbsite.render.text import counted, fixed_text
from wbsite.results.banding.banding import Banding
from wbsite.results.network.connections import Connections
from wbsite.results.network.filters import Filters
from wbsite.results.network.nmf import Nmf
from wbsite.results.network.unit_pictures import QuickPictures, UnitPictures
from wbsite.results.site import Gap, LayerInfo


def draw(scene: Scene) -> Drawing | Gap:
    """NMF pictures of the layer, its kernels as they are where it reads the picture itself, or the units' numbers;
    and what excites the units, where most of them have such a picture."""
    assert scene.layer is not None and scene.model is not None
    filters, nmf = scene.model.result(Filters, scene.layer.name), scene.result_or_gap(Nmf)
    if filters is not None:
        return _drawing(scene, {"kernels": filters.pictures}, filters.order, None)
    if isinstance(nmf, Gap):
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
        attributes += f' data-sprite{"-joint" if name == "joint" else ""}="{name}.png"'
    if kernels:
        attributes += f' data-columns="{columns}"'
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
    sprite = f'<img class="wb-sprite" src="{first}" alt="{escape(alt, quote=True)}">' if first else escape(alt)
    body = (
        f'<div class="wb-units" data-url="unit-grid.csv" data-units="{layer.units.start}:{layer.units.stop}"'
        f' data-tile="{kw} {kh}"{attributes} role="img" aria-label="{escape(alt, quote=True)}">'
        f"<noscript>{sprite}</noscript></div>"
    )
    table = units_table(layer, order, model.result(Banding, layer.name), nmf)
    caption = _caption(layer, kernels, rows, sheets, nmf)
    connected = "" if model.architecture.alone else "its connections and "
    caption += f" Point at a unit for its numbers; click for {connected}its permalink."
    return Drawing(caption, alt, table, body=body, files=files, width="full")


def _pictures(files: Sequence[str], count: int, columns: int, tile: tuple[int, int]) -> str:
    """Attributes by which the script finds pictures: files, units in each, columns, width and height of a tile."""
    width, height = tile
    return (
        f' data-sprite-pictures="{" ".join(files)}" data-picture-count="{count}" data-picture-columns="{columns}"'
        f' data-picture-tile="{width} {height}"'
    )


def _caption(
    layer: LayerInfo,
    kernels: Mapping[str, Any],
    rows: Mapping[int, Any],
    sheets: QuickPictures | None,
    nmf: Nmf | None,
) -> str:
    n, name = len(layer.units), escape(layer.name)
    units = counted(n, "unit")
    if nmf is not None and nmf.error is None:
        caption = f"The {units} of <code>{name}</code>, whose weights are all zero: black pictures of nothing."
    elif nmf is not None:
        caption = (
            f"The {units} of <code>{name}</code>: one-sided NMF of each unit's kernel into three factors, shown as"
            " red, green and blue; black where the unit has no weight."
            f" Per unit, a factor means something else in every unit (mean relative error {fixed_text(nmf.error)});"
            f" jointly, a colour is one combination of inputs for the whole layer (mean error {fixed_text(nmf.joint_error)})."
        )
        if layer.groups > 1:
            caption += f" The layer has {layer.groups} groups, which share no inputs: joint colours compare within a group only."
    elif kernels:
        caption = (
            f"The {counted(n, 'kernel')} of <code>{name}</code> as they are: weights of the red, green and blue input as colours,"
            " grey for zero, each unit scaled to its own largest weight."
            + (" All weights are zero." if all((stack == 0.5).all() for stack in kernels.values()) else "")
        )
    else:
        caption = f"The {units} of <code>{name}</code>, whose 1×1 kernels have no shape to show."
    if sheets is not None or 2 * len(rows) > n:
        caption += f" What excites a unit is the result of feature visualization{'' if kernels else ', shown here'}"
        if sheets is not None:
            caption += f", of a short search ({sheets.settings.pixels}, {sheets.settings.steps} steps)"
        count = len(rows) if sheets is None else sheets.count
        caption += "." if count == n else f", made for {count} of them."
    return caption


FIGURES = (Figure("unit-grid", draw, "pictures of the units", section="Units", order=10),)
