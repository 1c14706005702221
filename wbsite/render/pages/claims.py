"""The ledger of claims as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from wbsite.claims.base import WORDS
from wbsite.render import sources
from wbsite.render.cards import effect_text
from wbsite.render.page import Files, Page, PageKind, Writing, write
from wbsite.results.site import Site

from ._ledger import Line, lines
from ._sections import skeleton
from .articles import chosen

NO_ARTICLE = "In no article of this site"


def groups(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """(title, lines) of every article, a line under the first that asks for it, and of claims that none asks for."""
    by_title: dict[str, list[Line]] = {}
    for line in lines:
        by_title.setdefault(line.articles[0].title if line.articles else NO_ARTICLE, []).append(line)
    return list(by_title.items())


def make(site: Site) -> Files:
    """The page."""
    ledger = lines(site)
    subjects = dict.fromkeys((row.subject, row.title) for line in ledger for row in line.rows if row.subject)
    return write(
        Writing(site, "claims"),
        "claims.md.j2",
        groups=groups(ledger),
        words=WORDS,
        counts=Counter(row.verdict for line in ledger for row in line.rows),
        claims=len(ledger),
        subjects=subjects,
        effect_text=effect_text,
    )


def pages(site: Site) -> Iterator[Page]:
    """One page."""
    yield Page(
        path="claims",
        inputs={
            "models": [model.shown for model in site.models],
            "suites": [suite.shown for suite in site.suites],
            "articles": [(article.name, article.title, skeleton(article)) for article in chosen(site.articles)],
            "bibliography": sources.texts(sources.bibliographies()),
        },
        make=lambda: make(site),
        listed="Claims",
    )


PAGES = (PageKind("claims", pages, order=4),)
