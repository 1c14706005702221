"""What tests of claims about the information plane share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.render.page import Writing, environment
from wbsite.results.site import Site


@pytest.fixture
def words(made_site: Callable[..., Site]) -> Callable[..., str]:
    """words(CLAIM, EVIDENCE, brief=False): what an article says where this is the evidence."""

    def write(name: str, evidence: Any, brief: bool = False) -> str:
        claim = registry.named("claims", name, "claim")
        writing = Writing(made_site(), "articles/x")
        wording = (claim.brief if brief else claim.wording)[claim.verdict(evidence)]
        return environment().from_string(wording).render(**writing.words(), e=evidence)

    return write
