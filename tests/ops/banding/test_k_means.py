"""k-means of many numbers of clusters: what is skipped for speed must not change the clusters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from wbsite.ops.banding.k_means import partitions


def blobs(points: int, seed: int, kinds: int = 12, axes: int = 60) -> np.ndarray:
    """Overlapping groups of points of norm 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(kinds, axes))[rng.integers(kinds, size=points)] + 1.5 * rng.normal(size=(points, axes))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_every_partition_is_a_fixed_point_with_its_means_and_inertia() -> None:
    x, numbers = blobs(900, 0), [2, 3, 7, 15]
    for k, runs in zip(numbers, partitions(x, numbers, 3, seed=1), strict=True):
        assert len(runs) == 3
        for run in runs:
            squares = np.square(x[:, None] - run.centres).sum(2)
            np.testing.assert_array_equal(run.labels, squares.argmin(1))
            np.testing.assert_array_equal(np.unique(run.labels), np.arange(k))
            means = [x[run.labels == cluster].mean(0) for cluster in range(k)]
            np.testing.assert_allclose(run.centres, means, atol=1e-13)
            assert run.inertia == pytest.approx(squares.min(1).sum(), rel=1e-12)


def test_scikit_learn_finds_nothing_better_from_there_and_nothing_better_by_itself_over_all_numbers() -> None:
    x, numbers = blobs(1500, 3), list(range(4, 16))
    ours, theirs = 0.0, 0.0
    for k, runs in zip(numbers, partitions(x, numbers, 4, seed=0), strict=True):
        best = min(runs, key=lambda run: run.inertia)
        on = KMeans(k, init=best.centres, n_init=1, tol=0).fit(x)
        np.testing.assert_array_equal(on.labels_, best.labels)
        ours, theirs = ours + best.inertia, theirs + KMeans(k, n_init=4, random_state=0).fit(x).inertia_
    assert ours <= 1.001 * theirs


def test_restarts_are_independent_and_come_out_the_same_again() -> None:
    x = blobs(400, 5)
    first, again, fewer = (partitions(x, [5, 6], restarts, seed=2) for restarts in (3, 3, 2))
    for runs, same, of_fewer in zip(first, again, fewer, strict=True):
        for run, other in zip([*runs, *runs[:2]], [*same, *of_fewer], strict=True):
            np.testing.assert_array_equal(run.labels, other.labels)
    assert len({run.inertia for run in first[1]}) > 1, "restarts that are all alike say nothing of stability"


def test_as_many_clusters_as_different_points_and_points_nearer_than_float32_can_tell() -> None:
    x = np.repeat(blobs(6, 7), [1, 5, 40, 2, 1, 9], axis=0)
    for run in partitions(x, [5, 6], 4, seed=0)[1]:
        assert sorted(np.bincount(run.labels)) == [1, 1, 2, 5, 9, 40]
        assert run.inertia == pytest.approx(0, abs=1e-12)
    pair = blobs(2, 8)
    close = np.repeat(pair, 20, axis=0) + 1e-9 * np.random.default_rng(0).normal(size=(40, pair.shape[1]))
    for run in partitions(close, [2, 3], 2, seed=0)[1]:
        squares = np.square(close[:, None] - run.centres).sum(2)
        np.testing.assert_array_equal(run.labels, squares.argmin(1))
