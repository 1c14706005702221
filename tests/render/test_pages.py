"""Pages of networks nobody foresaw, and articles with mistakes in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.figure import Gap
from wbsite.render.page import Writing, slug
from wbsite.render.pages.articles import read
from wbsite.render.text import number_text
from wbsite.results.site import Site

ODD = """
import torch
from torch import nn

class Odd(nn.Module):
    input_shape = (1, 24, 24)

    def __init__(self):
        super().__init__()
        self.strided = nn.Conv2d(1, 6, (3, 5), stride=(2, 1), padding=(1, 2), bias=False)
        self.dilated = nn.Conv2d(6, 6, 3, padding=2, dilation=2, bias=False)
        self.depthwise = nn.Conv2d(6, 12, 3, padding=1, groups=6, bias=False)
        self.row = nn.Conv2d(12, 4, (1, 7), padding="same", bias=False)
        self.grouped = nn.Conv2d(4, 8, 3, padding=1, groups=2, bias=False)
        self.twice = nn.Conv2d(8, 8, 1, bias=False)
        self.one_unit = nn.Conv2d(8, 1, 2, bias=False)
        self.unused = nn.Conv2d(3, 3, 3)
        self.blocks = nn.ModuleDict({"3x3 <odd>/name": nn.Conv2d(8, 4, 3)})

    def forward(self, x):
        x = self.dilated(self.strided(x).relu()).relu()
        x = self.grouped(self.row(self.depthwise(x).relu()).relu()).relu()
        x = self.twice(self.twice(x))
        return self.one_unit(x).mean((2, 3)) + self.blocks["3x3 <odd>/name"](x).mean((1, 2, 3))[:, None]

def odd():
    return Odd()

class Flat(nn.Sequential):
    input_shape = (3, 8, 8)

def points():
    return Flat(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))

def zeros():
    net = Flat(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    nn.init.zeros_(net[4].weight)
    return net

def nothing():
    net = Flat(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    for value in net.parameters():
        nn.init.zeros_(value)
    return net
"""


@pytest.fixture
def networks(work: Path, copy_store: Callable[[Path], None]) -> Path:
    """A working folder with networks of the user's own."""
    copy_store(work)
    (work / "odd_networks.py").write_text(ODD)
    return work


def test_a_network_unlike_any_other_is_built_without_a_warning(networks: Path, process: Callable[..., Any]) -> None:
    """Strided, dilated, depthwise, grouped and rectangular kernels, one input channel, no bias."""
    ran = process(networks, "build", "--models", "odd_networks:odd", "--strict")
    assert ran.status == 0, ran.err
    checked = process(networks, "check")
    assert checked.status == 0, checked.out
    pages = networks / "site" / "models" / "odd_networks-odd"
    for layer in (
        "strided",
        "dilated",
        "depthwise",
        "row",
        "grouped",
        "twice",
        "one_unit",
        slug("blocks.3x3 <odd>/name"),
    ):
        assert (pages / layer / "index.html").is_file(), layer
    page = (pages / "index.html").read_text()
    assert "unused" in page[page.index("Not listed as layers") :]


@pytest.mark.parametrize("name", ["points", "zeros", "nothing"])
def test_networks_with_nothing_to_measure_have_pages_all_the_same(
    networks: Path, cli: Callable[..., Any], name: str
) -> None:
    """Only 1×1 kernels; layers that start at zero, as in many residual networks; zeros everywhere."""
    ran = cli("build", "--models", f"odd_networks:{name}", "--strict")
    assert ran.status == 0, ran.err
    checked = cli("check")
    assert checked.status == 0, checked.out
    for page in (networks / "site").rglob("index.html"):
        text = page.read_text()
        assert ">nan<" not in text
        assert ">None<" not in text
        assert "@@ref" not in text


def test_an_unrelated_folder_called_templates_does_not_take_the_styles_away(
    rebuilt: Path, build: Callable[..., Any]
) -> None:
    """Web projects have one; a network is often found in such a folder."""
    (rebuilt / "templates").mkdir()
    (rebuilt / "templates" / "index.html").write_text("mine")
    (rebuilt / "content").mkdir()
    (rebuilt / "content" / "posts.txt").write_text("mine")
    ran = build()
    assert ran.status == 0, ran.err
    assert "rendered 0 of" in ran.err
    assert (rebuilt / "site" / "assets" / "css" / "wbsite.css").is_file()


def test_an_article_of_the_users_own_replaces_ours_and_can_be_chosen(
    rebuilt: Path, build: Callable[..., Any], cli: Callable[..., Any]
) -> None:
    front = "---\ntitle: {0}\ndescription: About {0}\nauthors: Jane Doe\norder: 1\n---\n"
    (rebuilt / "content").mkdir()
    for name in ("one", "two"):
        text = front.format(name) + '\nH is {{ value("banding/speck/conv3/index", 2) }}.\n'
        (rebuilt / "content" / f"{name}.md").write_text(text)
    assert build("--strict").status == 0
    assert (rebuilt / "site" / "articles" / "two" / "index.html").is_file()
    assert "Jane Doe" in (rebuilt / "site" / "articles" / "one" / "index.html").read_text()
    assert build("--strict", "--articles", "one").status == 0
    assert not (rebuilt / "site" / "articles" / "two").exists()
    assert cli("check").status == 0  # nothing links to the other


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('Good.\n\n{{ value("banding/spek/conv3/index") }}\n', "line 9: unknown model on this site 'spek'"),
        ('{{ value("banding/speck/conv9/index") }}\n', "line 7: value 'banding/speck/conv9/index'"),
        ('{{ value("banding/speck/conv3/indx") }}\n', "'index'"),
        ('{{ figure("bandign-across") }}\n', "'banding-across'"),
        ('{{ ref("fig") }}\n', "'fig'"),
        ('{{ cite("nobody1900nothing") }}\n', "nobody1900nothing"),
        ("Good.\n{{ nonsense }}\n", "line 8: 'nonsense' is undefined"),
        ("Good.\n{% if %}\n", "line 8: "),
        ("{{ 1 / 0 }}\n", "line 7: ZeroDivisionError"),
        ('{{ "a" + 1 }}\n', "line 7: TypeError"),
    ],
)
def test_a_mistake_in_an_article_is_named_with_its_place(
    rebuilt: Path, cli: Callable[..., Any], text: str, message: str
) -> None:
    (rebuilt / "content").mkdir()
    front = "---\ntitle: T\ndescription: D\nauthors: [A]\norder: 1\n---\n"
    (rebuilt / "content" / "mine.md").write_text(front + text)
    ran = cli("render")
    assert ran.status == 2, ran
    assert message in ran.err
    assert "mine" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("# Text\n", "no front matter"),
        ("---\ntitle: A\n---\n", "lacks description, authors, order"),
        ("---\ntitle: [\n---\n", "not valid YAML"),
        ("---\n- a\n---\n", "lacks title"),
        ("---\ntitle: A\ndescription: B\nauthors: C\norder: first\n---\n", "order is 'first'"),
    ],
)
def test_front_matter_that_cannot_be_used_is_named(tmp_path: Path, front: str, message: str) -> None:
    (tmp_path / "a.md").write_text(front)
    with pytest.raises(WbsiteError, match=r"a\.md") as caught:
        read(tmp_path / "a.md")
    assert message in caught.value.message


