"""The landing page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from wbsite.claims.base import WORDS
from wbsite.render.head.address import Address, published
from wbsite.render.head.feed import FEED, feed
from wbsite.render.head.pictures import Picture, card, opened
from wbsite.render.page import Files, Page, PageKind, Writing, write
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.site import LayerInfo, Model, Site

from ._ledger import counts
from ._pictures import Sprite, units
from .articles import chosen, entries

TITLE = "What the weights of vision networks look like"
ABOUT = "Every layer of every network in numbers and honest statistics, and those with spatial kernels as pictures."
SHOWN, COLUMNS = 96, 16
"""Units in the picture that the page opens with, and how many are side by side."""


@dataclass(frozen=True)
class Opening:
    """The picture that the page opens with: units of the last convolution of the first network that has any.

    Attributes:
        index: H on the pictures.
    """

    model: Model
    layer: LayerInfo
    index: Index
    sprite: Sprite


def opening(site: Site) -> Opening | None:
    """None where no network has pictures of its last convolution."""
    for model in site.working:
        layer, sprite = model.last_pictured, units(model, SHOWN, COLUMNS)
        banding = model.result(Banding, layer.name) if layer else None
        if layer and sprite and banding and banding.nmf:
            return Opening(model, layer, banding.nmf, sprite)
    return None


def make(site: Site, address: Address) -> Files:
    """The page, the picture that stands for the site where its address is shared, and the feed of its articles."""
    writing, shown, dated = Writing(site, ""), opening(site), entries(site)
    picture = Picture(opened(shown.sprite.data)) if shown else None
    writing.files["card.png"] = card(picture, TITLE, address.name)
    if shown:
        writing.files["opening.png"] = shown.sprite.data
    if dated:
        writing.files[FEED] = feed(address, ABOUT, dated)
    return write(
        writing, "landing.md.j2", title=TITLE, about=ABOUT, opening=shown, articles=chosen(site.articles),
        verdicts=counts(site), words=WORDS, feed=bool(dated),
    )  # fmt: skip


def pages(site: Site) -> Iterator[Page]:
    """One page: what the site is, what its claims come to, its articles, its networks."""
    address = published()
    yield Page(
        path="",
        inputs={
            "models": [model.shown for model in site.models],
            "suites": [suite.shown for suite in site.suites],
            "articles": [
                [a.name, a.title, a.description, [author.name for author in a.authors], a.date and a.date.isoformat()]
                for a in chosen(site.articles)
            ],
            "address": astuple(address),
        },
        make=lambda: make(site, address),
        listed="Home",
    )


PAGES = (PageKind("landing", pages, order=0),)
