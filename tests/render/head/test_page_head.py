"""What search engines, libraries and whoever shares a page's address read in its head."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.head.address import published
from wbsite.render.head.dates import computed
from wbsite.render.pages.articles import read
from wbsite.results.site import Site

ADDRESS = "https://example.org/weights/"
FRONT = (
    '---\ntitle: Bands & more\ndescription: What "bands" are\norder: 1\ndate: 2021-04-08\ndoi: 10.1234/x\nauthors:\n'
    "  - {name: Ada Lovelace, affiliation: Analytical Society}\n  - The others\n---\n"
)
TEXT = '\nBands.{{ cite("petrov2021weight") }}\n\n{{ figure("banding-by-depth", model="speck") }}\n'


class Head(HTMLParser):
    """The meta and link tags of a page, values by name, property or rel."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: dict[str, list[str]] = {}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name") or given.get("property") or given.get("rel", "")
        if tag in ("meta", "link") and name:
            self.tags.setdefault(name, []).append(given.get("content") or given.get("href", ""))


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture
def addressed(rebuilt: Path, build: Callable[..., Any]) -> Path:
    """The site of one article, with an address."""
    (rebuilt / "content").mkdir()
    (rebuilt / "content" / "bands.md").write_text(FRONT + TEXT)
    settings = (rebuilt / "mkdocs.yml").read_text()
    (rebuilt / "mkdocs.yml").write_text(f"{settings}site_url: {ADDRESS}\n")
    ran = build("--strict")
    assert ran.status == 0, ran.err
    return rebuilt / "site"


def test_an_article_can_be_found_shared_and_cited(addressed: Path, cli: Callable[..., Any]) -> None:
    page = addressed / "articles" / "bands"
    tags = Head(page / "index.html").tags
    assert tags["citation_title"] == ["Bands & more"]
    assert tags["citation_author"] == ["Ada Lovelace", "The others"]
    assert tags["citation_author_institution"] == ["Analytical Society"]
    assert tags["citation_publication_date"] == ["2021/04/08"]
    assert tags["citation_doi"] == ["10.1234/x"]
    assert tags["citation_fulltext_html_url"] == tags["canonical"] == tags["og:url"] == [f"{ADDRESS}articles/bands/"]
    assert "citation_title=Weight Banding" in tags["citation_reference"][0]
    assert tags["og:type"] == ["article"]
    assert tags["description"] == tags["og:description"] == tags["twitter:description"] == ['What "bands" are']
    assert tags["og:image"] == tags["twitter:image"] == [f"{ADDRESS}articles/bands/card.png"]
    assert size(page / "card.png") == (1200, 630)
    text = unescape(page.joinpath("index.html").read_text())
    assert "8 April 2021" in text
    assert 'href="https://doi.org/10.1234/x"' in text
    assert f"url     = {{{ADDRESS}articles/bands/}}" in text
    assert "year    = {2021}" in text
    assert cli("check").status == 0


def test_every_page_has_a_description_and_a_card(addressed: Path) -> None:
    for page in addressed.rglob("index.html"):
        tags = Head(page).tags
        assert tags["description"][0], page
        [card] = tags["og:image"]
        assert size(addressed / card.removeprefix(ADDRESS)) == (1200, 630), page
    layer = Head(addressed / "models" / "speck" / "conv3" / "index.html").tags
    assert layer["og:image"] == [f"{ADDRESS}models/speck/card.png"]
    assert "conv3" in layer["description"][0]


def test_the_feed_and_the_sitemap_have_the_article(addressed: Path) -> None:
    feed = ElementTree.parse(addressed / "feed.xml").getroot()
    assert [title.text for title in feed.iterfind("{*}entry/{*}title")] == ["Bands & more"]
    assert f"{ADDRESS}articles/bands/" in (addressed / "sitemap.xml").read_text()
    assert Head(addressed / "articles" / "bands" / "index.html").tags["alternate"] == ["../../feed.xml"]


def test_without_an_address_nothing_claims_one(built: Path) -> None:
    tags = Head(built / "site" / "articles" / "weight-banding" / "index.html").tags
    assert not {"og:image", "og:url", "canonical", "citation_fulltext_html_url"} & tags.keys()
    assert tags["citation_title"] == ["Weight Banding"]
    assert "citation_doi" not in tags
    text = (built / "site" / "articles" / "weight-banding" / "index.html").read_text()
    assert "DOI" not in re.sub(r"(?s)<ol class=.wb-references.*?</ol>|<span class=.wb-cite-card.*?</span>", "", text)
    ElementTree.parse(built / "site" / "feed.xml")


def test_dates_are_those_of_the_results(built: Path, tmp_path: Path) -> None:
    store = Store(built / "build" / "store")
    site = Site(store, ["speck"])
    day = computed(site, site.models)
    keys = [
        place["key"]
        for layers in site.models[0].record["results"].values()
        for place in layers.values()
        if "key" in place
    ]
    days = {entry.about["computed"] for key in keys if (entry := store.get(key))}
    assert day is not None
    assert day.isoformat() == max(days)
    assert computed(site, []) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("date: soon", "date is 'soon'"),
        ("date: 8.4.2021", "date is '8.4.2021'"),
        ("authors: [{name: A, email: b}]", "an author is"),
        ("authors: [{affiliation: A}]", "an author is"),
    ],
)
def test_front_matter_that_cannot_be_cited_is_named(tmp_path: Path, line: str, message: str) -> None:
    given = {"title": "title: A", "description": "description: B", "order": "order: 1", "authors": "authors: C"}
    given[line.partition(":")[0]] = line
    (tmp_path / "a.md").write_text("---\n" + "\n".join(given.values()) + "\n---\n")
    with pytest.raises(WbsiteError, match=r"a\.md") as caught:
        read(tmp_path / "a.md")
    assert message in caught.value.message


def test_a_date_may_be_quoted(tmp_path: Path) -> None:
    for written in ("2021-04-08", "'2021-04-08'"):
        (tmp_path / "a.md").write_text(f"---\ntitle: A\ndescription: B\nauthors: C\norder: 1\ndate: {written}\n---\n")
        assert read(tmp_path / "a.md").date == date(2021, 4, 8)


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org/", "https:///x"])
def test_a_site_url_that_is_no_address_is_named(work: Path, url: str) -> None:
    (work / "mkdocs.yml").write_text(f"site_url: {url}\n")
    with pytest.raises(WbsiteError, match="site_url"):
        published()
    (work / "mkdocs.yml").write_text("site_url: https://example.org/a\nsite_name: Mine\n")
    assert published().of("x/") == "https://example.org/a/x/"


def test_a_citation_is_copied_by_a_button(served: str, browser: Any) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{served}/articles/weight-banding/")
    buttons = page.locator(".wb-copied button")
    assert buttons.all_inner_texts() == ["Copy citation", "Copy BibTeX entry"]
    buttons.nth(1).click()
    page.wait_for_function("() => document.querySelectorAll('.wb-copied button')[1].textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@misc{wbsite_weight_banding,")
    assert copied.endswith("}")
    context.close()
