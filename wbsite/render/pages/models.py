"""A page a model: diagram, table of layers, banding by depth, provenance; and the index of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wbsite.render import sources
from wbsite.render.network._patches import photographs
from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.render.sprites import sheet
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.network.kernels import Kernels
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import LayerInfo, Model, Site

SHOWN, COLUMNS = 24, 8
"""Units in a model's picture in the index, and how many stand side by side."""


@dataclass(frozen=True)
class Listed:
    """A model in the index.

    Attributes:
        last: the last layer with a banding index, and that index; None where there is no such layer.
        picture: name of the picture of the last convolution's units; "" where there is none.
        width, height: of the picture, a pixel a weight.
    """

    model: Model
    last: tuple[LayerInfo, Index] | None
    picture: str = ""
    width: int = 0
    height: int = 0


def rows(model: Model) -> list[dict]:
    """The table of layers: facts, R, C and H, and what is notable of the kernels, where these exist."""
    return [
        {
            "layer": layer,
            "banding": banding.weights if (banding := model.result(Banding, layer.name)) else None,
            "mark": kernels.kinds.mark if (kernels := model.result(Kernels, layer.name)) else "",
        }
        for layer in model.layers
    ]


def listed(model: Model) -> tuple[Listed, Files]:
    """A model's line in the index, and its picture: units of the last convolution in order of similarity."""
    banded = [] if model.failed else model.having("banding")
    banding = model.result(Banding, banded[-1].name) if banded else None
    last = (banded[-1], banding.weights) if banding else None
    pictured = None if model.failed else model.last_pictured
    nmf = model.result(Nmf, pictured.name) if pictured else None
    if nmf is None:
        return Listed(model, last), {}
    places = np.linspace(0, len(nmf.order) - 1, min(SHOWN, len(nmf.order))).round().astype(int)
    units = nmf.per_unit[nmf.order[np.unique(places)]]
    picture, columns = sheet(units, COLUMNS, gap=1)
    name, (height, width) = f"{slug(model.id)}.png", units.shape[1:3]
    size = columns * (width + 1) - 1, -(-len(units) // columns) * (height + 1) - 1
    return Listed(model, last, name, *size), {name: picture}


def make_index(site: Site) -> Files:
    """The index of models."""
    writing = Writing(site, "models")
    lines = []
    for model in site.models:
        line, files = listed(model)
        lines.append(line)
        writing.files |= files
    return write(writing, "models.md.j2", lines=lines)


def make(writing: Writing, model: Model) -> Files:
    """The page, with the photographs that its layers' pages show parts of; or why there is none."""
    if model.failed:
        return write(writing, "failed_model.md.j2")
    writing.files |= photographs(model)
    return write(writing, "model.md.j2", rows=rows(model), sections=sections(writing, "model"))


def pages(site: Site) -> Iterator[Page]:
    """The index, and one page a model; a model that could not be loaded has a page that says why."""
    bibliography = sources.bibliography().read_text(encoding="utf-8")
    yield Page(
        path="models",
        inputs=[model.shown for model in site.models],
        make=lambda: make_index(site),
        listed="All models",
        section="Models",
    )
    for model in site.models:
        writing = Writing(site, f"models/{slug(model.id)}", model=model)
        yield Page(
            path=writing.path,
            inputs={"model": model.shown, "bibliography": bibliography},
            make=lambda writing=writing, model=model: make(writing, model),  # type: ignore[misc]
            listed=model.title,
            section="Models",
        )


PAGES = (PageKind("models", pages, order=2),)
