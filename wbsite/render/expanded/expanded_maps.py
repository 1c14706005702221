"""Expanded weights over several layers as maps: the strongest sources of example units, chosen by a stated rule."""

from __future__ import annotations

import io
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Entry
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import (
    kernel_img,
    pictured,
    scale_legend,
    signed_colours,
    strongest_text,
    unit_number,
    unit_tile,
)
from wbsite.render.page import slug
from wbsite.render.text import number_text
from wbsite.results.site import Gap

BACK = {"2": "two spatial convolutions back", "3": "three spatial convolutions back", "first": "from the first layer"}
"""How far back a source lies → its words."""

INLINE = 32 * 32
"""Positions above which a map is a file beside the page instead of a part of it."""

SIDE = 72


def draw(scene: Scene) -> Drawing | Gap:
    """Options: back, one of BACK; all that there are if left out."""
    assert scene.model is not None
    entry = scene.entry_or_gap("long_range")
    if isinstance(entry, Gap):
        return entry
    wanted = scene.options.get("back")
    if wanted is not None and str(wanted) not in BACK:
        raise WbsiteError(f"figure 'orbitals' has no back={wanted!r}.", f"Write one of {', '.join(BACK)}.")
    table = entry.table("examples")
    shown = table if wanted is None else table[table["kind"] == str(wanted)]
    if shown.empty:
        return absent(entry)
    files: dict[str, bytes] = {}
    parts, weights = [], {}
    for number, rows in shown.groupby("example"):
        maps = entry.arrays[f"example_{number}"]
        weights[f"example_{number}"] = maps
        parts.append(_example(scene, int(number), rows.to_dict("records"), maps, files))
    packed = io.BytesIO()
    np.savez_compressed(packed, **weights)
    files[f"orbitals-{slug(scene.model.id)}.npz"] = packed.getvalue()
    data = shown.round({"unit_smoothness": 4, "smoothness": 4}).reset_index(drop=True)
    body = f'<div class="wb-trials">{"".join(parts)}</div>'
    firsts = [rows.iloc[0] for _, rows in shown.groupby("example")]
    said = [f"unit {row['unit']} of {row['target']} ({row['which']}) from {row['source']}" for row in firsts]
    alt = (
        f"Expanded weights of {scene.model.title} as maps, {len(shown)} for {len(said)} units: {'; '.join(said)}."
        f" Smoothness of the maps, Moran's I: {shown['smoothness'].min():.2f} to {shown['smoothness'].max():.2f}."
    )
    return Drawing(_caption(scene, entry, shown), alt, data, body=body, files=files, width="wide")


def _example(scene: Scene, number: int, rows: list[dict[str, Any]], maps: np.ndarray, files: dict[str, bytes]) -> str:
    """One unit, and beside it its strongest sources with their maps on one scale."""
    first, scale = rows[0], float(np.abs(maps).max())
    target, source = escape(first["target"]), escape(first["source"])
    tile = unit_tile(scene, first["target"], first["unit"], 112)
    head = (
        f"<p><strong>{target}</strong> from {source}, {BACK[first['kind']]}: unit at the {first['which']} of smoothness,"
        f" I&nbsp;=&nbsp;{first['unit_smoothness']:.2f}</p>"
    )
    assert scene.model is not None
    unit, items = unit_number(scene.model, first["target"], first["unit"]), []
    for row, weights in zip(rows, maps, strict=True):
        text = f"Expanded weights from {_name(scene, row)} to unit {unit} of {first['target']}"
        picture = _picture(weights, scale, text, f"orbitals-{slug(scene.model.id)}-{number}-{row['rank']}", files)
        end = unit_tile(scene, row["layer"], row["channel"]) if row["layer"] else _unnamed(row)
        said = f"<small>I&nbsp;=&nbsp;{row['smoothness']:.2f}</small>"
        items.append(f'<div class="wb-connection">{end}<div>{picture}{said}</div></div>')
    return (
        f'<div class="wb-trial">{head}<div class="wb-unit-inputs">{tile}<div>{scale_legend(scale)}'
        f'<div class="wb-multiples">{"".join(items)}</div></div></div></div>'
    )


def _picture(weights: np.ndarray, scale: float, text: str, file: str, files: dict[str, bytes]) -> str:
    """The map in the page itself, or, where it has many positions, as a file beside it."""
    if weights.size <= INLINE:
        return kernel_img(weights, scale, text, SIDE)
    buffer = io.BytesIO()
    Image.fromarray(signed_colours(weights, scale)).save(buffer, "PNG", optimize=True)
    files[f"{file}.png"] = buffer.getvalue()
    said = escape(f"{text}; {strongest_text(weights)}", quote=True)
    return f'<img class="wb-kernel" src="{file}.png" width="{SIDE}" height="{SIDE}" loading="lazy" alt="{said}">'


def _unnamed(row: Mapping[str, Any]) -> str:
    """Where layers are added: a channel that several of them write to."""
    return (
        f'<span class="wb-unit wb-unit-plain" style="width:{SIDE}px"><b>{row["channel"]}</b>'
        f"<span>{escape(row['source'])}</span></span>"
    )


def _name(scene: Scene, row: Mapping[str, Any]) -> str:
    assert scene.model is not None
    if not row["layer"]:
        return f"channel {row['channel']} of {row['source']}"
    return f"unit {unit_number(scene.model, row['layer'], row['channel'])} of {row['layer']}"


def _caption(scene: Scene, entry: Entry, shown: pd.DataFrame) -> str:
    assert scene.model is not None
    v, maps = entry.values, int(shown.groupby("example").size().max())
    text = (
        f"Expanded weights of {escape(scene.model.title)} over several layers. Not chosen by eye: of every distance the pair of"
        f" layers in the middle of the depth, of it the units nearest to the median and to the upper quartile of smoothness"
        f" among those drawn (up to {v['units']}, seed {v['seed']}), and of each its {maps} source channels with the largest"
        " norm over space, strongest first. I is Moran's I of neighbouring positions, 1 for a smooth map and about 0 for one"
        " without order. Red excites, blue inhibits, white is zero; every unit has a scale of its own, at its bar."
        " Rectifiers are taken as linear and max pools as averages; where a pool's windows overlap, they leave a fine grid."
    )
    if not any(pictured(scene.model, layer) for layer in shown["target"].unique()):
        text += " No pictures were made of the units at the left."
    return text


def absent(entry: Entry) -> Gap:
    """Why there is nothing to draw: the first reason that was met."""
    skipped = entry.values["skipped"]
    if skipped:
        one = skipped[0]
        return Gap(f"no pair of layers could be expanded; {one['target']} from {one['source']}: {one['reason']}", False)
    count = number_text(entry.values["spatial"])
    return Gap(f"no layer lies two or more spatial convolutions behind another ({count} spatial convolutions)", False)


FIGURES = (Figure("orbitals", draw, "expanded weights over several layers", of="model", options=("back",)),)
