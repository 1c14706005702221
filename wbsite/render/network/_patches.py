"""Patches of photographs that excite units most, as windows on photographs that all layers of a network share.

A photograph lies once, beside the network's page; what is shown of it is a matter of style sheets, so that a reader
can see the patch or the whole photograph with the patch marked in it, in print and without a script as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from wbsite.core.markup import Markup, html
from wbsite.render.text import counted, number_text
from wbsite.results.network.dataset_examples import DatasetExamples, LayerExamples
from wbsite.results.site import Gap, LayerInfo, Model

CSV = "dataset-examples.csv"

COARSE = 48
"""Sides of patches, in pixels, below which these are shown as squares: smoothed, they would be a blur."""

DEFAULT = "sample_photographs"
"""The data set where none was named."""


@dataclass(frozen=True)
class Patch:
    """A part of a photograph.

    Attributes:
        activation: of the unit there, before the rectifier.
        photograph: number of the photograph.
        name: of the photograph.
        top, left, height, width: of the patch, in pixels.
        y, x: middle of what the unit sees there, in pixels; where it sees the whole photograph, of its position.
    """

    activation: float
    photograph: int
    name: str
    top: int
    left: int
    height: int
    width: int
    y: float
    x: float


@dataclass(frozen=True)
class Patches:
    """Those of a network.

    Attributes:
        result: of the analysis.
        layers: what holds for the units of each layer.
        units: layer → channel → its patches, strongest first.
    """

    result: DatasetExamples
    layers: Mapping[str, LayerExamples]
    units: Mapping[str, Mapping[int, Sequence[Patch]]]


@lru_cache(maxsize=4)  # pages of a network's layers follow one another
def patches_of(model: Model) -> Patches | None:
    """Those of a network; None where there are none.

    Raises:
        DamagedEntry: the result is damaged.
    """
    result = model.result(DatasetExamples)
    if result is None:
        return None
    layers = {layer.layer: layer for layer in result.layers}
    units: dict[str, dict[int, list[Patch]]] = {name: {} for name in layers}
    rows = result.rows
    for name, part in rows.groupby("layer", sort=False):
        layer = layers[str(name)]
        middles = (
            _middles(layer, along, part[axis].to_numpy(), result.size[along])
            for along, axis in enumerate(("row", "column"))
        )
        columns = ("activation", "photograph", "name", "top", "left", "height", "width")
        patches = zip(part["unit"].tolist(), *(part[column].tolist() for column in columns), *middles, strict=True)
        for unit, *fields in patches:
            units[layer.layer].setdefault(unit, []).append(Patch(*fields))
    return Patches(result, layers, units)


def _middles(layer: LayerExamples, along: int, places: np.ndarray, side: int) -> list[float]:
    if layer.field is None:
        middles = (places + 0.5) * (side / layer.shape[along])
    else:
        middles = layer.stride[along] * places + layer.offset[along] + layer.field[along] / 2
    return np.clip(middles, 0, side).round(1).tolist()


def photographs(model: Model) -> dict[str, bytes]:
    """The photographs in which any patch lies, by the names under which layers' pages find them one folder up."""
    patches = patches_of(model)
    if patches is None:
        return {}
    return {_file(number): patches.result.photograph(number) for number in patches.result.shown.tolist()}


def _file(number: int) -> str:
    return f"photograph-{number}.webp"


def files(model: Model, layer: LayerInfo) -> dict[str, bytes]:
    """The table of a layer's patches, units numbered as on its page."""
    patches = patches_of(model)
    if patches is None or layer.name not in patches.layers:
        return {}
    rows = patches.result.rows
    own = rows[rows["layer"] == layer.name].drop(columns="layer")
    own = own.assign(unit=own["unit"] + layer.units.start, activation=[_short(value) for value in own["activation"]])
    return {CSV: own.to_csv(index=False).encode()}


def packed(model: Model, layer: str, channel: int) -> list[list[Any]]:
    """A unit's patches as the script reads them: the fields of `Patch` in order."""
    patches = patches_of(model)
    found = patches.units.get(layer, {}).get(channel, ()) if patches else ()
    return [[_short(p.activation), p.photograph, p.name, p.top, p.left, p.height, p.width, p.y, p.x] for p in found]


