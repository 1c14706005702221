"""How an article reads, in numbers: words, numerals, figures, captions and what the text refers to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_SILENT = {"script", "style", "table", "nav", "header", "details", "code", "svg", "math", "form", "select", "button"}
_SILENT_CLASSES = {"wb-cite-box", "headerlink", "wb-tools", "wb-gap", "wb-lead", "wb-number"}
_NUMERAL = re.compile(r"\d[\d.,\u202f]*")
_WORD = re.compile(r"\S+")


@dataclass
class Prose:
    """What an article's page holds before its appendix.

    Attributes:
        words: of running text: paragraphs, lists and notes, without figures, tables, code, formulas and citations.
        numerals: numbers written with digits among them.
        figures: id of each figure → words of its caption, "How this was made" apart; those of the appendix too.
        findings: figures whose caption begins with a sentence in bold.
        references: ids of figures that the text refers to.
    """

    words: int = 0
    numerals: int = 0
    figures: dict[str, int] = field(default_factory=dict)
    findings: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)

    @property
    def numerals_in_100(self) -> float:
        """Numerals in a hundred words; 0 for no words."""
        return 100 * self.numerals / self.words if self.words else 0.0

    @property
    def longest_caption(self) -> int:
        """Words of the longest caption."""
        return max(self.figures.values(), default=0)

    @property
    def unreferred(self) -> list[str]:
        """Figures that the text never refers to."""
        return [name for name in self.figures if name not in self.references]


def read_prose(html: str) -> Prose:
    """Reads a built page; only what its <article> element holds counts."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.prose


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.prose = Prose()
        self._open: list[tuple[str, set[str]]] = []
        self._figure = ""
        self._appendix = False
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if tag in ("h1", "h2", "h3") and self._inside("article"):
            self._end()
            self._appendix |= "wb-appendix" in classes
        if tag == "figure" and "wb-figure" in classes:
            self._end()
            self._figure = given.get("id", "")
            self.prose.figures[self._figure] = 0
        if tag == "figcaption":
            self._end()  # words inside the drawing are no words of its caption
        if tag == "strong" and self._figure and self._inside("figcaption") and not "".join(self._text).strip():
            self.prose.findings.add(self._figure)
        if "wb-ref" in classes:
            self.prose.references.add(given.get("href", "").removeprefix("#"))
        if tag not in _VOID:
            self._open.append((tag, classes))

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self._open]
        if tag not in names:
            return
        if tag in ("p", "li", "figcaption", "article", "dd"):
            self._end()
        del self._open[len(names) - 1 - names[::-1].index(tag) :]
        if tag == "figure":
            self._figure = ""

    def handle_data(self, data: str) -> None:
        if self._inside("article") and not any(
            name in _SILENT or classes & _SILENT_CLASSES for name, classes in self._open
        ):
            self._text.append(data)

    def _inside(self, tag: str) -> bool:
        return any(name == tag for name, _ in self._open)

    def _end(self) -> None:
        text, self._text = "".join(self._text), []
        words = [word for word in _WORD.findall(text) if re.search(r"\w", word)]
        if self._figure:
            if self._inside("figcaption"):
                self.prose.figures[self._figure] += len(words)
        elif not self._appendix:
            self.prose.words += len(words)
            self.prose.numerals += len(_NUMERAL.findall(text))
