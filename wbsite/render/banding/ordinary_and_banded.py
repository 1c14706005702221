"""Two layers of one network side by side, as tissues under a microscope: the least and the most banded one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.sprites import sheet
from wbsite.render.text import fixed_text, index_text
from wbsite.results.banding.banding import Banding
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap, LayerInfo, Model, Site

COLUMNS, SHOWN = 12, 96
"""Units in a row of a layer's picture, and at most in the picture."""

PANEL = Markup(
    '<a class="wb-panel" href="{link}"><img class="wb-sprite" src="{file}" alt="{alt}" width="{width}" height="{height}">'
    "<span><strong>{title}</strong> {layer}<br>H = {index}</span></a>"
)


def banded_layers(model: Model) -> list[tuple[float, LayerInfo]]:
    """(H of its pictures against chance, layer) of every layer with pictures, from the smallest |H| to the largest."""
    layers = []
    for layer in model.having("banding"):
        banding = model.result(Banding, layer.name)
        pictures = banding.nmf if banding else None
        if pictures and pictures.index_adjusted is not None and model.result(Nmf, layer.name) is not None:
            layers.append((pictures.index_adjusted, layer))
    return sorted(layers, key=lambda pair: abs(pair[0]))


def most_banded_network(site: Site) -> Model | Gap:
    """The network with the most banded layer, of those with two layers to compare."""
    networks = [(layers[-1][0], model) for model in site.working if len(layers := banded_layers(model)) > 1]
    if not networks:
        return Gap("no network on this site has pictures of two convolutions with rows and columns", failed=False)
    return max(networks, key=lambda pair: abs(pair[0]))[1]


def even_sample(nmf: Nmf, count: int) -> np.ndarray:
    """Pictures (at most `count`, kh, kw, 3) of units spread evenly over the layer's order of similarity."""
    places = np.linspace(0, len(nmf.order) - 1, min(count, len(nmf.order))).round().astype(int)
    return nmf.per_unit[nmf.order[np.unique(places)]]


def draw(scene: Scene) -> Drawing | Gap:
    """A panel for each of the two layers."""
    model = scene.model
    assert model is not None
    layers = banded_layers(model)
    if len(layers) < 2:
        return Gap(f"{model.title} has no two layers with pictures to compare", failed=False)
    (least, plain), (most, banded) = layers[0], layers[-1]
    panels, rows, files = [], [], {}
    stacks = [model.result(Nmf, layer.name) for layer in (plain, banded)]
    count = min(SHOWN, *(len(stack.order) for stack in stacks if stack))
    for title, layer in (("Least banded", plain), ("Most banded", banded)):
        panel, file, png, row = _panel(scene, model, title, layer, count)
        panels.append(panel)
        files[file] = png
        rows.append(row)
    finding = (
        html(
            "Two layers of {}: the units of <code>{}</code> hardly share a direction, those of <code>{}</code> do.",
            model.title,
            plain.name,
            banded.name,
        )
        if abs(most) > 2 * abs(least)
        else html("The most and the least banded layer of {} differ little.", model.title)
    )
    caption = "One small square is one unit; its colours have no meaning across units."
    method = html(
        "The layers with the smallest and the largest |H| against chance on NMF pictures, of the {} layers of"
        " {} that have such pictures; {} units of each, spread evenly over the layer's order"
        " of similarity. H is that of the pictures, with its 95 % bootstrap interval over units. The network is the one"
        " with the most banded layer on this site, unless the page names another.",
        len(layers),
        model.title,
        count,
    )
    alt = (
        f"Pictures of the units of two layers of {model.title}: {plain.name}, H {fixed_text(least)}, and {banded.name},"
        f" H {fixed_text(most)}."
    )
    body = html('<div class="wb-panels wb-tissues">{}</div>', joined(panels))
    return Drawing(
        caption, alt, pd.DataFrame(rows), body=body, files=files, width="full", finding=finding, method=method
    )


def _panel(
    scene: Scene, model: Model, title: str, layer: LayerInfo, count: int
) -> tuple[Markup, str, bytes, dict[str, Any]]:
    """HTML of a layer's panel, its picture's name and bytes, and its row of the figure's data."""
    nmf, banding = model.result(Nmf, layer.name), model.result(Banding, layer.name)
    assert nmf is not None and banding is not None and banding.nmf is not None
    pictures = even_sample(nmf, count)
    png, columns = sheet(pictures, COLUMNS, gap=1)
    kh, kw = layer.kernel
    file = f"tissue-{slug(model.id)}-{slug(layer.name)}.png"
    panel = PANEL.format(
        link=f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/",
        file=file,
        alt=f"{len(pictures)} units of {layer.name} of {model.title}",
        width=columns * (kw + 1) - 1,
        height=math.ceil(len(pictures) / columns) * (kh + 1) - 1,
        title=title,
        layer=layer.name,
        index=index_text(banding.nmf),
    )
    numbers = {name: getattr(banding.nmf, name) for name in ("index", "low", "high", "index_adjusted")}
    row = {"model": model.title, "layer": layer.name, "units": banding.nmf.units, "shown": len(pictures), **numbers}
    return panel, file, png, row


FIGURES = (
    Figure("ordinary-and-banded", draw, "an ordinary and a banded layer", of="model", example=most_banded_network),
)
