"""The landing page."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.claims.base import WORDS
from wbsite.render.page import Files, Page, PageKind, Writing, write
from wbsite.results.site import Site

from ._ledger import counts
from .articles import chosen


def make(site: Site) -> Files:
    """The page."""
    return write(Writing(site, ""), "landing.md.j2", articles=chosen(site.articles), verdicts=counts(site), words=WORDS)


def pages(site: Site) -> Iterator[Page]:
    """One page: what the site is, what its claims come to, its articles, its networks."""
    listed = [(article.name, article.title, article.description) for article in chosen(site.articles)]
    suites = [suite.shown for suite in site.suites]
    yield Page(
        path="",
        inputs={"models": [model.shown for model in site.models], "suites": suites, "articles": listed},
        make=lambda: make(site),
        listed="Home",
    )


PAGES = (PageKind("landing", pages, order=0),)
