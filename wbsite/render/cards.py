"""Small cards that open beside a word: what a term means, and what evidence a statement rests on.

The markup is that of citations and works without a script: the card is shown by CSS while its mark is hovered or
focused (`templates/assets/css/citations.css`).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from wbsite.claims.base import WORDS, Claim
from wbsite.claims.effect import Effect
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, html, prose

from .text import fixed_text, number_text

CARD = Markup(
    '<span class="wb-cite-box"><a class="{kind}" href="{href}" aria-describedby="{id}">{mark}</a>'
    '<span class="wb-cite-card" role="tooltip" id="{id}" data-search-exclude>{body}</span></span>'
)


@dataclass(frozen=True)
class Term:
    """A word or symbol that articles explain: as it is written, and what it means, both plain text or Markdown."""

    name: str
    shown: str
    text: str

    @property
    def anchor(self) -> str:
        """Its id on the page of terms."""
        return "term-" + "-".join(self.name.split())


def read_terms(path: Path) -> dict[str, Term]:
    """The glossary: a TOML file with a table for each term that gives `text` and, where it differs, `shown`.

    Raises:
        WbsiteError: the file is no TOML, or an entry has other fields.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Term(name, **{"shown": name, **entry}) for name, entry in entries.items()}
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise WbsiteError(f"{path}: {error}.", 'Write [term] and below it text = "what it means".') from error


def term(terms: dict[str, Term], name: str, shown: str, up: str, use: int) -> Markup:
    """A word with its meaning on hover or focus, linked to the page of terms.

    Args:
        shown: in place of the glossary's own form; "" for that.
        use: number of the card on its page.

    Raises:
        WbsiteError: the glossary has no such term.
    """
    if name not in terms:
        raise unknown("term", name, terms, "Terms are listed in glossary.toml.")
    entry = terms[name]
    mark = shown or entry.shown
    # A formula is no name for a link.
    name = Markup('<span class="wb-unseen"> {}</span>').format(entry.name) if mark.startswith("$") else ""
    return CARD.format(
        kind="wb-term",
        href=f"{up}terms/#{entry.anchor}",
        id=f"card-{use}",
        mark=prose(mark) + name,
        body=prose(entry.text),
    )


def effect_text(effect: Effect) -> Markup:
    """An effect with its interval and unit, as in "0.123 (0.050 to 0.190) bits"."""
    if effect.low is None or effect.high is None:
        text = number_text(effect.value)
    else:
        text = f"{fixed_text(effect.value, 3)} ({fixed_text(effect.low, 3)} to {fixed_text(effect.high, 3)})"
    return html("{} {}", text, effect.unit).strip()


def evidence(claim: Claim, verdict: str, effect: Effect | None, up: str, use: int) -> Markup:
    """The mark behind a statement that a claim decides: its card has the effect, the rule and the verdict, its link
    goes to the ledger.

    Args:
        verdict: a usual one.
        use: number of the card on its page.
    """
    parts = [html("<span><strong>{}</strong>: {}</span>", WORDS[verdict].capitalize(), prose(claim.statement))]
    if effect is not None:
        null = "" if effect.null is None else f"; null {number_text(effect.null)}"
        count = "" if effect.count is None else f"; {number_text(effect.count)} {effect.of}"
        interval = "" if effect.low is None else " (95 % interval)"
        text = effect_text(effect)
        parts.append(html("<span>{}: {}{}{}{}</span>", effect.what, text, interval, null, count))
    parts.append(html("<span>Rule: {}</span>", prose(claim.rule)))
    href = f"{up}claims/#{claim.name}"
    return CARD.format(
        kind="wb-evidence",
        href=href,
        id=f"card-{use}",
        mark=Markup("<sup>evidence</sup>"),
        body=Markup().join(parts),
    )
