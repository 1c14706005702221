"""A few units of one layer as NMF pictures: the one simple trick, without any context."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.page import slug
from wbsite.render.sprites import sheet
from wbsite.render.text import share_text
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap

SHOWN = 8


def draw(scene: Scene) -> Drawing | Gap:
    """Eight units spread evenly over the layer's order of similarity, each linked to its permalink."""
    model, layer = scene.model, scene.layer
    assert model is not None and layer is not None
    nmf = scene.result_or_gap(Nmf)
    if isinstance(nmf, Gap):
        return nmf
    order = nmf.order
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))]
    page = f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/"
    files, tiles, rows = {}, [], []
    kh, kw = layer.kernel
    for channel in map(int, chosen):
        unit, name = unit_number(model, layer.name, channel), f"nmf-{channel}.png"
        files[name], _ = sheet(nmf.per_unit[[channel]])
        error = float(nmf.per_unit_error[channel])
        alt = f"Unit {unit} of {layer.name}: {kh} by {kw} positions, three factors as colours"
        tiles.append(
            html(
                '<a class="wb-unit" href="{}#unit-{}"><img class="wb-kernel" src="{}" width="{}" height="{}"'
                ' alt="{}"><span>{}</span></a>',
                page,
                unit,
                name,
                kw,
                kh,
                alt,
                unit,
            )
        )
        rows.append({"unit": unit, "channel": channel, "relative_error": round(error, 4)})
    finding = f"Each of these {len(rows)} kernels is a small picture; its three colours are mixtures of inputs."
    caption = html(
        "Units of <code>{}</code> of {}, {}×{} positions each. What a colour"
        " stands for differs from unit to unit; black is no weight.",
        layer.name,
        model.title,
        kh,
        kw,
    )
    method = (
        f"One-sided NMF of each unit's {layer.in_channels // layer.groups} input channels, excitatory and inhibitory weights"
        " apart, into three factors, shown as red, green and blue. The units are spread evenly over the layer's order of"
        f" similarity. The mean relative error over the layer's units is {share_text(nmf.error)}."
    )
    alt = (
        f"{len(rows)} small colour pictures of {kh} by {kw} pixels, one for each of {len(rows)} units of {layer.name}."
    )
    return Drawing(
        caption,
        alt,
        pd.DataFrame(rows),
        body=html('<div class="wb-multiples wb-large-tiles">{}</div>', joined(tiles)),
        files=files,
        width="wide",
        finding=finding,
        method=method,
    )


FIGURES = (Figure("nmf-units", draw, "units as NMF pictures"),)
