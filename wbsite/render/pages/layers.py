"""A page a layer: its units, their banding, the distribution and concentration of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from wbsite.core.filing.documents import canonical
from wbsite.render.output import digest
from wbsite.render.page import Files, Page, PageKind, Writing, sections, slug, write
from wbsite.results.banding.banding import Banding
from wbsite.results.network.unit_pictures import UnitPictures
from wbsite.results.site import LayerInfo, Model, Site

from .compare import comparable

AROUND = 60
"""Layers before a page's own and after it that its strip shows: the next page's strip shows further ones."""

NEAREST = 8
"""Layers named that feed one; a sum in a deep residual network is of hundreds."""


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
        # Panels show the pictures of units of other layers.
        others = [model.record["results"].get(name, {}) for name in ("banding", "unit_pictures", "dataset_examples")]
        all_layers = digest(canonical([model.id, model.title, [layer.name for layer in layers], *others]))
        steps = cache(partial(strip, model))  # of hundreds of layers, whose pages all show it
        for i, layer in enumerate(layers):
            before, after = layers[i - 1] if i else None, layers[i + 1] if i + 1 < len(layers) else None
            writing = Writing(site, f"models/{slug(model.id)}/{slug(layer.name)}", model=model, layer=layer)
            yield Page(
                path=writing.path,
                inputs={
                    "all layers": all_layers,
                    "layer": layer.model_dump(mode="json"),
                    "results": model.places(layer.name),
                },
                make=partial(make, writing, before, after, steps),
            )


def make(
    writing: Writing, before: LayerInfo | None, after: LayerInfo | None, steps: Callable[[], Sequence[Step]]
) -> Files:
    """The page and the pictures of its units."""
    assert writing.model is not None and writing.layer is not None
    writing.files |= unit_pictures(writing.model, writing.layer.name)
    at, feeding = writing.layer.order, writing.layer.inputs
    return write(
        writing,
        "layer.md.j2",
        before=before,
        after=after,
        steps=steps()[max(0, at - AROUND) : at + AROUND + 1],
        earlier=max(0, at - AROUND),
        later=max(0, len(writing.model.layers) - at - AROUND - 1),
        feeding=feeding[-NEAREST:],
        feeding_more=len(feeding[:-NEAREST]),
        sections=sections(writing, "layer"),
        compared=writing.layer in comparable(writing.model),
    )


def unit_pictures(model: Model, layer: str) -> Files:
    """What excites the units, under the names by which tiles on all pages find them: unit-CHANNEL.webp."""
    pictures = model.result(UnitPictures, layer)
    return {} if pictures is None else dict(pictures.files or {})


PAGES = (PageKind("layers", pages, order=3),)
