"""The page of terms that articles explain."""

from __future__ import annotations

from collections.abc import Iterator

from wbsite.render import sources
from wbsite.render.page import Page, PageKind, Writing, glossary, write
from wbsite.results.site import Site


def pages(site: Site) -> Iterator[Page]:
    """One page, reached from the terms in articles and by search."""
    terms = sorted(glossary().values(), key=lambda term: term.name.lower())
    yield Page(
        path="terms",
        inputs=sources.texts(sources.glossaries()),
        make=lambda: write(Writing(site, "terms"), "terms.md.j2", terms=terms),
    )


PAGES = (PageKind("terms", pages, order=5),)
