"""How an article is cited: as BibTeX and as a line of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from wbsite import __version__
from wbsite.core.markup import visible


@dataclass(frozen=True)
class Author:
    """An author's or group's name, and where they work; "" where it is not given."""

    name: str
    affiliation: str = ""


@dataclass(frozen=True)
class Work:
    """What a citation names.

    Attributes:
        key: of the BibTeX entry.
        day: whose year it has, None for no year.
        doi, address: "" where there is none.
    """

    key: str
    title: str
    authors: Sequence[Author]
    day: date | None = None
    doi: str = ""
    address: str = ""

    @property
    def bibtex(self) -> str:
        """The BibTeX entry."""
        fields = {
            "title": f"{{{_tex(self.title)}}}",
            "author": " and ".join(map(_bibtex_name, self.authors)),
            "year": str(self.day.year) if self.day else "",
            "doi": self.doi,
            "url": self.address,
            "version": __version__,
            "note": f"Made with wbsite {__version__}",
        }
        given = {name: value for name, value in fields.items() if value}
        lines = [f"  {name:<7} = {{{value}}}," for name, value in given.items()]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])

    @property
    def text(self) -> str:
        """The citation in a line."""
        year = f" {self.day.year}." if self.day else ""
        place = f"https://doi.org/{self.doi}" if self.doi else self.address
        return f"{_listed(self.authors)}. {self.title}.{year} wbsite {__version__}.{' ' + place if place else ''}"


def citation_key(name: str) -> str:
    """A key for the article of this name."""
    return "wbsite_" + re.sub(r"\W+", "_", name)


def _listed(authors: Sequence[Author]) -> str:
    names = [author.name for author in authors]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _bibtex_name(author: Author) -> str:
    # A group's name is not to be split into given and family names.
    return f"{{{_tex(author.name)}}}" if author.name.startswith("The ") else _tex(author.name)


TEX = {"\0": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _tex(text: str) -> str:
    plain = re.sub(r"([&%$#_{}])", r"\\\1", visible(text).replace("\\", "\0"))
    return re.sub(r"[\0~^]", lambda letter: TEX[letter[0]], plain)
