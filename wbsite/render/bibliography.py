"""Reads a BibTeX file into publications: names decoded, links checked, every defect named with its line."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from wbsite.core.errors import WbsiteError

# A key becomes part of an id and of a link's fragment, so it keeps to what both take without escaping.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]*")
_VENUES = ("journal", "booktitle", "institution", "school", "publisher", "howpublished")
_LINKED = ("url", "doi", "eprint")


@dataclass(frozen=True)
class Author:
    """One author: `family` with its particles ("van der Maaten"), `given` as written, "" for a group."""

    family: str
    given: str

    @property
    def initialled(self) -> str:
        """The name with the given names shortened: "L.-C. Chen", "Q. V. Le"."""
        initials = " ".join("-".join(f"{part[0]}." for part in name.split("-") if part) for name in self.given.split())
        return f"{initials} {self.family}".strip()


@dataclass(frozen=True)
class Publication:
    """One entry of the bibliography, as plain Unicode text (nothing escaped for HTML).

    `venue` is where it appeared with volume and pages, "" if the entry names none. `url` is the page to open,
    from the entry's url, else its DOI, else its arXiv number; "" if it has none of them.
    """

    key: str
    authors: tuple[Author, ...]
    and_others: bool
    title: str
    year: str
    venue: str
    doi: str
    url: str

    @property
    def scholarly(self) -> str:
        """The work in the form of the `citation_reference` tag that indexes of literature read."""
        fields = [("title", self.title), *(("author", author.initialled) for author in self.authors)]
        fields += [("publication_date", self.year), ("doi", self.doi)]
        return "; ".join(f"citation_{name}={value}" for name, value in fields if value)


def read_publications(path: Path) -> dict[str, Publication]:
    """All entries of a BibTeX file by their keys, in the file's order.

    Raises:
        WbsiteError: the file is missing or not UTF-8, an entry cannot be parsed, a key or a field is given twice,
            an entry lacks author, title or year, or its link is not http(s). The message names file, line and entry.
    """
    # Imported here: only pages with citations pay for the parser.
    import bibtexparser
    from bibtexparser import middlewares, model

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise WbsiteError(f"the bibliography {path} does not exist.", "Write it, or cite nothing.") from error
    except UnicodeDecodeError as error:
        raise WbsiteError(f"the bibliography {path} is not UTF-8: {error}.", "Save it as UTF-8.") from error
    # What the parser would log is raised below, with the file's name.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    library = bibtexparser.parse_string(
        text,
        append_middleware=[
            middlewares.NormalizeFieldKeys(),  # else an Author would not be taken apart
            middlewares.SeparateCoAuthors(),
            middlewares.SplitNameParts(),
        ],
    )
    publications: dict[str, Publication] = {}
    for block in library.blocks:
        where = f"{path}, line {(block.start_line or 0) + 1}"
        if isinstance(block, model.ParsingFailedBlock):
            head = (block.raw or "").strip().splitlines()[:1]
            raise WbsiteError(f"{where}: {head[0] if head else 'an entry'}: {block.error}", "Correct this entry.")
        if isinstance(block, model.Entry):
            try:
                publications[block.key] = _publication(block, f"{where}, entry {block.key!r}")
            except RecursionError as error:
                raise WbsiteError(f"{where}: braces lie too deep within each other.", "Correct this entry.") from error
    return publications


def _publication(entry: Any, where: str) -> Publication:
    if not _KEY.fullmatch(entry.key):
        raise WbsiteError(f"{where}: a key is letters, digits and any of _ . : + -.", "Rename the entry.")
    fields = {field.key.lower(): field.value for field in entry.fields}
    missing = [name for name in ("author", "title", "year") if not fields.get(name)]
    if missing:
        raise WbsiteError(f"{where}: no {' and no '.join(missing)}.", "Add it to the entry.")
    names = [_author(name) for name in fields["author"]]
    and_others = names[-1] == Author("others", "")
    authors = tuple(names[:-1] if and_others else names)
    if not authors:
        raise WbsiteError(f"{where}: no author but 'others'.", "Name the first author at least.")
    text = {name: _decoded(value) for name, value in fields.items() if name not in ("author", *_LINKED)}
    doi = fields.get("doi", "").removeprefix("https://doi.org/")
    return Publication(
        key=entry.key,
        authors=authors,
        and_others=and_others,
        title=text["title"],
        year=text["year"],
        venue=_venue(text, fields),
        doi=doi,
        url=_url(fields, doi, where),
    )


def _author(name: Any) -> Author:
    return Author(
        family=_decoded(" ".join([*name.von, *name.last, *name.jr])),
        given=_decoded(" ".join(name.first)),
    )


def _decoded(latex: str) -> str:
    """LaTeX accents, escapes and braces as plain text on one line."""
    return " ".join(_decoder()(latex).split())


@cache
def _decoder() -> Callable[[str], str]:
    """Made once: the tables of macros take longer to build than a bibliography to decode."""
    from pylatexenc.latex2text import LatexNodes2Text
    from pylatexenc.latexwalker import get_default_latex_context_db

    return partial(LatexNodes2Text().latex_to_text, latex_context=get_default_latex_context_db())


def _is_arxiv(fields: dict[str, str]) -> bool:
    return bool(fields.get("eprint")) and fields.get("archiveprefix", "").lower() == "arxiv"


def _venue(text: dict[str, str], fields: dict[str, str]) -> str:
    venue = next((text[name] for name in _VENUES if text.get(name)), "")
    if not venue:
        return f"arXiv:{fields['eprint']}" if _is_arxiv(fields) else ""
    if text.get("volume"):
        venue += f" {text['volume']}" + (f"({text['number']})" if text.get("number") else "")
    if text.get("pages"):
        venue += f", {text['pages']}"
    return venue


def _url(fields: dict[str, str], doi: str, where: str) -> str:
    if fields.get("url"):
        # Anything else (javascript:, file:) has no place behind a link that readers click.
        if not re.match(r"https?://\S+$", fields["url"]):
            raise WbsiteError(f"{where}: url {fields['url']!r} is not an http(s) address.", "Correct the url.")
        return fields["url"]
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://arxiv.org/abs/{fields['eprint']}" if _is_arxiv(fields) else ""