def test_an_article_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"---\ntitle: \xff\n---\n")
    with pytest.raises(WbsiteError, match="cannot be read"):
        read(tmp_path / "a.md")


@pytest.fixture
def site(built: Path) -> Site:
    return Site(Store(built / "build" / "store"), None)


def test_values_are_read_by_path_and_wrong_paths_named(site: Site) -> None:
    assert -1 <= site.value("banding/speck/conv3/index") <= 1
    assert site.value("banding/speck/conv3/nmf/units") == 10
    assert site.value("architecture/speck/title") == "Speck"
    for path in ("banding/speck/conv3", "banding/speck/conv3/index/x", "nothing/speck/conv3/x", "banding"):
        with pytest.raises(WbsiteError):
            site.value(path)


def test_a_model_or_layer_that_is_not_there_is_named(site: Site) -> None:
    with pytest.raises(WbsiteError, match="'spek'") as caught:
        site.model("spek")
    assert "'speck'" in caught.value.hint
    with pytest.raises(WbsiteError, match="'conv4'"):
        site.model("speck").layer("conv4")
    with pytest.raises(WbsiteError, match="'spek'"):
        Site(site.store, ["spek"])


def test_what_does_not_apply_has_a_reason(site: Site) -> None:
    found = site.model("speck").found("banding", "point")
    assert isinstance(found, Gap)
    assert not found.failed
    assert "1×1" in found.reason


def test_the_same_figure_twice_needs_another_name(site: Site) -> None:
    writing = Writing(site, "articles/x")
    writing.figure("banding-by-depth", model="speck")
    with pytest.raises(WbsiteError, match="stands twice"):
        writing.figure("banding-by-depth", model="speck")
    assert 'id="fig-again"' in writing.figure("banding-by-depth", model="speck", as_="again")
    page = writing.finish(writing.ref("again"))["index.md"].decode()
    assert '<a class="wb-ref" href="#fig-again">Figure 2</a>' in page


def test_numbers_are_shown_as_a_reader_expects() -> None:
    shown = {0.12345: "0.123", -0.5: "−0.500", 3.0: "3", 1234567: "1\u202f234\u202f567", 1e-7: "1.0e−07", None: "–"}
    assert {value: number_text(value) for value in shown} == shown
    assert number_text(float("nan")) == "–"
    assert number_text(True) == "True"


def test_a_store_that_was_moved_still_renders(built: Path, work: Path, cli: Callable[..., Any]) -> None:
    """Computed on one machine, published on another."""
    shutil.copytree(built / "build" / "store", work / "results")
    ran = cli("render", "--store", "results", "--out", "public")
    assert ran.status == 0, ran.err
    assert (work / "public" / "models" / "speck" / "index.html").is_file()


def test_a_network_cut_short_is_not_judged_by_an_earlier_layer(rebuilt: Path) -> None:
    """Its last convolution has no weights; showing one before it as the last would be false."""
    store = Store(rebuilt / "build" / "store")
    record = store.record("models/speck")
    assert record is not None
    assert Site(store, ["speck"]).models[0].last_pictured.name == "conv3"
    for analysis in ("nmf", "banding"):
        record["results"][analysis]["conv3"] = {"skipped": "the weights file does not hold this layer"}
    store.put_record("models/speck", record)
    assert Site(store, ["speck"]).models[0].last_pictured is None
