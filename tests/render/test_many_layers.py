"""Pages of networks of hundreds of layers: what is listed of the others does not grow with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.store import Store
from wbsite.render.network import architecture
from wbsite.render.page import Writing
from wbsite.render.pages import layers, models
from wbsite.results.site import Site


@pytest.fixture
def site(built: Path) -> Site:
    return Site(Store(built / "build" / "store"), None)


def page(site: Site, layer: str, **changes: Any) -> str:
    """A layer's page in Markdown; of a layer of which the network's record says something else."""
    [model] = site.working
    writing = Writing(site, f"models/speck/{layer}", model, model.layer(layer).model_copy(update=changes))
    return layers.make(writing, None, None, lambda: layers.strip(model))["index.md"].decode()


def test_a_strip_shows_the_layers_around_its_own(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "AROUND", 1)
    [strip] = re.findall(r'<nav class="wb-layerstrip.*?</nav>', page(site, "conv3"))
    assert re.findall(r'href="\.\./(\w+)/"', strip) == ["squeeze", "conv3", "point"]
    assert re.findall(r'class="wb-further".*?title="([^"]+)"', strip) == ["2 earlier layers", "1 later layer"]
    [strip] = re.findall(r'<nav class="wb-layerstrip.*?</nav>', page(site, "conv1"))
    assert strip.count("wb-further") == 1


def test_of_hundreds_of_layers_that_feed_one_the_nearest_are_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "NEAREST", 2)
    text = page(site, "fc", inputs=("input", "conv1", "conv2", "conv3", "point"))
    [fed] = re.findall(r"<dt>Fed by</dt><dd>(.*?)</dd>", text)
    assert re.sub("<[^>]+>", "", fed) == "3 earlier layers and conv3, point"


def test_beyond_hundreds_of_layers_the_network_s_page_is_brief(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    [model] = site.working
    text = models.make(Writing(site, "models/speck", model), model, "")["index.md"].decode()
    assert text.count('class="wb-box') == len(model.layers)
    assert "share that column means explain" in text
    monkeypatch.setattr(models, "BRIEF", 2)
    monkeypatch.setattr(architecture, "NAMED", 2)
    text = models.make(Writing(site, "models/speck", model), model, "")["index.md"].decode()
    diagram = text[text.index('id="fig-architecture"') : text.index('id="fig-banding-by-depth"')]
    assert "<rect" not in diagram
    assert diagram.count("h36v20h-36z") == len(model.layers)
    assert "share that column means explain" not in text
    assert all(f'<a href="{layer.name}/">' in text for layer in model.layers), "the table leads to every layer's page"
