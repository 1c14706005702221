"""What the tests of the census come to: each verdict, too few packages, and no census."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED
from wbsite.claims.census.hypotheses import CLAIMS
from wbsite.core.naming import CENSUS
from wbsite.results.census.hypotheses import Evidence, Hypotheses
from wbsite.results.site import Gap

POOLING = next(claim for claim in CLAIMS if claim.name == "bands-follow-pooling")


def outcome(low: float, high: float, p: float = 0.01, smaller: int = 5) -> Evidence:
    middle = (low + high) / 2
    return Evidence(effect=middle, low=low, high=high, p=p, p_holm=p, networks=40, packages=20, smaller=smaller)


def site(pooled: Evidence | Gap) -> Any:
    """A site with such a census."""
    found = pooled if isinstance(pooled, Gap) else SimpleNamespace(pooled=pooled)

    def suite(name: str) -> SimpleNamespace:
        assert name == CENSUS
        return SimpleNamespace(result_or_gap=lambda result: found if result is Hypotheses else None)

    return SimpleNamespace(suite=suite)


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        (outcome(0.02, 0.3), HOLDS),
        (outcome(0.02, 0.3, p=0.2), UNDECIDED),
        (outcome(0.02, 0.08, p=0.2), FAILS),
        (outcome(-0.1, 0.3), UNDECIDED),
        (outcome(-0.3, -0.1), FAILS),
        (outcome(-0.05, 0.05), FAILS),
        (outcome(0.02, 0.3, smaller=2), NOTHING),
    ],
)
def test_a_verdict_is_by_interval_p_and_the_smallest_effect_that_matters(test: Evidence, verdict: str) -> None:
    decided = POOLING.decide(site(test))
    assert not isinstance(decided, Gap)
    assert decided[0] == verdict


def test_the_effect_is_over_packages() -> None:
    assert POOLING.effect is not None
    effect = POOLING.effect(outcome(0.02, 0.3))
    assert effect is not None
    assert (effect.count, effect.of, effect.null) == (20, "packages", 0)


def test_without_a_census_nothing_is_said() -> None:
    gap = Gap("not measured", failed=False)
    assert POOLING.decide(site(gap)) is gap
