"""A page a model: diagram, table of layers, banding by depth, provenance; and the index of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wbsite.render import sources
from wbsite.render.head.address import published
from wbsite.render.network._patches import photographs
from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.network.kernels import Kernels
from wbsite.results.site import LayerInfo, Model, Site

from ._pictures import units, with_pictures
from .compare import comparable

LAST = 3
"""Layers whose banding index the index of models has."""

SHOWN, COLUMNS = 40, 8
"""Units in the picture that stands for a model, and how many are side by side."""


BRIEF = 300
"""Layers beyond which the table has H alone of each: a page may have 300 KB."""


@dataclass(frozen=True)
class Listed:
    """A model in the index, with the last of its layers that have a banding index, in execution order."""

    model: Model
    last: tuple[tuple[LayerInfo, Index], ...]


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


def listed(model: Model) -> Listed:
    """A model's line in the index."""
    banded = [] if model.failed else model.having("banding")[-LAST:]
    found = ((layer, model.result(Banding, layer.name)) for layer in banded)
    return Listed(model, tuple((layer, banding.weights) for layer, banding in found if banding))


def make_index(site: Site) -> Files:
    """The index of models."""
    return write(Writing(site, "models"), "models.md.j2", lines=[listed(model) for model in site.models])


def make(writing: Writing, model: Model, site_name: str) -> Files:
    """The page, with the photographs that its layers' pages show parts of and the pictures that stand for it; or why
    there is none."""
    if model.failed:
        return write(writing, "failed_model.md.j2")
    writing.files |= photographs(model)
    compared = bool(comparable(model))
    brief = len(model.layers) > BRIEF
    parts = sections(writing, "model")
    files = write(writing, "model.md.j2", rows=rows(model), brief=brief, sections=parts, compared=compared)
    return with_pictures(writing, files, model.title, site_name, units(model, SHOWN, COLUMNS))


def pages(site: Site) -> Iterator[Page]:
    """The index, and one page a model; a model that could not be loaded has a page that says why."""
    bibliography, site_name = sources.texts(sources.bibliographies()), published().name
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
            inputs={"model": model.shown, "bibliography": bibliography, "site": site_name},
            make=lambda writing=writing, model=model: make(writing, model, site_name),  # type: ignore[misc]
            listed=model.title,
            section="Models",
        )


PAGES = (PageKind("models", pages, order=2),)
