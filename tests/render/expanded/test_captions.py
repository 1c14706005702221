"""Captions of the figures of weights: what is seen first, short enough to be read, and what is method apart from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wbsite.core import registry
from wbsite.core.store import Store
from wbsite.render import expanded, network
from wbsite.render.check.prose import read_prose
from wbsite.render.figure import CAPTION_WORDS, Drawing, Figure, Scene, figure_html
from wbsite.results.site import Site

FOLDERS = (expanded.__name__, network.__name__)

DRAWN = [figure for figure in registry.entries("figures") if figure.draw.__module__.startswith(FOLDERS)]


@pytest.mark.parametrize("figure", DRAWN, ids=lambda figure: figure.name)
def test_a_caption_begins_with_what_is_seen_and_is_short(built: Path, figure: Figure) -> None:
    """A reader of hundred words of method under a picture reads none of them."""
    site = Site(Store(built / "build" / "store"), ["speck"])
    model = site.models[0]
    layers = model.layers if figure.of == "layer" else (None,)
    drawings = [figure.draw(Scene(site, model, layer, up="../")) for layer in layers]
    for drawing in drawings:
        if isinstance(drawing, Drawing):
            prose = read_prose(f"<article>{figure_html(figure.name, 1, drawing)[0]!s}</article>")
            assert prose.findings == {f"fig-{figure.name}"}, "no sentence in bold at its beginning"
            assert 0 < prose.figures[f"fig-{figure.name}"] <= CAPTION_WORDS
            assert drawing.method or figure.name == "weight-distribution"
            assert drawing.finding.count(". ") == 0 and drawing.finding.endswith("."), "one sentence"


def test_no_caption_repeats_another(built: Path) -> None:
    site = Site(Store(built / "build" / "store"), ["speck"])
    model = site.models[0]
    captions: dict[str, str] = {}
    for figure in DRAWN:
        drawing = figure.draw(Scene(site, model, model.layers[0] if figure.of == "layer" else None, up="../"))
        if isinstance(drawing, Drawing):
            assert captions.setdefault(drawing.finding, figure.name) == figure.name
    assert len(captions) > 10
