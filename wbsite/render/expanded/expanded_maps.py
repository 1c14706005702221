"""Expanded weights over several layers as maps: the strongest sources of example units, chosen by a stated rule."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import map_img, pictured, scale_legend, unit_tile
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.long_range import LongRange
from wbsite.results.site import Gap, Model

from ._channels import channel_text, channel_tile

BACK = {"2": "two spatial convolutions back", "3": "three spatial convolutions back", "first": "from the first layer"}
"""How far back a source lies → its words."""


def draw(scene: Scene) -> Drawing | Gap:
    """Options: back, one of BACK; all that there are if left out."""
    assert scene.model is not None
    long_range = scene.result_or_gap(LongRange)
    if isinstance(long_range, Gap):
        return long_range
    back = scene.options.get("back")
    if back is not None and str(back) not in BACK:
        raise WbsiteError(f"figure 'orbitals' has no back={back!r}.", f"Write one of {', '.join(BACK)}.")
    examples = long_range.examples
    drawn = examples if back is None else examples[examples["kind"] == str(back)]
    if drawn.empty:
        return absent(long_range)
    files: dict[str, bytes] = {}
    weights: dict[str, Any] = {}
    parts, names = [], []
    for number, rows in drawn.groupby("example"):
        maps = weights[f"example_{number}"] = long_range.maps[str(number)]
        parts.append(_example(scene, int(number), rows.to_dict("records"), maps, files))
        first = rows.iloc[0]
        names.append(f"unit {first['unit']} of {first['target']} ({first['which']}) from {first['source']}")
    packed = io.BytesIO()
    np.savez_compressed(packed, **weights)
    files[f"orbitals-{slug(scene.model.id)}.npz"] = packed.getvalue()
    data = drawn.round({"unit_smoothness": 4, "smoothness": 4}).reset_index(drop=True)
    body = html('<div class="wb-trials">{}</div>', joined(parts))
    alt = (
        f"Expanded weights of {scene.model.title} as maps, {len(drawn)} for {len(names)} units: {'; '.join(names)}."
        f" Smoothness of the maps, Moran's I: {drawn['smoothness'].min():.2f} to {drawn['smoothness'].max():.2f}."
    )
    return Drawing(
        _caption(scene.model),
        alt,
        data,
        body=body,
        files=files,
        width="wide",
        finding=_finding(drawn),
        method=_method(scene.model, long_range, drawn),
    )


def _example(
    scene: Scene, number: int, rows: list[dict[str, Any]], maps: np.ndarray, files: dict[str, bytes]
) -> Markup:
    """One unit, and beside it its strongest sources with their maps on one scale."""
    assert scene.model is not None
    first, scale = rows[0], float(np.abs(maps).max())
    target, source = first["target"], first["source"]
    tile = unit_tile(scene, first["target"], first["unit"])
    head = html(
        "<p><strong>{}</strong> from {}, {}: unit at the {} of smoothness, I&nbsp;=&nbsp;{:.2f}</p>",
        target,
        source,
        BACK[first["kind"]],
        first["which"],
        first["unit_smoothness"],
    )
    items = []
    for row, weights in zip(rows, maps, strict=True):
        text = f"Expanded weights from {channel_text(scene, row['layer'], row['channel'], row['source'])}"
        picture = map_img(weights, scale, text, f"orbitals-{slug(scene.model.id)}-{number}-{row['rank']}", files)
        end = channel_tile(scene, row["layer"], row["channel"], row["source"], plain=False)
        value = html("<small>I&nbsp;=&nbsp;{:.2f}</small>", row["smoothness"])
        items.append(html('<div class="wb-connection">{}<div>{}{}</div></div>', end, picture, value))
    return html(
        '<div class="wb-trial">{}<div class="wb-unit-inputs">{}<div>{}'
        '<div class="wb-multiples">{}</div></div></div></div>',
        head,
        tile,
        scale_legend(scale),
        joined(items),
    )


def _finding(drawn: pd.DataFrame) -> str:
    """How alike neighbouring weights are: what the eye takes for shapes."""
    low, high = (fixed_text(value) for value in (drawn["smoothness"].min(), drawn["smoothness"].max()))
    return (
        f"Neighbouring weights have a Moran's I of {low} to {high}: 1 is a perfectly smooth shape, 0 no order at all."
    )


def _caption(model: Model) -> Markup:
    return html(
        "Each block is a unit of {} and its strongest sources, two or three convolutions back or in the first layer.",
        model.title,
    )


def _method(model: Model, long_range: LongRange, drawn: pd.DataFrame) -> str:
    maps = int(drawn.groupby("example").size().max())
    text = (
        "Not chosen by eye: of every distance the pair of"
        f" layers in the middle of the depth, of it the units nearest to the median and to the upper quartile of smoothness"
        f" among those drawn (up to {long_range.units}, seed {long_range.seed}), and of each its {maps} source channels with the"
        " largest norm over space, strongest first. I is Moran's I of neighbouring positions, 1 for a smooth map and about 0 for one"
        " without order. Red excites, blue inhibits, white is zero; every unit has a scale of its own, at its bar."
        " Rectifiers are taken as linear and max pools as averages; where a pool's windows overlap, they leave a fine grid."
    )
    if not any(pictured(model, layer) for layer in drawn["target"].unique()):
        text += " No pictures were made of the units at the left."
    return text


def absent(long_range: LongRange) -> Gap:
    """Why there is nothing to draw: the first reason that was met."""
    if long_range.skipped:
        pair = long_range.skipped[0]
        reason = f"no pair of layers could be expanded; {pair.target} from {pair.source}: {pair.reason}"
    else:
        count = number_text(long_range.spatial)
        reason = f"no layer lies two or more spatial convolutions behind another ({count} spatial convolutions)"
    return Gap(reason, failed=False)


FIGURES = (
    Figure(
        "orbitals", draw, "expanded weights over several layers", of="model", example=example_network, options=("back",)
    ),
)
