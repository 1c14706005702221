"""A page a model: diagram, table of layers, banding by depth, provenance."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.render import sources
from wbsite.render.page import Page, PageKind, Writing, slug, write
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Model, Site


def rows(model: Model) -> list[dict]:
    """The table of layers: facts, and R, C, H where they exist."""
    return [
        {"layer": layer, "banding": banding.weights if (banding := model.result(Banding, layer.name)) else None}
        for layer in model.layers
    ]


def pages(site: Site) -> Iterator[Page]:
    """One page a model; a model that could not be loaded has a page that says why."""
    bibliography = sources.bibliography().read_text(encoding="utf-8")
    for model in site.models:
        writing = Writing(site, f"models/{slug(model.id)}", model=model)
        template = "failed_model.md.j2" if model.failed else "model.md.j2"
        yield Page(
            path=writing.path,
            inputs={"model": model.shown, "bibliography": bibliography},
            make=lambda writing=writing, model=model, template=template: write(writing, template, rows=rows(model)),  # type: ignore[misc]
            listed=model.title,
            section="Models",
        )


PAGES = (PageKind("models", pages, order=2),)
