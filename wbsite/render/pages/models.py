"""A page a model: diagram, table of layers, banding by depth, provenance."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.render import sources
from wbsite.render.network._patches import photographs
from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.results.banding.banding import Banding
from wbsite.results.network.kernels import Kernels
from wbsite.results.site import Model, Site


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


def make(writing: Writing, model: Model) -> Files:
    """The page, with the photographs that its layers' pages show parts of; or why there is none."""
    if model.failed:
        return write(writing, "failed_model.md.j2")
    writing.files |= photographs(model)
    return write(writing, "model.md.j2", rows=rows(model), sections=sections(writing, "model"))


def pages(site: Site) -> Iterator[Page]:
    """One page a model; a model that could not be loaded has a page that says why."""
    bibliography = sources.bibliography().read_text(encoding="utf-8")
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
