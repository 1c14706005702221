"""Citations of a page: numbered marks that open a card on hover or focus, and the list of what was cited.

The markup works without a script: the card is shown by CSS while its mark is hovered or focused
(`templates/assets/css/citations.css`); `templates/assets/js/citations.js` adds Escape and keeps the card on screen.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from wbsite.core.errors import unknown

from .bibliography import Publication, read_publications

# A card is a glance: a long list of authors is in the references, a click away.
_CARD_AUTHORS = 8


class Bibliography:
    """What can be cited, and what one page has cited so far.

    Numbers are given at a work's first use on the page, from 1. Take a fresh one for each page with `for_page`.
    """

    def __init__(self, publications: Mapping[str, Publication], source: str = "the bibliography") -> None:
        self._publications = publications
        self._source = source
        self._numbers: dict[str, int] = {}
        self._uses: Counter[str] = Counter()

    @classmethod
    def read(cls, *paths: Path) -> Bibliography:
        """The works of BibTeX files, of one key that of the last. Raises WbsiteError where `read_publications` does."""
        works = {key: work for path in paths for key, work in read_publications(path).items()}
        return cls(works, paths[-1].name)

    def for_page(self) -> Bibliography:
        """The same works with nothing cited yet."""
        return Bibliography(self._publications, self._source)

    def cite(self, *keys: str) -> str:
        """Marks for one work or several, as inline HTML on one line, safe inside Markdown prose.

        Raises:
            WbsiteError: no key, or one that the bibliography does not have (with the nearest that it has).
        """
        if not keys:
            raise unknown("citation", "", self._publications, f"Works are listed in {self._source}.")
        return "".join(self._mark(key) for key in keys)

    def references(self) -> str:
        """The works cited so far as an ordered list with ids `ref-KEY`, "" when nothing was cited."""
        if not self._numbers:
            return ""
        items = "\n".join(self._reference(self._publications[key]) for key in self._numbers)
        return f'<ol class="wb-references">\n{items}\n</ol>'

    @property
    def cited(self) -> list[Publication]:
        """The works cited so far."""
        return [self._publications[key] for key in self._numbers]

    def _find(self, key: str) -> Publication:
        if key not in self._publications:
            raise unknown("citation", key, self._publications, f"Works are listed in {self._source}.")
        return self._publications[key]

    def _mark(self, key: str) -> str:
        work = self._find(key)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        self._uses[key] += 1
        use = self._uses[key]
        card = f"cite-card-{key}-{use}"
        title = f'<span class="wb-cite-title">{_text(work.title)}</span>'
        authors = f'<span class="wb-cite-authors">{_text(_authors(work, _CARD_AUTHORS))}, {_text(work.year)}</span>'
        venue = f'<span class="wb-cite-venue">{_text(work.venue)}</span>' if work.venue else ""
        link = f'<span class="wb-cite-link">{_link(work.url, _address(work.url))}</span>' if work.url else ""
        # Search is told to leave the card out: it would find every citing page for every author's name.
        return (
            f'<span class="wb-cite-box"><a class="wb-cite" id="cite-{key}-{use}" href="#ref-{key}" '
            f'aria-describedby="{card}">&#91;{number}&#93;</a>'
            f'<span class="wb-cite-card" role="tooltip" id="{card}" data-search-exclude>'
            f"{title}{authors}{venue}{link}</span></span>"
        )

    def _reference(self, work: Publication) -> str:
        title = _link(work.url, work.title) if work.url else _text(work.title)
        venue = f" <em>{_text(work.venue)}</em>," if work.venue else ""
        doi_url = f"https://doi.org/{work.doi}"
        doi = f" DOI: {_link(doi_url, work.doi)}." if work.doi and work.url != doi_url else ""
        return (
            f'<li id="ref-{work.key}"><span class="wb-reference-title">{title}</span>. '
            f"{_text(_authors(work))}.{venue} {_text(work.year)}.{doi} "
            f'<a class="wb-reference-back" href="#cite-{work.key}-1" aria-label="Back to the first citation">↩</a></li>'
        )


def _authors(work: Publication, limit: int | None = None) -> str:
    names = [author.initialled for author in work.authors]
    if limit is not None and len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    if work.and_others:
        return f"{', '.join(names)} et al."
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _address(url: str) -> str:
    """A link as a reader would say it: without scheme and trailing slash."""
    return url.split("://", 1)[1].removeprefix("www.").rstrip("/")


def _link(url: str, label: str) -> str:
    return f'<a href="{_text(url)}">{_text(label)}</a>'


def _text(plain: str) -> str:
    """Text escaped for HTML and for Markdown, which reads inside inline tags: a title is not to become emphasis."""
    escaped = html.escape(plain)
    return "".join(f"&#{ord(character)};" if character in "*_`[]\\$~^|" else character for character in escaped)
