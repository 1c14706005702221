"""Order by similarity: without it a reader hunts for like units among hundreds of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbsite.core.errors import WbsiteError
from wbsite.ops import seriation as ordering
from wbsite.ops.seriation import seriate


def shuffled_circle_arc(units: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that differ by an angle of 0 to 90°, in random order, and their true ranks."""
    ranks = np.random.default_rng(0).permutation(units)
    angles = ranks / units * np.pi / 2
    return np.stack((np.cos(angles), np.sin(angles)), axis=1), ranks


def neighbour_distance(rows: np.ndarray, order: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(rows[order], axis=0), axis=1).sum())


def test_a_line_of_pictures_is_put_in_line() -> None:
    rows, ranks = shuffled_circle_arc(60)
    found = ranks[seriate(rows)]
    assert found.tolist() in (list(range(60)), list(range(59, -1, -1)))


def test_strength_does_not_count() -> None:
    rows, _ = shuffled_circle_arc(30)
    strengths = np.random.default_rng(1).uniform(0.1, 10, (30, 1))
    assert seriate(rows * strengths).tolist() == seriate(rows).tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 12))
def test_is_a_permutation_the_same_every_time(seed: int, units: int) -> None:
    pictures = torch.rand((units, 3, 3, 3), generator=torch.Generator().manual_seed(seed))
    order = seriate(pictures)
    assert sorted(order) == list(range(units))
    assert order.dtype == np.int64
    assert order.tolist() == seriate(pictures.numpy()).tolist()
    if units > 1:
        assert order[0] < order[-1]


@pytest.mark.parametrize(("optimal", "clustered"), [(1024, 4096), (10, 4096), (10, 20)])
def test_every_size_brings_like_units_together(monkeypatch: pytest.MonkeyPatch, optimal: int, clustered: int) -> None:
    monkeypatch.setattr(ordering, "OPTIMAL_UP_TO", optimal)
    monkeypatch.setattr(ordering, "CLUSTERED_UP_TO", clustered)
    rows, _ = shuffled_circle_arc(80)
    assert neighbour_distance(rows, seriate(rows)) < 0.2 * neighbour_distance(rows, np.arange(80))


def test_dead_units_come_last() -> None:
    pictures = np.random.default_rng(0).random((6, 4))
    pictures[[1, 3]] = 0
    assert seriate(pictures)[-2:].tolist() == [1, 3]
    assert seriate(np.zeros((3, 4))).tolist() == [0, 1, 2]


def test_a_large_layer_is_quick_enough_to_order() -> None:
    pictures = torch.rand((4500, 27), generator=torch.Generator().manual_seed(0))
    assert sorted(seriate(pictures)) == list(range(4500))


@pytest.mark.parametrize("features", [np.ones(3), np.array([[np.nan, 1.0]])])
def test_refuses_what_has_no_order(features: np.ndarray) -> None:
    with pytest.raises(WbsiteError, match="cannot be ordered"):
        seriate(features)
