"""The ledger has every claim, also those that do not come out or cannot be tested, and nothing that decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wbsite.core import registry
from wbsite.render.pages.claims import lines, make


def test_every_claim_that_decides_something_is_listed_and_none_else(made_site: Callable[..., Any]) -> None:
    listed = [line.claim.name for line in lines(made_site())]
    deciding = {claim.name for claim in registry.entries("claims") if claim.decides}
    assert set(listed) == deciding
    assert len(listed) == len(deciding)
    assert len(deciding) < len(registry.entries("claims")), "some only give numbers"


def test_claims_without_results_say_why_and_where_they_are_made(made_site: Callable[..., Any]) -> None:
    site = made_site()
    assert not any(line.decided and line.verdict == "holds" for line in lines(site)), "nothing was computed"
    page = make(site)["index.md"].decode()
    for line in lines(site):
        assert f'id="{line.claim.name}"' in page
    assert any(line.articles for line in lines(site))
