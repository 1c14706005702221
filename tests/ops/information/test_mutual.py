"""Mutual information by bins: published values, a slow version with numpy.unique, known answers, invariances."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbsite.ops.information import (
    EDGE,
    KDE,
    Binning,
    Estimator,
    FixedBins,
    QuantileBins,
    by_estimator,
    mutual_information,
    mutual_informations,
)
from wbsite.ops.information.discrete_entropy import joined, packed, ranks

BINNED = (Binning(0.3), FixedBins(8), QuantileBins(5))
ALL = (*BINNED, KDE(0.1), KDE(0.1, "lower"), EDGE())
CASES = ("tanh_4096x10", "tanh_sat_4096x5", "relu_4096x10", "dead_4096x3", "cls3_1000x5", "one_1000x1")


def slow(cells: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Entropies by numpy.unique over rows, as published code has them."""

    def entropy(rows: np.ndarray) -> float:
        share = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
        return float(-(share * np.log2(share)).sum())

    given_label = sum((labels == y).mean() * entropy(cells[labels == y]) for y in np.unique(labels))
    return entropy(cells), entropy(cells) - given_label


def layer(seed: int, units: int = 4, samples: int = 300, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A float32 tanh layer with some units saturated, and labels that depend on it."""
    rng = np.random.default_rng(seed)
    t = np.tanh(rng.normal(size=(samples, units)) * rng.choice([0.3, 1, 8], units)).astype(np.float32)
    return t, np.clip((t.sum(1) + rng.normal(size=samples)).round(), 0, classes - 1).astype(np.int64)


@pytest.mark.parametrize("case", CASES)
def test_every_published_case_comes_out(case: str, shared_data: Callable[[str], Path]) -> None:
    values = json.loads(shared_data("information-plane/golden_mi.json").read_text())["cases"][case]["values_bits"]
    arrays = np.load(shared_data("information-plane/golden_mi.npz"))
    t, labels = arrays[f"{case}__T"], arrays[f"{case}__y"]
    for name, expected in values.items():
        kind, *parameters = name.split("_")
        if kind == "kde":
            found = mutual_information(t, labels, KDE(float(parameters[1]), parameters[0]))
            assert found == pytest.approx(expected, rel=0, abs=1e-10), name
            continue
        # What the two conventions for values below the range differ in does not occur.
        estimator: Estimator = FixedBins(30) if kind == "fixed30" else Binning(float(parameters[0]))
        found = mutual_information(t.astype(np.float64) if kind == "floor64" else t, labels, estimator)
        assert found == pytest.approx(expected, rel=0, abs=1e-12), name
    assert len(values) == 12


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_bins_are_those_of_the_slow_version(kind: type) -> None:
    for seed in range(4):
        t, labels = layer(seed)
        t = (2 * t).astype(kind)
        widths = np.floor(t / kind(0.07))
        assert mutual_information(t, labels, Binning(0.07)) == pytest.approx(slow(widths, labels), abs=1e-12)
        edges = np.clip(np.digitize(t, np.linspace(-1, 1, 30)) - 1, 0, 29)
        assert mutual_information(t, labels, FixedBins(30)) == pytest.approx(slow(edges, labels), abs=1e-12)
        levels = np.unique(t)
        quantiles = np.searchsorted(levels, t) * 7 // len(levels)
        assert mutual_information(t, labels, QuantileBins(7)) == pytest.approx(slow(quantiles, labels), abs=1e-12)


def test_float32_and_float64_fall_apart_at_edges_as_the_division_does() -> None:
    t = np.array([[0.03], [0.035], [0.02]], np.float32)
    labels = np.array([0, 0, 1])
    assert mutual_information(t, labels, Binning(0.01))[0] == pytest.approx(
        slow(np.floor(t / np.float32(0.01)), labels)[0]
    )
    assert (
        mutual_information(t, labels, Binning(0.01))[0] != mutual_information(t.astype(float), labels, Binning(0.01))[0]
    )


@pytest.mark.parametrize("estimator", ALL, ids=lambda e: e.token)
def test_a_stack_is_its_records_and_torch_is_numpy(estimator: Estimator) -> None:
    records = [layer(seed) for seed in range(5)]
    labels = records[0][1]
    stack = np.stack([t for t, _ in records])
    found = mutual_informations(stack, labels, estimator)
    assert found.shape == (5, 2)
    assert found.dtype == np.float64
    for row, t in zip(found, stack, strict=True):
        assert tuple(row) == mutual_information(t, labels, estimator)
    turned = torch.from_numpy(stack).requires_grad_()
    assert np.array_equal(mutual_informations(turned, torch.from_numpy(labels), estimator), found)
    assert np.array_equal(mutual_informations(stack, labels * 7 - 100, estimator), found), "labels are only names"
    assert np.array_equal(by_estimator(stack, labels, ALL)[ALL.index(estimator)], found)


def test_many_records_are_taken_in_blocks() -> None:
    rng = np.random.default_rng(0)
    stack = np.tanh(rng.normal(size=(70, 500, 9)) * np.linspace(0.1, 9, 70)[:, None, None]).astype(np.float32)
    labels = rng.integers(0, 2, 500)
    found = mutual_informations(stack, labels, Binning(0.5))
    assert found == pytest.approx(np.array([slow(np.floor(t / np.float32(0.5)), labels) for t in stack]), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), units=st.integers(1, 8), samples=st.integers(1, 60), classes=st.integers(1, 5))
def test_information_is_bounded_and_blind_to_order(seed: int, units: int, samples: int, classes: int) -> None:
    t, labels = layer(seed, units, samples, classes)
    rng = np.random.default_rng(seed)
    order, columns = rng.permutation(samples), rng.permutation(units)
    label_entropy = slow(labels[:, None], labels)[0]
    for estimator in BINNED:
        i_xt, i_ty = mutual_information(t, labels, estimator)
        assert 0 <= i_ty <= min(label_entropy, i_xt) + 1e-12
        assert i_xt <= np.log2(samples) + 1e-12
        mixed = mutual_information(t[order][:, columns], labels[order], estimator)
        assert mixed == pytest.approx((i_xt, i_ty), abs=1e-12)


def test_known_answers() -> None:
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    first, second = bits[:, 0], bits[:, 1]
    t = bits[:, :2].astype(float)
    for estimator in (Binning(0.5), FixedBins(30), QuantileBins(2), KDE(1e-4), KDE(1e-4, "lower")):
        assert mutual_information(t, first ^ second, estimator) == pytest.approx((2, 1), abs=1e-9), "XOR of both"
        assert mutual_information(t[:, :1], first ^ second, estimator) == pytest.approx((1, 0), abs=1e-9), "of one"
        assert mutual_information(t, bits[:, 5], estimator) == pytest.approx((2, 0), abs=1e-9), "independent"
        assert mutual_information(t, first + 2 * second, estimator) == pytest.approx((2, 2), abs=1e-9), "the same"
    assert mutual_information(np.arange(64.0)[:, None], first, Binning(1)) == (6, 1), "the cap, exactly"


@pytest.mark.parametrize("estimator", ALL, ids=lambda e: e.token)
def test_one_sample_a_dead_layer_and_constant_labels_are_nothing(estimator: Estimator) -> None:
    t, _ = layer(0)
    assert mutual_information(t[:1], np.array([3]), estimator) == (0, 0)
    assert mutual_information(np.zeros((50, 3)), np.arange(50) % 2, estimator) == (0, 0)
    i_xt, i_ty = mutual_information(t, np.full(len(t), 4), estimator)
    assert i_xt > 1
    assert i_ty == 0
    assert not np.signbit(i_ty)


def test_wide_layers_of_unbounded_units_are_not_mixed_up() -> None:
    rng = np.random.default_rng(0)
    t = np.maximum(rng.normal(size=(400, 50)), 0) * 10 ** rng.uniform(0, 6, 50)
    t[200:] = t[:200]
    t[350:, 49] += 1
    labels = rng.integers(0, 3, 400)
    for kind in (np.float32, np.float64):
        given_as = t.astype(kind)
        cells = np.floor(given_as / kind(0.07))
        assert mutual_information(given_as, labels, Binning(0.07)) == pytest.approx(slow(cells, labels), abs=1e-12)
    huge = t * 1e200
    assert mutual_information(huge, labels, Binning(0.07)) == pytest.approx(slow(huge, labels), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), reach=st.sampled_from([2, 2**20, 2**45, 2**52, 2**62]), units=st.integers(1, 9))
def test_two_samples_share_a_key_exactly_if_they_agree_in_every_unit(seed: int, reach: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(rng.integers(-reach, reach, 3), (2, 12, units))
    keys = joined((codes[:, :, unit] for unit in range(units)), 5)
    assert keys.min() >= 0
    assert keys.max() < 2**60
    same = (codes[:, :, None] == codes[:, None]).all(-1)
    assert np.array_equal(keys[:, :, None] == keys[:, None], same)
    assert np.array_equal(ranks(codes[:, :, 0])[0], np.unique(codes[0, :, 0], return_inverse=True)[1])


@pytest.mark.parametrize("largest", [1, 7, 3000, 1 << 25])
def test_packed_units_part_samples_as_the_units_do(largest: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-largest, largest + 1, (3, 6, 50)).astype(np.float32)
    codes[:, :, 25:] = codes[:, :, :25]
    codes[:, 5, 40] += 1
    together = packed(codes)
    assert len(together) == {1: 1, 7: 1, 3000: 6, 1 << 25: 6}[largest]
    same = (codes[..., None] == codes[:, :, None]).all(1)
    keys = joined(together, 2)
    assert np.array_equal(keys[:, :, None] == keys[:, None], same)


@pytest.mark.parametrize(
    ("low", "high", "count"),
    [(-1, 1, 30), (0, 6, 30), (-0.3, 1e6, 17), (1e5, 1e5 + 1, 1000), (0.1, 0.3, 2), (-0.7, 1 / 3, 9)],
)
def test_fixed_bins_are_those_of_a_search_to_the_last_digit(low: float, high: float, count: int) -> None:
    edges, rng = np.linspace(low, high, count), np.random.default_rng(0)
    beside = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)]
    values = np.concatenate([rng.uniform(low - 1, high + 1, 2000), *beside, 1e30 * rng.normal(size=50)])
    for each in (values, values.astype(np.float32)):
        [found] = FixedBins(count, low, high).codes(each[None, None])
        np.testing.assert_array_equal(found[0], np.searchsorted(edges[1:], each, side="right"))


@pytest.mark.parametrize("count", [2, 7, 30, 300])
def test_quantile_bins_are_those_of_the_ranks(count: int) -> None:
    rng = np.random.default_rng(1)
    block = np.stack([rng.normal(size=(200, 3)), rng.integers(0, 5, (200, 3)), np.zeros((200, 3))])
    found = QuantileBins(count).codes(np.ascontiguousarray(block.swapaxes(1, 2))).swapaxes(1, 2)
    for record, codes in zip(block, found, strict=True):
        levels, rank = np.unique(record, return_inverse=True)
        np.testing.assert_array_equal(codes.ravel(), rank.ravel() * count // len(levels))
