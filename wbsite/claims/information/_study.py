"""Results of a site's study, for claims that need several."""

from __future__ import annotations

from typing import TypeVar, overload

from wbsite.core.naming import STUDY
from wbsite.results.base import Result
from wbsite.results.site import Gap, Site

A = TypeVar("A", bound=Result)
B = TypeVar("B", bound=Result)
C = TypeVar("C", bound=Result)


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
