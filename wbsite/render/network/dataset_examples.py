"""One unit with the photographs that excite it most, for articles: figure("dataset-examples", unit=…)."""

from __future__ import annotations

import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_tile
from wbsite.render.page import slug
from wbsite.render.text import number_text
from wbsite.results.network.dataset_examples import DatasetExamples
from wbsite.results.site import Gap

from ._patches import explained, patches_of, tile


def draw(scene: Scene) -> Drawing | Gap:
    """Options: unit, as its permalink numbers it (the layer's first if left out)."""
    assert scene.model is not None and scene.layer is not None
    model, layer = scene.model, scene.layer
    unit = scene.options.get("unit", layer.units.start)
    if unit not in layer.units:
        raise WbsiteError(
            f"{layer.name} has no unit {unit!r}.", f"Its units are {layer.units.start} to {layer.units.stop - 1}."
        )
    gap = model.result_or_gap(DatasetExamples)
    if isinstance(gap, Gap):
        return gap
    patches = patches_of(model)
    assert patches is not None
    about, channel = patches.layers.get(layer.name), layer.units.index(unit)
    if about is None:
        reasons = {left.layer: left.reason for left in patches.result.left_out}
        return Gap(reasons.get(layer.name, "only units of convolutions are shown photographs"), failed=False)
    found = patches.units[layer.name].get(channel, ())
    if not found:
        return Gap(f"unit {unit} of {layer.name} responds to all photographs equally", failed=False)
    folder = f"{scene.up}models/{slug(model.id)}/"
    tiles = joined(tile(patch, patches.result.size, folder, about.rectified) for patch in found)
    body = html(
        '<div class="wb-unit-inputs">{}<div class="wb-patches"><div class="wb-patches-list">{}</div></div></div>',
        unit_tile(scene, layer.name, channel),
        tiles,
    )
    finding = html(
        "Of all photographs, a part of {} excites unit {} most, to {}.",
        found[0].name,
        unit,
        number_text(found[0].activation),
    )
    caption = html(
        "Unit {} of <code>{}</code> of {} and the photographs that excite it most,"
        " strongest first, each with its activation.",
        unit,
        layer.name,
        model.title,
    )
    names = ", ".join(dict.fromkeys(patch.name for patch in found))
    alt = (
        f"Unit {unit} of {layer.name} of {model.title} beside {len(found)} patches of photographs ({names}), with"
        f" activations from {found[0].activation:.3g} to {found[-1].activation:.3g}."
    )
    rows = patches.result.rows
    table = rows[(rows["layer"] == layer.name) & (rows["unit"] == channel)].assign(unit=unit)
    method = explained(patches.result, about)
    return Drawing(caption, alt, pd.DataFrame(table), body=body, width="wide", finding=finding, method=method)


FIGURES = (Figure("dataset-examples", draw, "photographs that excite a unit", options=("unit",)),)
