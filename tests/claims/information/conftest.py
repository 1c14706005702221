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
    """words(CLAIM, EVIDENCE): what an article says where this is the evidence."""

    def write(name: str, evidence: Any) -> str:
        claim = registry.named("claims", name, "claim")
        writing = Writing(made_site(), "articles/x")
        return environment().from_string(claim.wording[claim.verdict(evidence)]).render(**writing.words(), e=evidence)

    return write
