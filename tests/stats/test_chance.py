"""An index against chance: a reader who holds two kernel sizes side by side must not see their shapes."""

from __future__ import annotations

import math

import pytest

from wbsite.stats.chance import chance_corrected


@pytest.mark.parametrize(
    ("value", "expected", "corrected"),
    [(0.4, 0.0, 0.4), (-0.7, 0.0, -0.7), (-0.31, -0.31, 0.0), (1, -0.31, 1), (-1, -0.31, -1), (0.345, -0.31, 0.5)],
)
def test_chance_is_zero_and_the_ends_stay(value: float, expected: float, corrected: float) -> None:
    assert chance_corrected(value, expected) == pytest.approx(corrected)


def test_what_is_not_defined_stays_so() -> None:
    assert math.isnan(chance_corrected(math.nan, 0.2))
