"""Binned mutual information of training records: wbsite's keys and one sort against numpy.unique by layer and record.

    python benchmarks/information.py

75 records × 6 layers of 10, 7, 5, 4, 3 and 2 units × 4096 samples, all patterns of 12 bits. The network is random, its
weights grow from record to record, so that cells go from few through all different to those of a saturated layer; once
with tanh and once with relu. The reference is what published code does: for each layer and record the unique rows of
the bins, of all samples and of those of each label. Both get the same float32 arrays, in one process and in turns.
The other estimators are then timed alone, for the first layer of a fresh and of a saturated record.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.row import report
from wbsite.ops.information import (
    Binning,
    Estimator,
    FixedBins,
    estimator,
    mutual_information,
    mutual_informations,
)

RECORDS = 75
UNITS = (10, 7, 5, 4, 3, 2)
BINS: dict[str, tuple[Estimator, Callable[[np.ndarray], np.ndarray]]] = {
    "bins 0.07 wide": (Binning(0.07), lambda t: np.floor(t / np.float32(0.07))),
    "30 bins": (FixedBins(30), lambda t: np.clip(np.digitize(t, np.linspace(-1, 1, 30)) - 1, 0, 29)),
}
OTHERS = ("binning:0.07", "fixed:30", "quantile:30", "kde-upper:0.001", "kde-lower:0.1", "edge")
T = TypeVar("T")

TABLE = ("--repeats", "{turns}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.threads} threads; Python {platform.python_version()}, NumPy {np.__version__}")
    equal = True
    with threadpool_limits(options.threads):
        patterns, labels = inputs()
        for name, activate in (("tanh", np.tanh), ("relu", lambda t: np.maximum(t, 0))):
            layers = activations(patterns, activate, np.geomspace(0.5, 8, RECORDS).tolist())
            for bins, (ours, cells) in BINS.items():
                equal &= compared(f"{name}, {bins}", layers, labels, ours, cells, options.repeats)
        for title, gain in (("fresh", 0.7), ("saturated", 60)):
            alone(title, activations(patterns, np.tanh, [gain])[0][0], labels, options.repeats)
    return 0 if equal else 1


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """All patterns of 12 bits, float32 (4096, 12), and a label for each: more than 6 of them active, or not."""
    patterns = ((np.arange(4096)[:, None] >> np.arange(12)) & 1).astype(np.float32)
    return patterns, (patterns.sum(1) > 6).astype(np.int64)


def activations(
    patterns: np.ndarray, activate: Callable[[np.ndarray], np.ndarray], gains: Sequence[float]
) -> list[np.ndarray]:
    """For each layer float32 (gains, samples, units)."""
    rng = np.random.default_rng(0)
    widths = (patterns.shape[1], *UNITS)
    start = [rng.normal(size=(i, o)) / np.sqrt(i) for i, o in pairwise(widths)]
    layers: list[list[np.ndarray]] = [[] for _ in UNITS]
    for gain in gains:
        t = patterns
        for layer, weights in zip(layers, start, strict=True):
            t = activate(t @ (gain * weights).astype(np.float32))
            layer.append(t)
    return [np.stack(layer) for layer in layers]


def compared(
    title: str,
    layers: list[np.ndarray],
    labels: np.ndarray,
    ours: Estimator,
    cells: Callable[[np.ndarray], np.ndarray],
    repeats: int,
) -> bool:
    """Runs both in turns, prints seconds, ratios and the largest difference; whether that is below 1e-12 bits."""
    reference: list[float] = []
    own: list[float] = []
    for _ in range(repeats):
        theirs = timed(reference, lambda: np.array([[unique_rows(cells(t), labels) for t in each] for each in layers]))
        found = timed(own, lambda: np.array([mutual_informations(each, labels, ours) for each in layers]))
    ratios = [a / b for a, b in zip(reference, own, strict=True)]
    difference = float(np.abs(found - theirs).max())
    print(
        f"{title:22}numpy.unique {statistics.median(reference):.3f} s, wbsite {statistics.median(own):.4f} s"
        f" ({min(own):.4f} to {max(own):.4f}): {statistics.median(ratios):.1f} times as fast"
        f" ({min(ratios):.1f} to {max(ratios):.1f}); largest difference {difference:.1e} bits"
    )
    report(f"binned information, {title}", "numpy.unique by layer and record", own, reference, goal=50)
    return difference < 1e-12


def unique_rows(cells: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """H(T) and H(T) − Σ p(y) H(T|y) of (N, units) bins."""

    def entropy(rows: np.ndarray) -> float:
        share = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
        return float(-(share * np.log2(share)).sum())

    whole = entropy(cells)
    return whole, whole - sum((labels == y).mean() * entropy(cells[labels == y]) for y in np.unique(labels))


def alone(title: str, layer: np.ndarray, labels: np.ndarray, repeats: int) -> None:
    """Milliseconds of each estimator for one layer of one record."""
    print(f"one {title} tanh layer {layer.shape}, {len(np.unique(layer, axis=0))} rows differ:")
    for token in OTHERS:
        seconds: list[float] = []
        by = estimator(token)
        for _ in range(repeats):
            found = timed(seconds, partial(mutual_information, layer, labels, by))
        print(f"  {token:18}{1e3 * statistics.median(seconds):8.2f} ms   I(X;T) {found[0]:.4f}, I(T;Y) {found[1]:.4f}")


def timed(seconds: list[float], work: Callable[[], T]) -> T:
    """The work's result; the seconds of processor time it took are appended to `seconds`."""
    start = time.process_time()
    result = work()
    seconds.append(time.process_time() - start)
    return result


if __name__ == "__main__":
    sys.exit(main())
