"""The last convolution of every network side by side, as NMF pictures."""

from __future__ import annotations

import math

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.sprites import sheet
from wbsite.render.text import counted, index_text, share_text
from wbsite.results.banding.banding import Banding
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap

from .ordinary_and_banded import even_sample

SHOWN, COLUMNS = 96, 16
ENDS = ("index", "low", "high")

PANEL = Markup(
    '<a class="wb-panel" href="{link}"><img class="wb-sprite" src="{file}" alt="{alt}" width="{width}" height="{height}">'
    "<span><strong>{title}</strong> {layer}<br>H = {index} on these pictures, {weights} on full weights"
    "</span></a>"
)


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a network: pictures of its last spatial layer's units in order of similarity, and H."""
    panels, rows, files, left_out = [], [], {}, []
    lows, threshold = [], 0.0
    for model in scene.site.working:
        layer = model.last_pictured
        if undefined := model.last_undefined:
            left_out.append(f"{undefined[0].name} of {model.title} ({undefined[1]})")
        if layer is None:
            continue
        nmf, banding = model.result(Nmf, layer.name), model.result(Banding, layer.name)
        assert nmf is not None and banding is not None and banding.nmf is not None
        units = even_sample(nmf, SHOWN)
        file = f"last-layer-{slug(model.id)}.png"
        files[file], _ = sheet(units, COLUMNS, gap=1)
        lows.append(banding.nmf.adjusted_low)
        threshold = banding.article_threshold
        kh, kw = layer.kernel
        panels.append(
            PANEL.format(
                link=f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/",
                file=file,
                alt=f"{len(units)} units of {layer.name} of {model.title}, H = {share_text(banding.nmf.index)}",
                width=COLUMNS * (kw + 1) - 1,
                height=math.ceil(len(units) / COLUMNS) * (kh + 1) - 1,
                title=model.title,
                layer=f"{layer.name}, the last of the file" if model.architecture.alone else layer.name,
                index=index_text(banding.nmf),
                weights=share_text(banding.index),
            )
        )
        rows.append(
            {
                "model": model.title, "layer": layer.name, "units": banding.weights.units, "shown": len(units),
                **{f"nmf_{end}": getattr(banding.nmf, end) for end in ENDS},
                **{name: getattr(banding.weights, name) for name in (*ENDS, "row_share", "column_share")},
            }
        )  # fmt: skip
    if not panels and left_out:
        return Gap(f"the banding index is not defined for {'; '.join(left_out)}", failed=False)
    if not panels:
        return Gap("no network on this site has pictures of its last convolution with rows and columns", failed=False)
    table = pd.DataFrame(rows)
    unjudged = f" Left out, without H: {counted(len(left_out), 'network')}." if left_out else ""
    caption = f"The last convolution with a spatial kernel of each network. One small square is one unit.{unjudged}"
    method = (
        f"Up to {SHOWN} units of a layer, spread evenly over its order of similarity; one-sided NMF with three factors, shown as"
        f" red, green and blue. H is given with its 95 % bootstrap interval over units. A layer is called banded where that"
        f" interval of the pictures' H, against chance, lies wholly above {threshold:g}."
        + (html(" H is not defined for {}.", "; ".join(left_out)) if left_out else "")
    )
    banded = sum(low is not None and low > threshold for low in lows)
    finding = (
        f"{banded or 'None'} of the {len(rows)} networks {'are' if banded > 1 else 'is'} clearly banded in"
        f" {'their' if banded > 1 else 'its'} last convolution by the original article's threshold."
        if len(rows) > 1
        else html(
            "{} is {}clearly banded in its last convolution by the original article's threshold.",
            rows[0]["model"],
            "" if banded else "not ",
        )
    )
    alt = "; ".join(f"{r['model']} {r['layer']}: H {r['nmf_index']:.2f} on NMF pictures" for r in rows) + "."
    return Drawing(
        caption, alt, table, body=html('<div class="wb-panels">{}</div>', joined(panels)), files=files, width="full",
        finding=finding, method=method,
    )  # fmt: skip


FIGURES = (Figure("last-layers", draw, "the last layers side by side", of="site"),)
