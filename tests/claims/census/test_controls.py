"""What the controls come to: each verdict of each rule, too few seeds, networks that learned nothing, and no runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wbsite.analyses.census.controls import QUESTIONS
from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.census.controls import CLAIMS, OTHER_WAY
from wbsite.core.naming import CONTROLS
from wbsite.results.census.controls import Contrast, Controls
from wbsite.results.estimate import Estimate
from wbsite.results.site import Gap

BY_NAME = {claim.name: claim for claim in CLAIMS}
TASK, DATA, TURN = (BY_NAME[f"controls-{name}"] for name in ("follow-the-task", "follow-the-pictures", "turn"))


def outcome(low: float, high: float, seeds: int = 5, skill: float = 0.9) -> Contrast:
    return Contrast(effect=Estimate(mean=(low + high) / 2, low=low, high=high), seeds=seeds, skill=skill)


def site(contrast: Contrast | Gap | None) -> Any:
    """A site whose controls all say the same."""
    contrasts = {} if contrast is None else dict.fromkeys(QUESTIONS, contrast)
    controls = contrast if isinstance(contrast, Gap) else SimpleNamespace(first=SimpleNamespace(contrasts=contrasts))

    def suite(name: str) -> SimpleNamespace:
        assert name == CONTROLS
        return SimpleNamespace(result_or_gap=lambda result: controls if result is Controls else None)

    return SimpleNamespace(suite=suite)


@pytest.mark.parametrize(
    ("claim", "contrast", "verdict"),
    [
        (TASK, outcome(0.02, 0.3), HOLDS),
        (TASK, outcome(0.01, 0.03), FAILS),
        (TASK, outcome(0.01, 0.08), UNDECIDED),
        (TASK, outcome(-0.1, 0.3), UNDECIDED),
        (TASK, outcome(-0.3, 0.04), FAILS),
        (TASK, outcome(-0.03, -0.01), FAILS),
        (TASK, outcome(-0.3, -0.1), OTHER_WAY),
        (DATA, outcome(0.02, 0.3), HOLDS),
        (DATA, outcome(-0.3, -0.02), OTHER_WAY),
        (DATA, outcome(-0.04, 0.04), FAILS),
        (DATA, outcome(-0.06, 0.04), UNDECIDED),
        (TURN, outcome(-0.04, 0.04), HOLDS),
        (TURN, outcome(0.01, 0.04), HOLDS),
        (TURN, outcome(0.02, 0.3), FAILS),
        (TURN, outcome(-0.3, -0.02), FAILS),
        (TURN, outcome(-0.1, 0.2), UNDECIDED),
    ],
)
def test_a_verdict_is_by_interval_and_the_smallest_effect_that_matters(
    claim: Claim, contrast: Contrast, verdict: str
) -> None:
    decided = claim.decide(site(contrast))
    assert not isinstance(decided, Gap)
    assert decided[0] == verdict
    assert claim.wording[verdict] and claim.put(verdict)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
@pytest.mark.parametrize("contrast", [None, outcome(0.2, 0.3, seeds=4), outcome(0.2, 0.3, skill=0.4)])
def test_controls_that_are_not_there_too_few_or_have_learned_nothing_decide_nothing(
    claim: Claim, contrast: Contrast | None
) -> None:
    decided = claim.decide(site(contrast))
    assert not isinstance(decided, Gap)
    assert decided[0] == NOTHING


def test_every_question_is_asked_of_a_contrast_that_is_computed() -> None:
    for claim in CLAIMS:
        decided = claim.decide(site(outcome(0.2, 0.3)))
        assert not isinstance(decided, Gap)
        assert decided[0] != NOTHING, claim.name


def test_the_effect_is_over_seeds_and_without_runs_nothing_is_said() -> None:
    assert TASK.effect is not None
    effect = TASK.effect(outcome(0.02, 0.3))
    assert effect is not None
    assert (effect.count, effect.of, effect.null) == (5, "seeds", 0)
    gap = Gap("not trained", failed=False)
    assert TASK.decide(site(gap)) is gap
