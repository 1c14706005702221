"""Patches that are nine shifts of one, or not the strongest, would tell a reader what a unit is not for."""

from __future__ import annotations

import pytest
import torch

from wbsite.ops.strongest_positions import NONE, Strongest, apart, one_a_picture


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_batches_give_what_sorting_all_pictures_gives(batch: int) -> None:
    responses = torch.randn(20, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    found = Strongest.none(4, 7)
    for first in range(0, 20, batch):
        found = found.after(one_a_picture(responses[first : first + batch]), first)
    best, places = responses.flatten(2).max(2)
    for unit in range(4):
        order = best[:, unit].argsort(descending=True)[:7]
        assert found.pictures[unit].tolist() == order.tolist()
        assert found.positions[unit].tolist() == places[order, unit].tolist()
        assert torch.equal(found.activations[unit], best[order, unit])
    assert torch.equal(found.lowest, best.amin(0))


def test_of_equal_activations_the_earlier_picture_comes_first_however_they_are_grouped() -> None:
    equal = torch.ones(6, 1, 2, 2)
    together = Strongest.none(1, 4).after(one_a_picture(equal), 0)
    halves = [Strongest.none(1, 4).after(one_a_picture(equal[first : first + 3]), first) for first in (0, 3)]
    assert together.pictures.tolist() == halves[0].merged(halves[1]).pictures.tolist() == [[0, 1, 2, 3]]
    assert together.alike.tolist() == [True]


def test_positions_of_one_picture_are_apart_along_rows_or_columns() -> None:
    responses = torch.zeros(1, 1, 8, 9)
    for row, column, value in ((2, 2, 9.0), (3, 4, 8.0), (2, 5, 7.0), (5, 2, 6.0), (4, 3, 5.0)):
        responses[0, 0, row, column] = value
    found = Strongest.none(1, 9).after(apart(responses, (3, 3), 9), 0)
    kept = found.activations[0] > 0
    assert found.activations[0][kept].tolist() == [9, 7, 6], "8 and 5 are too near to stronger ones"
    places = [divmod(place, 9) for place in found.positions[0][found.activations[0] != NONE].tolist()]
    for i, (row, column) in enumerate(places):
        assert all(abs(row - r) >= 3 or abs(column - c) >= 3 for r, c in places[:i])


def test_where_the_distance_is_the_map_a_picture_gives_one_position() -> None:
    responses = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    found = Strongest.none(3, 9).after(apart(responses, (4, 4), 9), 0)
    assert (found.activations != NONE).sum(1).tolist() == [2, 2, 2]
    assert torch.equal(found.activations[:, :2].sort(1).values, responses.amax((2, 3)).T.sort(1).values)


def test_what_is_no_number_is_no_position() -> None:
    responses = torch.randn(10, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    responses[4, 0, 1, 1] = torch.nan
    responses[:, 1] = torch.inf
    found = Strongest.none(2, 9).after(one_a_picture(responses), 0)
    assert 4 not in found.pictures[0].tolist()
    assert found.activations[0].isfinite().all()
    assert (found.activations[1] == NONE).all()
    few = Strongest.none(2, 9).after(apart(responses[4:5], (1, 1), 9), 0)
    assert (few.activations[0] != NONE).sum() == 8
