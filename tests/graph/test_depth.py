"""Examples are looked for at the right depth only if branches of a block are on one level."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wbsite.graph.depth import early_and_late, layer_depths


@dataclass(frozen=True)
class Part:
    name: str
    inputs: tuple[str, ...]
    planar: bool = True


def test_branches_of_a_block_are_on_one_level_and_squeezing_is_no_depth() -> None:
    found = layer_depths(
        [
            Part("first", ("input",)),
            Part("small", ("first",)),
            Part("squeeze", ("first",), planar=False),
            Part("large", ("squeeze",)),
            Part("point", ("first",), planar=False),
            Part("next", ("small", "large", "point")),
        ]
    )
    assert found == {"first": 1, "small": 2, "squeeze": 1, "large": 2, "point": 1, "next": 3}


@pytest.mark.parametrize(
    ("deepest", "expected"),
    [(0, (0, 0)), (1, (0, 1)), (2, (1, 2)), (5, (2, 3)), (7, (2, 3)), (11, (3, 4)), (16, (5, 6))],
)
def test_two_neighbouring_levels_a_third_of_the_way_down(deepest: int, expected: tuple[int, int]) -> None:
    assert early_and_late(deepest) == expected
