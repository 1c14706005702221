"""Articles: Markdown with Jinja in content/, one file each, with a title block and an appendix; and their index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, visible
from wbsite.render import sources
from wbsite.render.head.address import Address, published
from wbsite.render.head.citation import Author, Work, citation_key
from wbsite.render.head.dates import computed, in_words
from wbsite.render.head.feed import Entry
from wbsite.render.page import (
    LABEL,
    Files,
    Page,
    PageKind,
    Writing,
    article_environment,
    author_errors,
    write,
)
from wbsite.render.templating.sandbox import WORDS
from wbsite.results.site import Results, Site

from ._pictures import with_pictures

REQUIRED = ("title", "description", "authors", "order")


@dataclass(frozen=True)
class Article:
    """An article's front matter and text.

    Front matter: title, description, authors (list of names, or of mappings with name and affiliation), order
    (place in the navigation), and optionally doi and date of publication, which are the author's to give.
    """

    name: str
    title: str
    description: str
    authors: tuple[Author, ...]
    order: int
    doi: str
    date: date | None
    source: str
    text: str


def read(path: Path) -> Article:
    """Reads an article.

    Raises:
        WbsiteError: front matter is missing, malformed, or lacks a required key.
    """
    if not LABEL.fullmatch(path.stem):
        raise WbsiteError(
            f"{path}: an article's file is named by letters, digits and any of _ . -.", "Rename it: its address has it."
        )
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WbsiteError(f"{path} cannot be read ({error}).", "An article is a text file in UTF-8.") from error
    _, marker, rest = source.partition("---\n")
    front, closing, text = rest.partition("\n---\n")
    if not source.startswith("---\n") or not marker or not closing:
        raise WbsiteError(
            f"{path} has no front matter.", f"Start it with a block between --- lines that gives {', '.join(REQUIRED)}."
        )
    try:
        facts = yaml.load(front, _Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also of dates that no calendar has
        raise WbsiteError(f"{path}: the front matter is not valid YAML: {error}", "Repair it.") from error
    missing = [key for key in REQUIRED if not isinstance(facts, dict) or key not in facts]
    if missing:
        raise WbsiteError(
            f"{path}: the front matter lacks {', '.join(missing)}.", f"It must give {', '.join(REQUIRED)}."
        )
    if type(facts["order"]) is not int:
        raise WbsiteError(
            f"{path}: order is {facts['order']!r}.", "Expected a whole number: the place in the navigation."
        )
    authors = facts["authors"]
    return Article(
        name=path.stem,
        title=visible(str(facts["title"])),
        description=visible(str(facts["description"])),
        authors=tuple(_author(path, author) for author in (authors if isinstance(authors, list) else [authors])),
        order=facts["order"],
        doi=visible(str(facts.get("doi") or "")).removeprefix("https://doi.org/"),
        date=_day(path, facts.get("date")),
        source=source,
        text=text,
    )


class _Plain(yaml.SafeLoader):
    """Without aliases: lists of lists of aliases make a billion names of a few lines."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias (*name); write out what that stands for.")
        return super().compose_node(parent, index)


def _author(path: Path, given: Any) -> Author:
    facts = given if isinstance(given, dict) else {"name": given}
    if not facts.get("name") or facts.keys() - {"name", "affiliation"}:
        raise WbsiteError(
            f"{path}: an author is {given!r}.", "Expected a name, or {name: …, affiliation: …}, for each of authors."
        )
    return Author(visible(str(facts["name"])), visible(str(facts.get("affiliation") or "")))


def _day(path: Path, given: Any) -> date | None:
    if given in (None, ""):
        return None
    try:
        return date.fromisoformat(str(given))
    except ValueError as error:
        raise WbsiteError(
            f"{path}: date is {given!r}.", "Expected the day of publication, as in 2021-04-08."
        ) from error


def chosen(names: Sequence[str] = ()) -> list[Article]:
    """The articles of these names, in their order; where none is named, those of the working folder, or else wbsite's.

    Raises:
        WbsiteError: there is no article of that name, or one is malformed.
    """
    paths = sources.all_articles() if names else sources.articles()
    found = sorted(map(read, paths), key=lambda article: (article.order, article.name))
    for name in names:
        if name not in {article.name for article in found}:
            raise unknown("article", name, [article.name for article in found])
    return [article for article in found if not names or article.name in names]


def subjects(site: Site, article: Article) -> list[Results]:
    """What the article rests on: the suites drawn in it, and the networks unless it is a study's."""
    suites = [suite for suite in site.suites if article.name in (suite.id, suite.record.get("article"))]
    study = any(suite.id == article.name for suite in suites)
    return [*suites, *([] if study else site.working)]


def entries(site: Site) -> list[Entry]:
    """The articles of the feed: those of which it is known when they were published, or their results computed."""
    found = []
    for article in chosen(site.articles):
        days = [day for day in (article.date, computed(site, subjects(site, article))) if day]
        path, facts = f"articles/{article.name}/", (article.title, article.description, article.authors, article.date)
        if days:
            found.append(Entry(path, *facts, max(days), f"{path}card.png"))
    return found


def make(site: Site, article: Article, address: Address) -> Files:
    """The article's page, its own Jinja first, then the frame around it; and the pictures that stand for it."""
    writing = Writing(site, f"articles/{article.name}")
    text = body(writing, article)
    day = computed(site, subjects(site, article))
    work = Work(
        citation_key(article.name), article.title, article.authors, article.date or day, article.doi,
        address.of(f"{writing.path}/"),
    )  # fmt: skip
    files = write(
        writing, "article.md.j2", article=article, body=text, work=work, computed=day, in_words=in_words,
        cited=writing.bibliography.cited,
    )  # fmt: skip
    return with_pictures(writing, files, article.title, address.name)


def body(writing: Writing, article: Article) -> Markup:
    """The article's own text as Markdown: its author's prose, which may hold HTML, and what its Jinja puts there."""
    front = article.source[: len(article.source) - len(article.text)].count("\n")
    with author_errors(f"content/{article.name}.md", front):
        words = {name: word for name, word in writing.words().items() if name in WORDS}
        text = article_environment().from_string(article.text).render(**words, article=article)
        return Markup(text)  # noqa: S704


def pages(site: Site) -> Iterator[Page]:
    """The index, and one page an article."""
    bibliography = sources.texts(sources.bibliographies())
    terms = sources.texts(sources.glossaries())
    articles, address = chosen(site.articles), published()
    if articles:
        yield Page(
            path="articles",
            inputs=[[a.name, a.title, a.description, [author.name for author in a.authors]] for a in articles],
            make=lambda: write(Writing(site, "articles"), "articles.md.j2", articles=articles),
            listed="All articles",
            section="Articles",
        )
    for article in articles:
        yield Page(
            path=f"articles/{article.name}",
            inputs={
                "article": article.source,
                "bibliography": bibliography,
                "glossary": terms,
                "models": [model.shown for model in site.models],
                "suites": [suite.shown for suite in site.suites],
                "address": astuple(address),
            },
            make=lambda article=article: make(site, article, address),  # type: ignore[misc]
            listed=article.title,
            section="Articles",
        )


PAGES = (PageKind("articles", pages, order=1),)
