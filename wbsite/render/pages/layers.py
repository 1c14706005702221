"""A page a layer: its units, their banding, the distribution and concentration of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.results.banding.banding import Banding
from wbsite.results.network.unit_pictures import UnitPictures
from wbsite.results.site import LayerInfo, Model, Site

from .compare import comparable


@dataclass(frozen=True)
class Step:
    """A layer in the strip of its network's layers, with its banding index where it has one."""

    layer: LayerInfo
    index: float | None


def strip(model: Model) -> list[Step]:
    """All layers of a network, in order."""
    found = {layer.name: model.result(Banding, layer.name) for layer in model.having("banding")}
    return [Step(x, None if (banding := found.get(x.name)) is None else banding.index) for x in model.layers]


def pages(site: Site) -> Iterator[Page]:
    """One page for every layer of every model."""
    for model in site.working:
        layers = model.layers
        steps = cache(partial(strip, model))  # of hundreds of layers, whose pages all show it
        for i, layer in enumerate(layers):
            before, after = layers[i - 1] if i else None, layers[i + 1] if i + 1 < len(layers) else None
            writing = Writing(site, f"models/{slug(model.id)}/{slug(layer.name)}", model=model, layer=layer)
            yield Page(
                path=writing.path,
                inputs={
                    "model": [model.id, model.title],
                    "layer": layer.model_dump(mode="json"),
                    "results": model.places(layer.name),
                    "strip": [[other.name for other in layers], model.record["results"].get("banding", {})],
                    # Panels show the pictures of units of other layers.
                    "pictures": model.record["results"].get("unit_pictures", {}),
                    "photographs": model.record["results"].get("dataset_examples", {}),
                },
                make=partial(make, writing, before, after, steps),
            )


def make(
    writing: Writing, before: LayerInfo | None, after: LayerInfo | None, steps: Callable[[], Sequence[Step]]
) -> Files:
    """The page and the pictures of its units."""
    assert writing.model is not None and writing.layer is not None
    writing.files |= unit_pictures(writing.model, writing.layer.name)
    compared = writing.layer in comparable(writing.model)
    parts = sections(writing, "layer")
    return write(writing, "layer.md.j2", before=before, after=after, steps=steps(), sections=parts, compared=compared)


def unit_pictures(model: Model, layer: str) -> Files:
    """What excites the units, under the names by which tiles on all pages find them: unit-CHANNEL.webp."""
    pictures = model.result(UnitPictures, layer)
    return {} if pictures is None else dict(pictures.files or {})


PAGES = (PageKind("layers", pages, order=3),)
