"""What claims about a site's study share: its results, and how descriptions of it are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
