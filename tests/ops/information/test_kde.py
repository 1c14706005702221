"""Bounds by kernel densities and EDGE: a slow double sum, hard cases of rounding, known answers, bandwidths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from wbsite.ops.information import EDGE, KDE, mutual_information, mutual_informations
from wbsite.ops.information.estimators.edge import _distance

BOUNDS = (("upper", 2.0), ("lower", 8.0))


def slow(t: np.ndarray, labels: np.ndarray, variance: float, factor: float) -> tuple[float, float]:
    """The double sum as it is written, distances from differences."""

    def entropy(rows: np.ndarray) -> float:
        squares = np.array([np.square(rows - row).sum(1) for row in rows])
        return float(-np.log2(np.exp(-squares / (factor * variance)).mean(1)).mean())

    t = t.astype(np.float64)
    return entropy(t), entropy(t) - sum((labels == y).mean() * entropy(t[labels == y]) for y in np.unique(labels))


@pytest.mark.parametrize("variance", [1e-3, 0.1, 30.0])
def test_both_bounds_are_the_double_sums(variance: float) -> None:
    rng = np.random.default_rng(0)
    rows = np.tanh(rng.normal(size=(700, 6))).astype(np.float32)
    t = np.concatenate((rows, rows[:300]))
    labels = rng.integers(0, 3, 1000)
    for bound, factor in BOUNDS:
        found = mutual_information(t, labels, KDE(variance, bound))
        assert found == pytest.approx(slow(t, labels, variance, factor), rel=0, abs=1e-10)


def test_nearly_equal_rows_far_from_the_origin_and_apart_keep_their_distances() -> None:
    rng = np.random.default_rng(0)
    places = np.array([[1e6, -3e6], [-2e6, 1e6], [4e6, 4e6]])
    t = places[rng.integers(0, 3, 600)] + 0.03 * rng.normal(size=(600, 2))
    labels = (t[:, 0] > 0).astype(int)
    for bound, factor in BOUNDS:
        found = mutual_information(t, labels, KDE(1e-3, bound))
        assert found == pytest.approx(slow(t, labels, 1e-3, factor), rel=0, abs=1e-10)
    assert mutual_information(t * 1e300, labels, KDE(1.0)) == pytest.approx(
        (np.log2(600), slow(labels[:, None], labels, 1e-9, 2)[0]), abs=1e-9
    )


def test_bounds_enclose_and_fall_with_the_noise() -> None:
    rng = np.random.default_rng(1)
    t, labels = rng.normal(size=(400, 3)), np.zeros(400, int)
    upper = [mutual_information(t, labels, KDE(v))[0] for v in (1e-8, 1e-2, 1, 1e8)]
    lower = [mutual_information(t, labels, KDE(v, "lower"))[0] for v in (1e-8, 1e-2, 1, 1e8)]
    assert upper[0] == pytest.approx(np.log2(400))
    assert upper[-1] == pytest.approx(0, abs=1e-6)
    assert upper == sorted(upper, reverse=True)
    assert all(low <= high + 1e-12 for low, high in zip(lower, upper, strict=True))


def test_the_noisy_normal_lies_between_its_bounds() -> None:
    t = np.random.default_rng(2).normal(size=(3000, 1))
    truth = 0.5 * np.log2(1 + 1 / 0.05)
    low, high = (mutual_information(t, np.zeros(3000, int), KDE(0.05, bound))[0] for bound in ("lower", "upper"))
    assert low < truth < high
    assert high - low < 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_what_the_processor_gives() -> None:
    rng = np.random.default_rng(0)
    stack, labels = np.tanh(rng.normal(size=(2, 900, 7))).astype(np.float32), rng.integers(0, 3, 900)
    for estimator in (KDE(0.1), KDE(1e-3, "lower")):
        there = mutual_informations(torch.from_numpy(stack).cuda(), torch.from_numpy(labels).cuda(), estimator)
        assert there == pytest.approx(mutual_informations(stack, labels, estimator), abs=1e-10)


def test_the_distance_to_the_kth_nearest_is_that_of_a_search() -> None:
    rng = np.random.default_rng(0)
    for column in (rng.normal(size=200), np.round(rng.normal(size=200), 1), np.zeros(200)):
        for nearest in (1, 2, 17, 200):
            search = NearestNeighbors(n_neighbors=nearest).fit(column[:, None])
            expected = search.kneighbors(column[:, None])[0][:, -1].mean()
            assert _distance(column, nearest) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("units", [2, 9])
def test_edge_tells_apart_what_is_apart(units: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 1024)
    t = rng.normal(size=(4, units))[labels] * 5 + 1e-3 * rng.normal(size=(1024, units))
    i_xt, i_ty = mutual_information(t, labels, EDGE())
    assert i_ty == pytest.approx(2, abs=0.05)
    assert 1.9 < i_xt <= 10
    assert mutual_information(t, rng.integers(0, 4, 1024), EDGE())[1] < 0.3, "what counting few samples a cell adds"
    assert mutual_information(t, labels, EDGE()) == (i_xt, i_ty)


def test_edge_of_samples_that_all_lie_apart_is_at_most_the_cap() -> None:
    t = np.random.default_rng(0).normal(size=(512, 12))
    labels = np.arange(512) % 2
    i_xt, i_ty = mutual_information(t, labels, EDGE())
    assert 7 < i_xt <= 9
    assert 0 <= i_ty <= 1
