"""Every claim says what it claims, who says so, what decides it, and has words for what it may come to."""

from __future__ import annotations

import jinja2
import pytest

from wbsite.claims.base import NETWORK, WORDS, Claim
from wbsite.core import registry
from wbsite.core.naming import CENSUS, STUDY
from wbsite.render.page import bibliography, environment

WITHOUT_EFFECT = {
    "bottleneck": "whether a network has one",
    "colour-divides-early": "an epoch for each of several experiments, and no rule says what is early",
    "first-layer-in-towers": "whether a network has them",
    "networks-have-branches": "whether a network has them",
    "reported-training": "which weights they are",
    "unit-numbers": "which network it is",
}
"""Claims whose evidence has no number that the verdict rests on, and what it has instead."""


@pytest.mark.parametrize("claim", registry.entries("claims"), ids=lambda claim: claim.name)
def test_a_claim_is_complete(claim: Claim) -> None:
    assert claim.statement.endswith(".") and claim.rule and len(claim.wording)
    assert not claim.source or bibliography().for_page().cite(claim.source)
    assert not claim.brief or claim.brief.keys() == claim.wording.keys(), "a summary that would fail on an outcome"
    assert not claim.place or claim.source, "a place in no source"
    assert (claim.effect is None) == (not claim.decides or claim.name in WITHOUT_EFFECT)
    assert claim.of == NETWORK or claim.of in {suite.name for suite in registry.entries("suites")} | {CENSUS, STUDY}
    for verdict, words in [*claim.wording.items(), *claim.brief.items()]:
        if claim.decides:
            assert claim.put(verdict)[0] in WORDS
        try:
            environment().from_string(words)
        except jinja2.TemplateError as error:
            pytest.fail(f"{claim.name}, {verdict}: {error}")
