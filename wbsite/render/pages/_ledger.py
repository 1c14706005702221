"""The ledger: what every claim comes to, for each network and study of a site."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wbsite.claims.base import NETWORK, NOTHING, WORDS, Claim
from wbsite.claims.effect import Effect
from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.naming import CENSUS, STUDY
from wbsite.results.site import Gap, Site, stored_site

from ._sections import Section, sections
from .articles import Article, chosen

if TYPE_CHECKING:
    import pandas as pd


NAME = "claims"
"""What `wbsite export` is asked for."""

OTHER_NETWORK = "it has nothing that the claim speaks of"
NOT_RUN = "what it rests on was not run"
"""Why a claim cannot be tested that does not say so itself."""

NUMBERS = ("value", "low", "high", "unit", "null", "count", "of")
"""Fields of an effect that are columns of the table."""


@dataclass(frozen=True)
class Row:
    """What a claim comes to for one subject.

    Attributes:
        subject, title: id and title of the network, suite or study; "" and words where a site has no network.
        verdict: a usual verdict, see `WORDS`.
        remark: what qualifies it, or why nothing can be said; "" for nothing.
        effect: the number it rests on, where there is one.
    """

    subject: str
    title: str
    verdict: str
    remark: str
    effect: Effect | None

    @property
    def word(self) -> str:
        """The ledger's word for the verdict."""
        return WORDS[self.verdict]


@dataclass(frozen=True)
class Line:
    """A claim with all its rows, the articles that ask for it, and where the first of them speaks of it."""

    claim: Claim
    rows: tuple[Row, ...]
    articles: tuple[Article, ...]
    section: Section | None


def asked(article: Article) -> list[str]:
    """Names of the claims that an article asks for."""
    return re.findall(r'claim\("([^"]+)"', article.text)


def rows(claim: Claim, site: Site) -> Iterator[Row]:
    """One row a network; of a claim about a suite or study one row."""
    if claim.of != NETWORK:
        suite = site.suite(claim.of)
        yield _row(claim, site, suite.id, suite.title if suite.id in (CENSUS, STUDY) else f"{suite.title} experiments")
    elif not site.networks:
        yield _row(claim, site, "", "no network")
    else:
        for model in site.networks:
            yield _row(claim, site.narrowed(model), model.id, model.title)


def _row(claim: Claim, site: Site, subject: str, title: str) -> Row:
    decided = claim.decide(site)
    if isinstance(decided, Gap):
        return Row(subject, title, NOTHING, decided.reason, None)
    verdict, evidence = decided
    usual, remark = claim.put(verdict)
    if usual == NOTHING:
        remark = remark or (OTHER_NETWORK if claim.of == NETWORK else NOT_RUN)
    effect = None if claim.effect is None or usual == NOTHING else claim.effect(evidence)
    return Row(subject, title, usual, remark, effect)


def lines(site: Site) -> list[Line]:
    """Every claim that decides something, in order of articles, then of names."""
    articles = chosen(site.articles)
    places = {article.name: sections(site, article) for article in articles}
    order = {article.name: place for place, article in enumerate(articles)}
    found = []
    for claim in registry.entries("claims"):
        if claim.decides:
            asking = tuple(article for article in articles if claim.name in asked(article))
            section = places[asking[0].name].get(claim.name) if asking else None
            found.append(Line(claim, tuple(rows(claim, site)), asking, section))
    return sorted(found, key=lambda line: (min((order[a.name] for a in line.articles), default=99), line.claim.name))


def counts(site: Site) -> Mapping[str, int]:
    """Usual verdict → how often it is given on this site."""
    verdicts = Counter(
        row.verdict for claim in registry.entries("claims") if claim.decides for row in rows(claim, site)
    )
    return {verdict: verdicts[verdict] for verdict in WORDS}


def table(lines: Iterable[Line]) -> pd.DataFrame:
    """One row a claim and subject; empty where nothing is known."""
    import pandas as pd

    entries = []
    for line in lines:
        claim = line.claim
        for row in line.rows:
            effect = row.effect
            entries.append(
                {
                    "name": claim.name, "statement": claim.statement, "source": claim.source, "place": claim.place,
                    "article": line.articles[0].name if line.articles else "", "subject": row.subject,
                    "verdict": row.word, "remark": row.remark, "effect": effect.what if effect else "",
                    **{name: getattr(effect, name, None) for name in NUMBERS},
                    "rule": claim.rule,
                }
            )  # fmt: skip
    return pd.DataFrame(entries).astype({"count": "Int64"}).fillna({"unit": "", "of": ""})


def exported(config: Config, model: str | None, layer: str | None) -> pd.DataFrame:
    """The ledger of what the store has, of one network and all suites and studies, or of all.

    Raises:
        WbsiteError: a layer is given, there is no store, or it does not have the model.
    """
    if layer is not None:
        raise WbsiteError("claims are decided of networks and studies, not of a layer.", "Leave --layer out.")
    return table(lines(stored_site(config, None if model is None else [model])))
