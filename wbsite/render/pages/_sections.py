"""In which section of its article a claim is put into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any, NamedTuple

from markdown import markdown

from wbsite.core.markup import Markup, html
from wbsite.render.mathematics import with_formulas
from wbsite.render.page import Writing
from wbsite.results.site import Site

from .articles import Article, body

HEADING = re.compile(r'<h[2-6] id="([^"]+)"[^>]*>(.*?)</h[2-6]>', re.DOTALL)
EXTENSIONS = ["attr_list", "md_in_html", "tables", "footnotes", "toc", "pymdownx.superfences"]
"""Those of mkdocs.yml: what is a heading, and its anchor, depends on them."""

CLAIM = re.compile(r"@@claim:([\w.-]+)@@")


class Section(NamedTuple):
    """A heading of an article: its anchor and its words; both "" before the first heading."""

    anchor: str
    title: str


def skeleton(article: Article) -> list[str]:
    """The lines of an article's source that decide which section puts a claim into words."""
    lines = article.text.splitlines()
    return [line for line in lines if line.startswith("#") or "claim(" in line or "{%" in line]


@dataclass
class Outline(Writing):
    """An article's text without its figures, with a mark after what each claim says."""

    def figure(self, name: str, *given: Any, **options: Any) -> Markup:
        """Nothing: a section needs no figure to be found."""
        return Markup()

    def claim(self, name: str, brief: bool = False, **options: Any) -> Markup:
        """The claim's words, which may have a heading of their own, and the mark."""
        return html("{}\n@@claim:{}@@\n", super().claim(name, brief, **options), name)


def sections(site: Site, article: Article) -> dict[str, Section]:
    """Claim → the first section that puts it into words, of those that the article has on this site."""
    text = with_formulas(body(Outline(site, f"articles/{article.name}"), article), lambda formula, reason: None)
    page = markdown(text, extensions=EXTENSIONS)
    found: dict[str, Section] = {}
    section = Section("", "")
    for part in re.split(rf"({HEADING.pattern.replace('(', '(?:')})", page, flags=re.DOTALL):
        if heading := HEADING.fullmatch(part):
            section = Section(heading[1], unescape(re.sub(r"<[^>]+>", "", heading[2])))
        for name in CLAIM.findall(part):
            found.setdefault(name, section)
    return found
