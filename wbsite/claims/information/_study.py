"""What claims about a site's study share: its results, and how descriptions of it are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from wbsite.claims.base import Claim
from wbsite.core.naming import STUDY
from wbsite.results.base import Result
from wbsite.results.site import Gap, Site

A = TypeVar("A", bound=Result)
B = TypeVar("B", bound=Result)
C = TypeVar("C", bound=Result)


@overload
def read(site: Site, first: type[A], /) -> tuple[A] | Gap: ...
@overload
def read(site: Site, first: type[A], second: type[B], /) -> tuple[A, B] | Gap: ...
@overload
def read(site: Site, first: type[A], second: type[B], third: type[C], /) -> tuple[A, B, C] | Gap: ...
def read(site: Site, *analyses: type[Result]) -> tuple[Result, ...] | Gap:
    """Results of the site's study, or why one of them is not there."""
    results = []
    for analysis in analyses:
        result = site.suite(STUDY).result_or_gap(analysis)
        if isinstance(result, Gap):
            return result
        results.append(result)
    return tuple(results)


def description(
    name: str,
    statement: str,
    evidence: Callable[[Site], Any],
    verdict: Callable[[Any], str],
    wording: Mapping[str, str],
) -> Claim:
    """What a study is or what was seen in it, in words that depend on it and decide nothing.

    Args:
        statement: what is described, as the ledger lists it.
        verdict: evidence → which wording fits.
    """
    return Claim(
        name=name,
        statement=statement,
        source="",
        rule="description: numbers are given, nothing is decided",
        evidence=evidence,
        verdict=verdict,
        wording=wording,
        decides=False,
    )


def table(caption: str, head: Sequence[str], rows: str, cells: Sequence[str], first: str = "{{ n.title }}") -> str:
    """Wording of a table with a caption and one row an `n`.

    Args:
        caption: a sentence.
        head: of the columns.
        rows: what `n` runs through, as in "e.networks".
        cells: of the columns but the first.
        first: of the first column, which names the row.
    """
    return (
        '<div class="wb-scroll wb-wide wb-captioned" tabindex="0">\n<table>\n'
        f"<caption>{caption}</caption>\n<thead><tr>"
        + "".join(f'<th scope="col">{name}</th>' for name in head)
        + f"</tr></thead>\n<tbody>\n{{% for n in {rows} %}}"
        + f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>\n{% endfor %}</tbody>\n</table>\n</div>"
    )
