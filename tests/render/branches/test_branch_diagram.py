"""Diagrams and the list of branches as a reader sees them: every branch named, one shape said once, pages small."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.branches import branches
from wbsite.analyses.network import architecture
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.models.networks import alexnet, torchvision_cnns
from wbsite.models.networks.inception_layouts import SMALL
from wbsite.models.networks.inceptionv1 import InceptionV1
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.page import Writing
from wbsite.render.pages.models import pages
from wbsite.results.site import Site
from wbsite.run.worker import contents_of

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "inceptionv1": (lambda: InceptionV1(SMALL), 64),
    "alexnet": (alexnet.small, 32),
    "plain": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)), 16),
    "resnext": (lambda: torchvision_cnns.build("resnext50_32x4d"), 64),
    "densenet": (lambda: torchvision_cnns.build("densenet121"), 64),
    "inceptionv3": (lambda: torchvision_cnns.build("inception_v3"), 128),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Networks of which the structure alone is known."""
    store = Store(tmp_path_factory.mktemp("store"))
    for number, (name, (build, side)) in enumerate(NETWORKS.items()):
        spec = ModelSpec(name, "fresh", name, build, Preprocess(crop=side))
        with torch.device("meta"):  # weights play no part
            model = LoadedModel(build().eval(), spec, "00" * 32)
        context = Context(model, discover(model.module, spec.input_shape), None, torch.device("cpu"), {}, {})
        results = {}
        for place, analysis in enumerate((architecture, branches)):
            key = f"{2 * number + place:064d}"
            store.put(key, contents_of(analysis.ANALYSES[0], analysis.run(context)), {"analysis": analysis.__name__})
            results[analysis.ANALYSES[0].name] = {"": {"key": key}}
        store.put_record(f"models/{name}", {"id": name, "title": name, "results": results})
    return Site(store, list(NETWORKS))


@pytest.fixture(scope="module")
def draw(site: Site) -> Callable[..., Any]:
    """draw(figure, model, option=…)"""

    def of(name: str, model: str, **options: Any) -> Any:
        scene = Scene(site, site.model(model), up="../../", options=options)
        figure = registry.named("figures", name, "figure")
        figure.check(scene)
        return figure.draw(scene)

    return of


def svg(drawing: Drawing) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", drawing.body, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0])


def words(drawing: Drawing) -> list[str]:
    return [element.text or "" for element in svg(drawing).iter("text")]


def test_an_inception_block_is_four_columns_with_windows_and_units(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-diagram", "inceptionv1")
    said = words(drawing)
    for name in ("1x1", "3x3", "5x5", "pool_reduce", "mixed3a: 96 units", "conv2d2: 72 units", "max pool"):
        assert name in said
    assert said.count("3×3") == 2, "a convolution and a pool"
    shares = [float(rect.attrib["width"]) for rect in svg(drawing).findall(".//g[@class='wb-lane wb-share']/rect")]
    assert [round(share / sum(shares) * 96) for share in shares] == [24, 48, 12, 12]
    assert "mixed3b, mixed4a, mixed4b and 5 more are built the same" in drawing.caption
    assert "mixed3a_5x5, 12 units, largest kernel 5×5" in drawing.alt
    links = [link.attrib["href"] for link in svg(drawing).iter("a")]
    assert "../../models/inceptionv1/mixed3a_5x5_bottleneck/" in links
    assert set(drawing.data.columns) == {"box", "kind", "branch", "kernel", "units", "reads"}


def test_a_group_is_chosen_by_name(draw: Callable[..., Any]) -> None:
    assert "mixed4c" in draw("branch-diagram", "inceptionv1", group="mixed4c").finding
    with pytest.raises(WbsiteError, match="mixed4cc"):
        draw("branch-diagram", "inceptionv1", group="mixed4cc")


def test_towers_are_drawn_through_all_their_layers(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-diagram", "alexnet")
    assert {"tower 1", "tower 2", *(f"conv{i}" for i in range(1, 6)), "read by fc6"} <= set(words(drawing))
    assert "2 towers" in drawing.finding
    assert len(svg(drawing).findall(".//g[@class='wb-lane']/rect")) == 11


def test_branches_that_split_again_stand_beside_each_other(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-diagram", "inceptionv3", group="Mixed_7b")
    boxes = svg(drawing).findall(".//a/g/rect")
    assert len(boxes) == len({(rect.attrib["x"], rect.attrib["y"]) for rect in boxes}) == 9
    assert {"1×3", "3×1"} <= set(words(drawing))


def test_many_alike_branches_stay_a_small_picture(draw: Callable[..., Any]) -> None:
    assert "… 28 more" in words(draw("branch-diagram", "resnext"))
    dense = draw("branch-diagram", "densenet", group="features.denseblock3")
    assert "… 21 more" in words(dense)
    residual = draw("branch-diagram", "resnext", group="layer2")
    assert {"block 1", "block 4", "+"} <= set(words(residual))
    for drawing in (dense, residual):
        assert len(drawing.body) < 12_000


def test_the_list_says_groups_of_one_kind_once(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-table", "resnext")
    assert drawing.body.count("<tr>") == 1 + 12, "towers, groups and the stage, in four stages"
    assert "tower 1 to tower 32" in drawing.body
    assert len(drawing.data) == 2 * 16 * 32 + 16
    assert len(figure_html("branch-table", 1, drawing)[0]) < 12_000
    assert "5x5</b> 5×5, 12" in draw("branch-table", "inceptionv1").body


def test_a_network_without_branches_says_so_and_shows_what_there_is(draw: Callable[..., Any], site: Site) -> None:
    gap = draw("branch-diagram", "plain")
    assert isinstance(gap, Gap)
    assert not gap.failed
    assert "side by side" in gap.reason
    assert draw("branch-table", "plain") == gap
    text = _page(site, "plain")
    assert "No two paths of this network run side by side" in text
    assert "who reads them" in text, "the factor map, or why it is not there"


def test_a_model_page_shows_both_and_stays_small(site: Site) -> None:
    text = _page(site, "resnext")
    assert text.index('id="fig-branch-diagram"') < text.index('id="fig-branch-table"')
    assert len(text) < 150_000


def test_what_was_never_computed_is_a_card(site: Site) -> None:
    results = {"architecture": site.model("plain").record["results"]["architecture"]}
    site.store.put_record("models/old", {"id": "old", "title": "old", "results": results})
    assert "the analysis branches has not been run on it" in _page(Site(site.store, ["old"]), "old")


def _page(site: Site, model: str) -> str:
    page = next(page for page in pages(site) if page.path == f"models/{model}")
    return page.make()["index.md"].decode()


def test_an_article_that_names_no_network_shows_an_example(site: Site) -> None:
    writing = Writing(site, "articles/made")
    assert "in inceptionv1" in writing.figure("branch-diagram"), "concatenated branches before others"
    assert "in alexnet" in writing.figure("branch-diagram", model="alexnet", as_="named")
    text = writing.figure("residual-blocks")
    assert "the networks of this site have no residual blocks" in text
    assert "could not be drawn" in writing.finish(writing.ref("residual-blocks"))["index.md"].decode()
    with pytest.raises(WbsiteError, match="none is given"):
        writing.figure("branch-table")
