"""The site's articles as an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree

from wbsite.core.markup import visible

from .address import Address
from .citation import Author

ATOM = "http://www.w3.org/2005/Atom"
FEED = "feed.xml"


@dataclass(frozen=True)
class Entry:
    """An article in the feed.

    Attributes:
        path: of its page below the site's root, with a trailing slash.
        published: by its author's word, None where they give none.
        updated: when it was published or its results were computed, whichever is later.
        picture: path of its card picture.
    """

    path: str
    title: str
    summary: str
    authors: Sequence[Author]
    published: date | None
    updated: date
    picture: str


def feed(address: Address, description: str, entries: Sequence[Entry]) -> bytes:
    """The feed, its latest entry first.

    Addresses are absolute where the site has one. Else they are relative to the feed, and ids are made of names.
    """
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(_atom("feed"))
    _add(root, "title", address.name)
    _add(root, "subtitle", description)
    _add(root, "id", _id(address, ""))
    _add(root, "link", rel="self", type="application/atom+xml", href=address.of(FEED) or FEED)
    _add(root, "link", rel="alternate", type="text/html", href=address.url or "./")
    _add(root, "updated", _instant(max(entry.updated for entry in entries)))
    for entry in sorted(entries, key=lambda entry: entry.updated, reverse=True):
        item = _add(root, "entry")
        _add(item, "title", entry.title)
        _add(item, "id", _id(address, entry.path))
        _add(item, "link", rel="alternate", type="text/html", href=address.of(entry.path) or entry.path)
        _add(item, "link", rel="enclosure", type="image/png", href=address.of(entry.picture) or entry.picture)
        _add(item, "updated", _instant(entry.updated))
        if entry.published:
            _add(item, "published", _instant(entry.published))
        for author in entry.authors:
            _add(_add(item, "author"), "name", author.name)
        _add(item, "summary", entry.summary)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _atom(tag: str) -> str:
    return f"{{{ATOM}}}{tag}"


def _add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, _atom(tag), attributes)
    child.text = visible(text) or None
    return child


def _id(address: Address, path: str) -> str:
    return address.of(path) or uuid.uuid5(uuid.NAMESPACE_URL, f"wbsite {address.name} {path}").urn


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
