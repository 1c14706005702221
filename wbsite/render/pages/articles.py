"""Articles: Markdown with Jinja in content/, one file each, with a title block and an appendix; and their index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from wbsite.core.errors import WbsiteError, unknown
from wbsite.render import sources
from wbsite.render.page import Files, Page, PageKind, Writing, author_errors, environment, write
from wbsite.results.site import Site

REQUIRED = ("title", "description", "authors", "order")


@dataclass(frozen=True)
class Article:
    """An article's front matter and text.

    Front matter: title, description, authors (list), order (place in the navigation), and
    optionally doi and date, which are the author's to give.
    """

    name: str
    title: str
    description: str
    authors: tuple[str, ...]
    order: int
    doi: str
    date: str
    source: str
    text: str


def read(path: Path) -> Article:
    """Reads an article.

    Raises:
        WbsiteError: front matter is missing, malformed, or lacks a required key.
    """
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
        facts = yaml.safe_load(front)
    except yaml.YAMLError as error:
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
        title=str(facts["title"]),
        description=str(facts["description"]),
        authors=tuple(map(str, authors if isinstance(authors, list) else [authors])),
        order=facts["order"],
        doi=str(facts.get("doi") or ""),
        date=str(facts.get("date") or ""),
        source=source,
        text=text,
    )


def chosen(names: Sequence[str] = ()) -> list[Article]:
    """The articles of these names, all of them where none is named, in their order.

    Raises:
        WbsiteError: there is no article of that name, or one is malformed.
    """
    found = sorted(map(read, sources.articles()), key=lambda article: (article.order, article.name))
    for name in names:
        if name not in {article.name for article in found}:
            raise unknown("article", name, [article.name for article in found])
    return [article for article in found if not names or article.name in names]


def make(site: Site, article: Article) -> Files:
    """The article's page: its own Jinja first, then the frame around it."""
    writing = Writing(site, f"articles/{article.name}")
    return write(writing, "article.md.j2", article=article, body=body(writing, article))


def body(writing: Writing, article: Article) -> str:
    """The article's own text as Markdown."""
    front = article.source[: len(article.source) - len(article.text)].count("\n")
    with author_errors(f"content/{article.name}.md", front):
        return environment().from_string(article.text).render(**writing.words(), article=article)


def pages(site: Site) -> Iterator[Page]:
    """The index, and one page an article."""
    bibliography = sources.bibliography().read_text(encoding="utf-8")
    terms = sources.glossary().read_text(encoding="utf-8")
    articles = chosen(site.articles)
    if articles:
        yield Page(
            path="articles",
            inputs=[(article.name, article.title, article.description, article.authors) for article in articles],
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
            },
            make=lambda article=article: make(site, article),  # type: ignore[misc]
            listed=article.title,
            section="Articles",
        )


PAGES = (PageKind("articles", pages, order=1),)
