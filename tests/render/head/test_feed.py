"""The Atom feed, as a reader of feeds takes it."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

from wbsite.render.head.address import Address
from wbsite.render.head.citation import Author
from wbsite.render.head.feed import ATOM, Entry, feed

ENTRIES = (
    Entry("articles/a/", "A & B", "about <a>", (Author("Ada"),), None, date(2021, 4, 8), "articles/a/card.png"),
    Entry("articles/c/", "C", "", (Author("Ada"),), date(2020, 1, 2), date(2022, 5, 9), "articles/c/card.png"),
)


def texts(root: ElementTree.Element, path: str) -> list[str | None]:
    return [element.text for element in root.findall(path, {"": ATOM})]


def test_addresses_are_absolute_where_the_site_has_one() -> None:
    root = ElementTree.fromstring(feed(Address("Site", "https://a.b/c/"), "what it is", ENTRIES))
    assert texts(root, "entry/title") == ["C", "A & B"], "the latest comes first"
    assert texts(root, "entry/id") == ["https://a.b/c/articles/c/", "https://a.b/c/articles/a/"]
    links = {link.get("href") for link in root.iter(f"{{{ATOM}}}link")}
    assert {"https://a.b/c/", "https://a.b/c/feed.xml", "https://a.b/c/articles/a/card.png"} <= links
    assert texts(root, "updated") == ["2022-05-09T00:00:00Z"]
    assert texts(root, "entry/published") == ["2020-01-02T00:00:00Z"], "what has no date of publication gets none"
    assert texts(root, "entry/author/name") == ["Ada", "Ada"]


def test_without_an_address_ids_are_their_own_and_stay_the_same() -> None:
    first, again = (feed(Address("Site"), "", ENTRIES) for _ in range(2))
    assert first == again
    root = ElementTree.fromstring(first)
    ids = texts(root, "entry/id") + texts(root, "id")
    assert len(set(ids)) == 3
    assert all(str(name).startswith("urn:uuid:") for name in ids)
    hrefs = {link.get("href") for link in root.iter(f"{{{ATOM}}}link")}
    assert "articles/a/" in hrefs
    assert not any(str(href).startswith("http") for href in hrefs)
