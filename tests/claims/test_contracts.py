"""Every claim says what it claims, who says so, what decides it, and has words for what it may come to."""

from __future__ import annotations

import jinja2
import pytest

from wbsite.claims.base import Claim
from wbsite.core import registry
from wbsite.render.page import bibliography, environment


@pytest.mark.parametrize("claim", registry.entries("claims"), ids=lambda claim: claim.name)
def test_a_claim_is_complete(claim: Claim) -> None:
    assert claim.statement.endswith(".") and claim.rule and len(claim.wording)
    assert not claim.source or bibliography().for_page().cite(claim.source)
    assert not claim.brief or claim.brief.keys() == claim.wording.keys(), "a summary that would fail on an outcome"
    for verdict, words in [*claim.wording.items(), *claim.brief.items()]:
        assert claim.put(verdict)
        try:
            environment().from_string(words)
        except jinja2.TemplateError as error:
            pytest.fail(f"{claim.name}, {verdict}: {error}")