def frame(model: Model, layer: str) -> str:
    """What the script fills with the patches of the unit that is shown."""
    patches = patches_of(model)
    if patches is None or layer not in patches.layers:
        return ""
    about, result = patches.layers[layer], patches.result
    return html(
        '<div class="wb-patches" data-size="{} {}" data-coarse="{}"'
        ' data-count="{}" data-rectified="{}">'
        '<div class="wb-patches-head"><h4>Photographs that excite it most</h4>'
        '<button type="button" aria-pressed="false">whole photographs</button></div>'
        '<p class="wb-patches-about"></p><div class="wb-patches-list"></div></div>',
        result.size[0],
        result.size[1],
        COARSE,
        result.photographs.count,
        str(about.rectified).lower(),
    )


def tile(patch: Patch, size: tuple[int, int], folder: str, rectified: bool) -> Markup:
    """A patch with its activation, as the script draws it.

    Args:
        size: height and width of the photograph.
        folder: of the network's page, with a trailing slash.
    """
    silent = rectified and patch.activation <= 0
    kinds = ["wb-patch"]
    if silent:
        kinds.append("wb-patch-silent")
    if max(patch.height, patch.width) < COARSE:
        kinds.append("wb-patch-coarse")
    if (patch.height, patch.width) == size:
        kinds.append("wb-patch-all")
    numbers = {
        "H": size[0], "W": size[1], "h": patch.height, "w": patch.width,
        "t": patch.top, "l": patch.left, "y": patch.y, "x": patch.x,
    }  # fmt: skip
    style = ";".join(f"--{name}:{value:g}" for name, value in numbers.items())
    text = _text(patch, size)
    return html(
        '<div class="{}" style="{}" title="{}"><span><span class="wb-patch-window">'
        '<img src="{}{}" alt="{}" loading="lazy" decoding="async"'
        ' width="{}" height="{}"><i></i></span></span>'
        "<small>{}</small></div>",
        " ".join(kinds),
        style,
        text,
        folder,
        _file(patch.photograph),
        text,
        size[1],
        size[0],
        number_text(_short(patch.activation)),
    )


def _text(patch: Patch, size: tuple[int, int]) -> str:
    part = "the whole of photograph" if (patch.height, patch.width) == size else "part of photograph"
    return f"{part} {patch.photograph} ({patch.name}): activation {number_text(_short(patch.activation))}".capitalize()


def caption(model: Model, layer: str) -> str:
    """Which photographs these are, how a patch is cut, and how many units they do not excite; as a sentence follows."""
    gap = model.result_or_gap(DatasetExamples)
    if isinstance(gap, Gap):
        tried = "dataset_examples" in model.record["results"]
        return html(" No photographs, because {}.", " ".join(gap.reason.split())) if tried else Markup()
    patches = patches_of(model)
    assert patches is not None
    about = patches.layers.get(layer)
    if about is None:
        reason = next((left.reason for left in patches.result.left_out if left.layer == layer), "")
        return html(" No photographs, because {}.", " ".join(reason.split())) if reason else Markup()
    return html(" {}", explained(patches.result, about))


def explained(result: DatasetExamples, about: LayerExamples) -> Markup:
    """Sentences on the patches of a layer's units, HTML."""
    what, size = result.photographs.what, f"{result.size[0]}×{result.size[1]}"
    if about.field is None:
        seen = "Its units see whole photographs"
    else:
        seen = (
            f"A patch is the unit's receptive field, {about.field[0]}×{about.field[1]} pixels, as far as it lies in the"
            f" photograph of {size}; what reaches beyond sees padding"
        )
    rule = (
        "positions half a receptive field or more apart, since there are so few photographs"
        if result.apart
        else "each photograph's strongest position alone"
    )
    before = ", before the rectifier," if about.rectified else ""
    text = (
        f"Photographs: the {result.patches} strongest activations{before} among {what}, {rule}. {seen}. The number"
        " under each is the activation there, on the scale of the picture's."
    )
    if about.silent:
        text += (
            f" {counted(about.silent, 'unit')} of {about.units} {'fires' if about.silent == 1 else 'fire'} on none of"
            " them; what comes closest is shown."
        )
    if result.photographs.name == DEFAULT:
        text += Markup(
            " Crops of two photographs are too few to say what a unit is for: <code>--photographs imagefolder:PATH</code>"
            " takes more."
        )
    return html("{}{}", text, html(" {}", result.remark) if result.remark else "")


def _short(value: float) -> float:
    return float(f"{value:.4g}")
