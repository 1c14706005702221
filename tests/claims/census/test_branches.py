"""Whether branches specialize out there: each verdict, too few packages, and no census."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED
from wbsite.claims.census.branches import SPECIALIZE
from wbsite.core import registry
from wbsite.core.naming import CENSUS
from wbsite.results.census.branches import Sorted, WildBranches
from wbsite.results.site import Gap


def outcome(low: float | None, high: float | None, p: float = 0.01, packages: int = 9) -> Sorted:
    middle = None if low is None or high is None else (low + high) / 2
    return Sorted(effect=middle, low=low, high=high, p=p, trained=0.1, untrained=0.01, networks=20, packages=packages)


def site(test: Sorted | Gap, **counts: int) -> Any:
    found = test if isinstance(test, Gap) else SimpleNamespace(sorted=test, **counts)

    def suite(name: str) -> SimpleNamespace:
        assert name == CENSUS
        return SimpleNamespace(result_or_gap=lambda result: found if result is WildBranches else None)

    return SimpleNamespace(suite=suite)


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        (outcome(0.01, 0.1), HOLDS),
        (outcome(0.01, 0.1, p=0.06), UNDECIDED),
        (outcome(-0.01, 0.1), UNDECIDED),
        (outcome(-0.01, 0.015), FAILS),
        (outcome(-0.2, -0.1), FAILS),
        (outcome(0.01, 0.1, packages=5), NOTHING),
        (outcome(None, None), NOTHING),
    ],
)
def test_a_verdict_is_by_interval_p_and_the_smallest_effect_that_matters(test: Sorted, verdict: str) -> None:
    decided = SPECIALIZE.decide(site(test))
    assert not isinstance(decided, Gap)
    assert decided[0] == verdict


def test_too_few_packages_are_said_in_words() -> None:
    claim = registry.named("claims", "wild-branches-specialize", "claim")
    assert "too few packages" in claim.wording[NOTHING]


def test_the_effect_is_over_packages() -> None:
    assert SPECIALIZE.effect is not None
    effect = SPECIALIZE.effect(outcome(0.01, 0.1))
    assert effect is not None
    assert (effect.count, effect.of, effect.null) == (9, "packages", 0)


def test_categories_say_nothing_where_there_are_none() -> None:
    claim = registry.named("claims", "wild-branches-categories", "claim")
    none, some = (claim.decide(site(outcome(0, 1), tests=n, enriched=0, beyond=0)) for n in (0, 4))
    assert none[0] == NOTHING
    assert some[0] != NOTHING


def test_without_a_census_nothing_is_said() -> None:
    gap = Gap("not measured", failed=False)
    assert SPECIALIZE.decide(site(gap)) is gap
