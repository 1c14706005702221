"""What claims say of results whose numbers a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.render.page import Writing
from wbsite.results.base import Result
from wbsite.results.site import Gap, Site


@pytest.fixture(scope="session")
def frame() -> Callable[..., Any]:
    """A table of a schema: frame(schema, name, rows); a column that a row leaves out holds "-" or 1."""

    def make(schema: type[Result], name: str, rows: Sequence[Mapping[str, Any]] = ()) -> Any:
        columns = schema.fields[name].columns
        default = {column: "-" if "U" in spec.kind else 1 for column, spec in columns.items()}
        return schema.frame(name, [{**default, **row} for row in rows])

    return make


@pytest.fixture
def say() -> Callable[..., tuple[str, str]]:
    """The verdict on a claim, and its words: say(site, name, brief=False); of a gap "gap" and the card."""

    def decide(site: Site, name: str, brief: bool = False) -> tuple[str, str]:
        decided = registry.named("claims", name, "claim").decide(site)
        words = Writing(site, "articles/branch-specialization").claim(name, brief=brief)
        return "gap" if isinstance(decided, Gap) else decided[0], words

    return decide
