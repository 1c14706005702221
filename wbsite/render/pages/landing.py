"""The landing page."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.render.page import Page, PageKind, Writing, write
from wbsite.results.site import Site

from .articles import chosen


def pages(site: Site) -> Iterator[Page]:
    """One page: what the site is, its articles, its networks."""
    listed = [(article.name, article.title, article.description) for article in chosen(site.articles)]
    yield Page(
        path="",
        inputs={"models": [model.shown for model in site.models], "articles": listed},
        make=lambda: write(Writing(site, ""), "landing.md.j2", articles=chosen(site.articles)),
        listed="Home",
    )


PAGES = (PageKind("landing", pages, order=0),)
