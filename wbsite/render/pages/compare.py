"""Two layers beside each other: a page that a script fills from what the layers' own pages publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wbsite.render.page import Files, Page, PageKind, Writing, slug, write
from wbsite.render.sprites import columns_of
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.site import LayerInfo, Model, Site

PATH = "compare"
INDEX = "layers.json"


def comparable(model: Model) -> list[LayerInfo]:
    """Layers whose units have a picture of a pixel a weight: NMF pictures, or the kernels of a first layer."""
    names = {layer.name for analysis in ("nmf", "filters") for layer in model.having(analysis)}
    return [layer for layer in model.layers if layer.name in names]


def entry(model: Model, layer: LayerInfo) -> dict[str, Any]:
    """What the script must know of a layer: its folder below its network's, its pictures, H with its interval."""
    filters = "key" in model.places(layer.name).get("filters", {})
    banding = model.result(Banding, layer.name)
    sources = {"weights": banding.weights, "nmf": banding.nmf} if banding else {}
    return {
        "slug": slug(layer.name),
        "name": layer.name,
        "kind": f"convolution {layer.kernel_text}",
        "inputs": layer.in_channels,
        "tile": [layer.kernel[1], layer.kernel[0]],
        "columns": columns_of(layer.out_channels),
        "units": [layer.units.start, layer.units.stop],
        "sprites": {"kernels": "kernels.png"} if filters else {"per-unit": "per-unit.png", "joint": "joint.png"},
        "H": {source: _index(index) for source, index in sources.items() if index is not None},
    }


def _index(index: Index) -> list[float | None]:
    """H and its interval, of which there may be none."""
    return [None if x is None else round(x, 4) for x in (index.index, index.low, index.high)]


def make(site: Site, models: list[Model]) -> Files:
    """The page, and the index of layers."""
    writing = Writing(site, PATH)
    layers = {model.id: comparable(model) for model in models}
    known = [
        {"slug": slug(model.id), "title": model.title, "layers": [entry(model, layer) for layer in layers[model.id]]}
        for model in models
    ]
    writing.files[INDEX] = json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()
    return write(writing, "compare.md.j2", models=models, layers=layers, index=INDEX)


def pages(site: Site) -> Iterator[Page]:
    """One page, where the site has a layer with pictures."""
    models = [model for model in site.working if comparable(model)]
    if models:
        yield Page(
            path=PATH,
            inputs=[model.shown for model in models],
            make=lambda: make(site, models),
            listed="Compare",
        )


PAGES = (PageKind("compare", pages, order=3),)
