"""Citations of a page: numbered marks that open a card on hover or focus, and the list of what was cited.

The markup works without a script: the card is shown by CSS while its mark is hovered or focused
(`templates/assets/css/citations.css`); `templates/assets/js/citations.js` adds Escape and keeps the card on screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html, joined, linked

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

    def cite(self, *keys: str) -> Markup:
        """Marks for one work or several, as inline HTML on one line, safe inside Markdown prose.

        Raises:
            WbsiteError: no key, or one that the bibliography does not have (with the nearest that it has).
        """
        if not keys:
            raise unknown("citation", "", self._publications, f"Works are listed in {self._source}.")
        return joined(self._mark(key) for key in keys)

    def references(self) -> Markup:
        """The works cited so far as an ordered list with ids `ref-KEY`, "" when nothing was cited."""
        if not self._numbers:
            return Markup()
        items = joined((self._reference(self._publications[key]) for key in self._numbers), "\n")
        return html('<ol class="wb-references">\n{}\n</ol>', items)

    @property
    def cited(self) -> list[Publication]:
        """The works cited so far."""
        return [self._publications[key] for key in self._numbers]

    def _find(self, key: str) -> Publication:
        if key not in self._publications:
            raise unknown("citation", key, self._publications, f"Works are listed in {self._source}.")
        return self._publications[key]

    def _mark(self, key: str) -> Markup:
        work = self._find(key)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        self._uses[key] += 1
        use = self._uses[key]
        card = f"cite-card-{key}-{use}"
        parts = [
            html('<span class="wb-cite-title">{}</span>', work.title),
            html('<span class="wb-cite-authors">{}, {}</span>', _authors(work, _CARD_AUTHORS), work.year),
            html('<span class="wb-cite-venue">{}</span>', work.venue) if work.venue else "",
            html('<span class="wb-cite-link">{}</span>', linked(work.url, _address(work.url))) if work.url else "",
        ]
        # Search is told to leave the card out: it would find every citing page for every author's name.
        return html(
            '<span class="wb-cite-box"><a class="wb-cite" id="cite-{key}-{use}" href="#ref-{key}" '
            'aria-describedby="{card}">&#91;{number}&#93;</a>'
            '<span class="wb-cite-card" role="tooltip" id="{card}" data-search-exclude>{parts}</span></span>',
            key=key,
            use=use,
            card=card,
            number=number,
            parts=joined(parts),
        )

    def _reference(self, work: Publication) -> Markup:
        doi_url = f"https://doi.org/{work.doi}"
        return html(
            '<li id="ref-{key}"><span class="wb-reference-title">{title}</span>. {authors}.{venue} {year}.{doi} '
            '<a class="wb-reference-back" href="#cite-{key}-1" aria-label="Back to the first citation">↩</a></li>',
            key=work.key,
            title=linked(work.url, work.title),
            authors=_authors(work),
            venue=html(" <em>{}</em>,", work.venue) if work.venue else "",
            year=work.year,
            doi=html(" DOI: {}.", linked(doi_url, work.doi)) if work.doi and work.url != doi_url else "",
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
