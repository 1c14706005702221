"""A page a layer: its units, their banding, the distribution and concentration of its weights."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.results.network.unit_pictures import UnitPictures
from wbsite.results.site import LayerInfo, Model, Site


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
                    "layer": layer.model_dump(mode="json"),
                    "results": model.places(layer.name),
                    "neighbours": [other and other.name for other in (before, after)],
                    # Panels show the pictures of units of other layers.
                    "pictures": model.record["results"].get("unit_pictures", {}),
                    "photographs": model.record["results"].get("dataset_examples", {}),
                },
                make=lambda writing=writing, before=before, after=after: make(writing, before, after),  # type: ignore[misc]
            )


def make(writing: Writing, before: LayerInfo | None, after: LayerInfo | None) -> Files:
    """The page and the pictures of its units."""
    assert writing.model is not None and writing.layer is not None
    writing.files |= unit_pictures(writing.model, writing.layer.name)
    return write(writing, "layer.md.j2", before=before, after=after, sections=sections(writing, "layer"))


def unit_pictures(model: Model, layer: str) -> Files:
    """What excites the units, under the names by which tiles on all pages find them: unit-CHANNEL.webp."""
    pictures = model.result(UnitPictures, layer)
    return {} if pictures is None else dict(pictures.files or {})


PAGES = (PageKind("layers", pages, order=3),)
