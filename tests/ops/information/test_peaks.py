"""Peaks are counted where they were made; equal distances are told from random ones, at the rate that p says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wbsite.ops.information.peaks import BINS, peaks, spacing


@pytest.mark.parametrize("count", [2, 5, 9, 13])
def test_equally_spaced_peaks_are_counted_and_found_equal(count: int) -> None:
    rng = np.random.default_rng(count)
    values = np.repeat(np.linspace(-1, 1, count), 300) + rng.normal(0, 0.01, 300 * count)
    found = peaks(values)
    assert len(found.positions) == count
    assert found.centres[found.positions] == pytest.approx(np.linspace(-1, 1, count), abs=0.04)
    assert np.unique(np.searchsorted(found.borders, values), return_counts=True)[1].tolist() == [300] * count
    if count >= 5:
        variation, p = spacing(found.positions)
        assert variation < 0.15
        assert p <= 0.05


def test_spread_without_peaks_and_values_without_spread() -> None:
    assert len(peaks(np.random.default_rng(0).normal(size=20_000)).positions) == 1
    constant = peaks(np.full(50, 0.3, np.float32))
    assert len(constant.positions) == 1
    assert constant.heights.sum() == pytest.approx(1, abs=1e-6)
    nothing = peaks(np.zeros(0))
    assert len(nothing.positions) == len(nothing.centres) == 0
    assert all(map(math.isnan, spacing(nothing.positions)))


def test_a_small_bump_is_no_peak() -> None:
    values = np.concatenate([np.full(1000, 0.0), np.full(1000, 1.0), np.full(30, 0.5)])
    assert len(peaks(values).positions) == 2


def test_random_peaks_are_called_equal_as_often_as_p_says() -> None:
    rng = np.random.default_rng(5)
    found: list[float] = []
    while len(found) < 400:
        places = np.sort(np.concatenate([[0, BINS - 1], rng.uniform(0, BINS - 1, 3)]))
        if np.diff(places).min() >= 3:
            found.append(spacing(places)[1])
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.025)
    assert math.isnan(spacing(np.array([0, 3, 6]))[1]), "there is no room to move"
