"""Whatever a claim comes to, the ledger has to list its effect."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wbsite.claims.base import NOTHING, Claim
from wbsite.results.site import Gap


@pytest.fixture(autouse=True)
def sound_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a test decides a claim, the effect for the ledger is asked for as well, and has to make sense."""
    decide = Claim.decide

    def decide_with_effect(claim: Claim, *given: Any, **options: Any) -> tuple[str, Any] | Gap:
        decided = decide(claim, *given, **options)
        if isinstance(decided, Gap) or claim.effect is None or claim.put(decided[0])[0] == NOTHING:
            return decided
        effect = claim.effect(decided[1])
        if effect is not None:
            numbers = (effect.low, effect.value, effect.high, effect.null)
            assert effect.what and all(math.isfinite(number) for number in numbers if number is not None), claim.name
            assert (effect.low is None) == (effect.high is None), claim.name
            assert (effect.count is None) == (not effect.of), claim.name
        return decided

    monkeypatch.setattr(Claim, "decide", decide_with_effect)
