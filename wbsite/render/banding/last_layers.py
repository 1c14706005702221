"""The last convolution of every network side by side, as NMF pictures."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene, share_text
from wbsite.render.page import slug
from wbsite.render.site import Gap
from wbsite.render.sprites import sheet

SHOWN, COLUMNS = 96, 16


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a network: pictures of its last spatial layer's units in order of similarity, and H."""
    panels, rows, files = [], [], {}
    for model in scene.site.working:
        layer = model.last_pictured
        if layer is None:
            continue
        nmf, banding = model.entry("nmf", layer.name), model.entry("banding", layer.name)
        assert nmf is not None and banding is not None
        order = nmf.arrays["order"]
        chosen = np.asarray(order)[
            np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))
        ]
        name = f"last-layer-{slug(model.id)}.png"
        files[name], _ = sheet(nmf.arrays["per_unit"][chosen], COLUMNS, gap=1)
        v = banding.values
        h, low, high = (share_text(v["nmf"][k]) for k in ("index", "low", "high"))
        link = f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/"
        alt = f"{len(chosen)} units of {layer.name} of {model.title}, H = {h}"
        kh, kw = layer.kernel
        wide = COLUMNS * (kw + 1) - 1
        tall = math.ceil(len(chosen) / COLUMNS) * (kh + 1) - 1
        panels.append(
            f'<a class="wb-panel" href="{link}"><img class="wb-sprite" src="{name}" alt="{escape(alt, quote=True)}" width="{wide}" height="{tall}">'
            f"<span><strong>{escape(model.title)}</strong> {escape(layer.name)}<br>H = {h} ({low} to {high}) on these pictures,"
            f" {share_text(v['index'])} on full weights</span></a>"
        )
        rows.append(
            {
                "model": model.title, "layer": layer.name, "units": v["units"], "shown": len(chosen),
                **{f"nmf_{k}": v["nmf"][k] for k in ("index", "low", "high")}, **{k: v[k] for k in ("index", "low", "high", "row_share", "column_share")},
            }
        )  # fmt: skip
    if not panels:
        return Gap("no network on this site has pictures of its last convolution with rows and columns", failed=False)
    table = pd.DataFrame(rows)
    caption = (
        f"The last convolution with a spatial kernel of each network: up to {SHOWN} of its units, spread evenly over the layer's"
        " order of similarity; each small square is one unit, one-sided NMF with three factors as red, green and blue."
        " H is given with its 95 % bootstrap interval over units."
    )
    alt = "; ".join(f"{r['model']} {r['layer']}: H {r['nmf_index']:.2f} on NMF pictures" for r in rows) + "."
    return Drawing(
        caption, alt, table, body=f'<div class="wb-panels">{"".join(panels)}</div>', files=files, width="full"
    )


FIGURES = (Figure("last-layers", draw, "the last layers side by side", of="site"),)
