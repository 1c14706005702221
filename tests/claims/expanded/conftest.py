"""A site of one network whose results of expanded weights are made up, and what claims say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from expanded_results import architecture, examples

from wbsite.claims.base import Claim
from wbsite.core import registry
from wbsite.render.page import Writing
from wbsite.results.site import Gap

Decide = Callable[..., tuple[str, str]]


@pytest.fixture
def decide(made_site: Callable[..., Any]) -> Decide:
    """decide(claim, brief=…, layers=…, ANALYSIS=result): the verdict, and what an article says then."""

    def of(name: str, brief: bool = False, layers: Any = (), **results: Any) -> tuple[str, str]:
        given = {"architecture": architecture(), "examples": examples(), **results}
        placed = {analysis: {"": result} for analysis, result in given.items() if result is not None}
        site = made_site(models={"speck": {**placed, **dict(layers)}}, facts={"speck": {"title": "Speck"}})
        claim: Claim = registry.named("claims", name, "claim")
        decided = claim.decide(site)
        assert not isinstance(decided, Gap)
        return decided[0], Writing(site, "articles/x").claim(name, brief=brief)

    return of
