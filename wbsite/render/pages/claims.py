"""The ledger: every claim with its source, its rule, and what came out on this site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wbsite.claims.base import Claim
from wbsite.core import registry
from wbsite.render import sources
from wbsite.render.page import Files, Page, PageKind, Writing, write
from wbsite.results.site import Gap, Site

from .articles import Article, chosen


@dataclass(frozen=True)
class Line:
    """A claim in the ledger; `verdict` in words, or the reason why there is none."""

    claim: Claim
    verdict: str
    decided: bool
    articles: tuple[Article, ...]


def asked(article: Article) -> list[str]:
    """Names of the claims that an article asks for."""
    return re.findall(r'claim\("([^"]+)"', article.text)


def lines(site: Site) -> list[Line]:
    """Every claim, in order of articles, then of names; without words that only give numbers."""
    articles = chosen(site.articles)
    found = []
    for claim in registry.entries("claims"):
        if not claim.decides:
            continue
        asking = tuple(article for article in articles if claim.name in asked(article))
        decided = claim.decide(site)
        verdict = decided.reason if isinstance(decided, Gap) else claim.put(decided[0])
        found.append(Line(claim, verdict, not isinstance(decided, Gap), asking))
    order = {article.name: place for place, article in enumerate(articles)}
    return sorted(found, key=lambda line: (min((order[a.name] for a in line.articles), default=99), line.claim.name))


def groups(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """(title, lines) of every article, a line under the first that asks for it, and of claims that none asks for."""
    by_title: dict[str, list[Line]] = {}
    for line in lines:
        by_title.setdefault(line.articles[0].title if line.articles else "In no article of this site", []).append(line)
    return list(by_title.items())


def make(site: Site) -> Files:
    """The page."""
    return write(Writing(site, "claims"), "claims.md.j2", groups=groups(lines(site)))


def pages(site: Site) -> Iterator[Page]:
    """One page."""
    yield Page(
        path="claims",
        inputs={
            "models": [model.shown for model in site.models],
            "suites": [suite.shown for suite in site.suites],
            "articles": [(article.name, article.title, asked(article)) for article in chosen(site.articles)],
            "bibliography": sources.bibliography().read_text(encoding="utf-8"),
        },
        make=lambda: make(site),
        listed="Claims",
    )


PAGES = (PageKind("claims", pages, order=4),)
