"""What every schema keeps, whoever adds it: an analysis returns it, and everything in it has a type and a meaning."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from wbsite.core import registry
from wbsite.results.base import Result

SCHEMAS = registry.entries("results")

FREE = {("architecture", "provenance")}
"""Fields whose content is somebody else's: the record in a weights file."""


def mentions_any(annotation: Any) -> bool:
    return annotation is Any or any(mentions_any(part) for part in getattr(annotation, "__args__", ()))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.analysis)
def test_an_analysis_returns_it(schema: type[Result]) -> None:
    assert registry.named("analyses", schema.analysis, "analysis").result is schema


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.analysis)
def test_every_field_has_a_type_and_a_meaning(schema: type[Result]) -> None:
    hints = get_type_hints(schema)
    assert schema.__doc__
    for name, field in schema.fields.items():
        if field.kind == "value" and (schema.analysis, name) not in FREE:
            assert not mentions_any(hints[name]), name
        assert field.about or field.columns, name
        assert all(column.about for column in field.columns.values()), name
