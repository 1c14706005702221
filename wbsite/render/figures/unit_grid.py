"""All units of a layer as pictures at pixel precision, sortable, each with its own address."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from ...store import Entry
from ..figure import Drawing, Figure, Scene
from ..site import Gap, LayerInfo
from ..sprites import sheet


def draw(scene: Scene) -> Drawing | Gap:
    """NMF pictures of the layer, or its kernels as they are where it reads the picture itself."""
    assert scene.layer is not None and scene.model is not None
    filters, nmf = scene.model.entry("filters", scene.layer.name), scene.entry_or_gap("nmf")
    if filters is not None:
        return _drawing(scene, {"kernels": filters.arrays["pictures"]}, filters, None)
    if isinstance(nmf, Gap):
        return nmf
    return _drawing(scene, {"per-unit": nmf.arrays["per_unit"], "joint": nmf.arrays["joint"]}, nmf, nmf)


def units_table(layer: LayerInfo, order: np.ndarray, banding: Entry | None, nmf: Entry | None) -> pd.DataFrame:
    """One row a unit: number, index in the layer, rank by similarity, H, norm, error."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    table = pd.DataFrame({"unit": list(layer.units), "index": range(len(order)), "similarity_rank": rank})
    if banding is not None:
        for source in ("weights", "nmf"):
            if f"{source}_per_unit" in banding.arrays:
                table[f"H_{source}"] = np.round(banding.arrays[f"{source}_per_unit"], 4)
        table["norm"] = np.round(banding.arrays["norm"].astype(float), 4)
    if nmf is not None:
        table["error"] = np.round(nmf.arrays["per_unit_error"].astype(float), 4)
    return table


def _drawing(scene: Scene, pictures: dict[str, np.ndarray], ordered: Entry, nmf: Entry | None) -> Drawing:
    model, layer = scene.model, scene.layer
    assert model is not None and layer is not None
    files, columns = {}, 1
    for name, stack in pictures.items():
        files[f"{name}.png"], columns = sheet(stack)
    first = next(iter(pictures))
    n, kh, kw, _ = pictures[first].shape
    numbers = f"{layer.units.start}:{layer.units.stop}"
    sprites = " ".join(f'data-sprite{"" if name == first else "-" + name}="{name}.png"' for name in pictures)
    alt = f"A grid of {n} small pictures of {kh} by {kw} pixels, one for each unit of layer {layer.name} of {model.title}."
    body = (
        f'<div class="wb-units" data-url="unit-grid.csv" data-units="{numbers}" data-tile="{kw} {kh}"'
        f' data-columns="{columns}" {sprites} role="img" aria-label="{escape(alt, quote=True)}">'
        f'<noscript><img class="wb-sprite" src="{first}.png" alt="{escape(alt, quote=True)}"></noscript></div>'
    )
    if nmf is None:
        caption = (
            f"The {n} kernels of <code>{escape(layer.name)}</code> as they are: weights of the red, green and blue input as colours,"
            " grey for zero, each unit scaled to its own largest weight. Point at a unit for its numbers; click for its permalink."
        )
    else:
        caption = (
            f"The {n} units of <code>{escape(layer.name)}</code>: one-sided NMF of each unit's kernel into three factors, shown as"
            " red, green and blue; black where the unit has no weight."
            f" Per unit, a factor means something else in every unit (mean relative error {nmf.values['error']:.2f});"
            f" jointly, a colour is one combination of inputs for the whole layer (mean error {nmf.values['joint_error']:.2f})."
            " Point at a unit for its numbers; click for its permalink."
        )
        if layer.groups > 1:
            caption += f" The layer has {layer.groups} groups, which share no inputs: joint colours compare within a group only."
    table = units_table(layer, ordered.arrays["order"], model.entry("banding", layer.name), nmf)
    return Drawing(caption, alt, table, body=body, files=files, width="full")


FIGURES = (Figure("unit-grid", draw, "pictures of the units"),)
