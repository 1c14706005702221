"""k-means for several numbers of clusters, each started from the centres of the number before.

A restart is a chain. It begins with one point drawn at random and adds centres as k-means++ does: points are drawn in
proportion to their squared distance from the nearest centre, and the best of several is taken, after each has moved to
the mean of the points it would win. Lloyd's iterations run on the first principal components, which is faster and lets
fewer outliers become centres; from there they run on all coordinates to a fixed point, so that the clusters are those
of the points themselves.

Most points are far from changing their cluster. As in Hamerly (2010, "Making k-means even faster"), a point is
compared with the centres again only when these have moved further than its distances to the nearest two differ.
Distances are in float32 with a bound on their error; points that it leaves undecided are decided in float64, and so
are sums. Labels are therefore those of float64, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AXES = 24
"""Principal components on which clusters are looked for."""

CANDIDATES, REFINEMENTS = 8, 2
"""Points drawn for every new centre, and how often each moves to the mean of what it would win."""

LOOPS = 300
"""The most of Lloyd's iterations, as in scikit-learn; they end at a fixed point long before."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Points in clusters.

    Attributes:
        labels: int64 (N,), the cluster of each point, from 0.
        centres: float64 (k, d), means of the clusters.
        inertia: sum of squared distances of the points from their centres.
    """

    labels: np.ndarray
    centres: np.ndarray
    inertia: float


def partitions(x: np.ndarray, numbers: Sequence[int], restarts: int, seed: int) -> list[list[Partition]]:
    """Clusters for every number, from independent restarts.

    Args:
        x: float64 (N points, d), finite; at least as many different points as the largest number.
        numbers: of clusters, rising, from 2.
        seed: of all restarts together.

    Returns:
        For every number what every restart came to.
    """
    points, mean, squares = _Points(x), x.mean(0), float(np.square(x).sum())
    centred = x - mean
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :AXES]
    projected = _Points(centred @ axes)
    found: list[list[Partition]] = [[] for _ in numbers]
    for sequence in np.random.SeedSequence(seed).spawn(restarts):
        generator = np.random.default_rng(sequence)
        centres = projected.exact[[generator.integers(len(x))]]
        for number, of_number in zip(numbers, found, strict=True):
            while len(centres) < number:
                centres = _with_another(projected, centres, generator)
            centres, _ = _lloyd(projected, centres)
            means, labels = _lloyd(points, centres @ axes.T + mean)
            inertia = squares - float(np.bincount(labels) @ np.square(means).sum(1))
            of_number.append(Partition(labels, means, inertia))
    return found


class _Points:
    """Points in both precisions.

    Attributes:
        exact: float64 (N, d).
        quick: the same in float32.
        norms: float32 (N,), squared.
        error: of a squared distance in `quick` to a point among these or a mean of such, at most.
    """

    def __init__(self, exact: np.ndarray) -> None:
        self.exact, self.quick = np.ascontiguousarray(exact), exact.astype(np.float32)
        self.norms = np.square(self.quick).sum(1)
        # Three sums of d products of numbers rounded before, each product at most the largest squared norm.
        self.error = 2 * (exact.shape[1] + 4) * float(np.finfo(np.float32).eps) * float(self.norms.max())

    def nearest(self, rows: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest centre of some points, and how much further the second is, at least; both (rows,)."""
        every = len(rows) == len(self.exact)
        quick, norms = (self.quick, self.norms) if every else (self.quick[rows], self.norms[rows])
        labels, slack = _nearest(_squares(quick, norms, centres.astype(np.float32)), self.error)
        undecided = np.flatnonzero(slack <= 0)
        exact = self.exact[rows[undecided]]
        labels[undecided], slack[undecided] = _nearest(_squares(exact, np.square(exact).sum(1), centres), 0.0)
        return labels, slack

    def sums(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """weights (k, rows) of some points → (k, d)."""
        return weights @ (self.exact if len(rows) == len(self.exact) else self.exact[rows])


def _squares(points: np.ndarray, norms: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances (points, centres)."""
    squares = points @ (-2 * centres).T
    squares += norms[:, None]
    squares += np.square(centres).sum(1)
    return np.maximum(squares, 0, out=squares)


def _nearest(squares: np.ndarray, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances (n, k), which are overwritten, with their error → nearest centre, slack (n,) each."""
    rows, labels = np.arange(len(squares)), squares.argmin(1)
    first = squares[rows, labels].astype(np.float64)
    squares[rows, labels] = np.inf
    second = squares.min(1).astype(np.float64)
    return labels, np.sqrt(np.maximum(second - error, 0)) - np.sqrt(first + error)


def _with_another(points: _Points, centres: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The centres (k, d) and one more."""

    def squares(others: np.ndarray) -> np.ndarray:
        return _squares(points.quick, points.norms, others.astype(np.float32))

    current = squares(centres).min(1)
    chances = np.cumsum(current, dtype=np.float64)
    drawn = np.searchsorted(chances, generator.random(CANDIDATES) * chances[-1], side="right")
    drawn = np.minimum(drawn, len(current) - 1)
    candidates = points.exact[drawn]
    for _ in range(REFINEMENTS):
        won = current > squares(candidates).T
        won[np.arange(CANDIDATES), drawn] = True
        candidates = won.astype(np.float64) @ points.exact / won.sum(1)[:, None]
    left = np.minimum(squares(candidates), current[:, None]).sum(0)
    return np.vstack([centres, candidates[left.argmin()]])


def _lloyd(points: _Points, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's iterations to a fixed point: centres (k, d), labels int64 (N,)."""
    k, count = len(centres), len(points.exact)
    labels, slack, sums = np.full(count, -1), np.full(count, -np.inf), np.zeros_like(centres)
    for _ in range(LOOPS):
        before, rows = labels.copy(), np.flatnonzero(slack <= 0)
        labels[rows], slack[rows] = points.nearest(rows, centres)
        slack[_fill(points, centres, labels)] = -np.inf
        changed = np.flatnonzero(labels != before)
        if not len(changed):
            break
        weights = np.zeros((k + 1, len(changed)))  # the last row takes what points without a cluster leave
        weights[before[changed], np.arange(len(changed))] = -1
        weights[labels[changed], np.arange(len(changed))] = 1
        sums += points.sums(changed, weights[:k])
        sizes = np.bincount(labels, minlength=k)[:, None]
        moved = np.where(sizes, sums / np.maximum(sizes, 1), centres)
        steps = np.sqrt(np.square(moved - centres).sum(1))
        centres = moved
        furthest, second = np.argmax(steps), np.sort(steps)[-2]
        slack -= (steps + np.where(np.arange(k) == furthest, second, steps[furthest]))[labels]
    return centres, labels


def _fill(points: _Points, centres: np.ndarray, labels: np.ndarray) -> list[int]:
    """Gives every empty cluster the point furthest from its own centre, unless all lie on theirs; changes `labels`.

    Returns:
        The points that were given away.
    """
    taken = []
    for cluster in np.flatnonzero(np.bincount(labels, minlength=len(centres)) == 0):
        squares = np.square(points.exact - centres[labels]).sum(1)
        squares[np.bincount(labels)[labels] == 1] = 0  # a point alone in its cluster would leave that one empty
        furthest = int(squares.argmax())
        if squares[furthest] > 0:
            labels[furthest] = cluster
            taken.append(furthest)
    return taken
