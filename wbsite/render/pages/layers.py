"""A page a layer: its units, their banding, the distribution and concentration of its weights."""

from __future__ import annotations

from collections.abc import Iterator

from ..page import Page, PageKind, Writing, slug, write
from ..site import Site


def pages(site: Site) -> Iterator[Page]:
    """One page for every layer of every model."""
    for model in site.working:
        layers = model.layers
        for i, layer in enumerate(layers):
            before, after = layers[i - 1] if i else None, layers[i + 1] if i + 1 < len(layers) else None
            writing = Writing(site, f"models/{slug(model.id)}/{slug(layer.name)}", model=model, layer=layer)
            yield Page(
                path=writing.path,
                inputs={
                    "model": [model.id, model.title],
                    "layer": layer.facts,
                    "results": model.places(layer.name),
                    "neighbours": [other and other.name for other in (before, after)],
                },
                make=lambda writing=writing, before=before, after=after: write(
                    writing, "layer.md.j2", before=before, after=after
                ),  # type: ignore[misc]
            )


PAGES = (PageKind("layers", pages, order=3),)
