"""What a count alone tells of a class, against cases counted by hand and a slow version."""

from __future__ import annotations

from collections import Counter
from math import log2

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.counting import count_baseline


def slowly(counts: list[int], labels: list[int]) -> tuple[float, float]:
    n, pairs = len(counts), Counter(zip(counts, labels, strict=True))
    of_count, of_label = Counter(counts), Counter(labels)
    right = sum(max(pairs[count, label] for label in of_label) for count in of_count)
    bits = sum(k / n * log2(k * n / of_count[c] / of_label[y]) for (c, y), k in pairs.items())
    return right / n, bits


def test_a_count_that_decides_and_one_that_says_nothing() -> None:
    assert count_baseline(np.array([5, 5, 9, 9]), np.array([1, 1, 0, 0])) == (1.0, 1.0)
    assert count_baseline(np.array([5, 9, 5, 9]), np.array([1, 1, 0, 0])) == (0.5, 0.0)
    assert count_baseline(np.array([3]), np.array([7])) == (1.0, 0.0)


def test_it_agrees_with_the_slow_version() -> None:
    rng = np.random.default_rng(0)
    counts, labels = rng.integers(-2, 6, 500), rng.integers(0, 3, 500)
    assert count_baseline(counts, labels) == pytest.approx(slowly(counts.tolist(), labels.tolist()), abs=1e-12)


@pytest.mark.parametrize(("counts", "labels"), [(np.zeros(3), np.zeros(2)), (np.zeros(0), np.zeros(0))])
def test_no_sample_or_too_few_labels_are_refused(counts: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(WbsiteError, match="counts of shape"):
        count_baseline(counts, labels)
