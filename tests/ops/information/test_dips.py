"""A dip is found where one was made, and nowhere else; a pairing that means nothing is not taken for one that does."""

from __future__ import annotations

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.dips import dip
from wbsite.stats.pairing import pairing

EPOCHS = [0, 1, 3, 10, 20, 30, 50, 70, 100, 150, 200, 300, 600]


def test_a_dip_is_found_where_it_was_made() -> None:
    found = dip(EPOCHS, [5, 5, 6, 8, 9, 8.5, 7, 6.5, 7, 8, 8.2, 8.1, 8])
    assert found is not None
    assert (EPOCHS[found.record], EPOCHS[found.before], EPOCHS[found.after]) == (70, 20, 200)
    assert found.depth == pytest.approx(8.2 - 6.5), "from the lower of the two sides"


def test_the_deepest_of_two_counts_and_of_equal_ones_the_first() -> None:
    two = dip(EPOCHS, [9, 9, 9, 9, 9, 9, 8, 9, 7, 9, 9, 9, 9])
    assert two is not None
    assert EPOCHS[two.record] == 100
    level = dip(EPOCHS, [9, 9, 9, 9, 9, 9, 7, 7, 7, 9, 9, 9, 9])
    assert level is not None
    assert EPOCHS[level.record] == 50


@pytest.mark.parametrize(
    "course",
    [
        list(range(13)),
        list(range(13, 0, -1)),
        [9] * 13,
        [9, 9, 9, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 5, 9],
        [9, 9, 9, 9, 9, 9, 9, 8.91, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 8, 7, 6, 5, 4, 3, 3.05, 3.09],
    ],
    ids=["rises", "falls", "level", "before the window", "after it", "too shallow", "does not rise enough again"],
)
def test_what_is_no_dip_is_not_found(course: list[float]) -> None:
    assert dip(EPOCHS, course) is None


def test_courses_too_short_have_none_and_other_lengths_are_refused() -> None:
    assert dip([0, 40], [1.0, 2.0]) is None
    with pytest.raises(WbsiteError, match="one value"):
        dip([0, 40], [1.0])


def test_pairing_finds_what_belongs_together_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=12)
    belongs = -np.abs(own[:, None] - own)
    found = pairing(belongs, range(12), 999)
    assert found.paired == 0 > found.unpaired
    assert found.p == pytest.approx(1 / 1000)
    alike = np.tile(rng.normal(size=(12, 1)), 12)  # every partner is as good as every other
    assert pairing(alike, range(12), 999).p == 1
    assert np.isnan(pairing(np.ones((1, 1)), [0], 9).p)


def test_pairings_of_chance_are_rarely_called_more() -> None:
    rng = np.random.default_rng(2)
    found = [pairing(rng.normal(size=(5, 8)), range(5), 199).p for _ in range(200)]
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.1
