"""Entropies of samples in cells: exact integer keys over all units, and one sort for cells and labels together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

BLOCK = 1 << 17
"""Values treated at a time, about a processor's second-level cache."""

EXACT = 1 << 53
"""Below it the whole numbers of a float64, and of a float32 of course, are taken to int64 without loss."""


def joined(units: Iterable[np.ndarray], classes: int) -> np.ndarray:
    """One key for every sample: two samples of a record have the same key exactly if they agree in every unit.

    The units' codes are the digits of a number of mixed radix, which float64 keeps exact. Where that would leave no
    room below 2⁵³ for the label, what came so far, or the unit, is replaced by its dense ranks within each record, of
    which there are at most N. No code is hashed, so no two cells ever fall together.

    Args:
        units: for each unit whole numbers (M, N), of an integer or a floating type.
        classes: number of labels, see `informations`.

    Returns:
        Whole numbers float64 (M, N), from 0, below 2⁵³ / 2^⌈log₂ classes⌉.
    """
    room = EXACT >> _label_bits(classes)
    keys, size = np.zeros((1, 1)), 1
    for codes in units:
        low, high = int(codes.min()), int(codes.max())
        if max(-low, high) >= EXACT or (high - low + 1) * codes.shape[1] > room:
            codes = ranks(codes)
            low, high = 0, int(codes.max())
        base = high - low + 1
        if size * base > room:
            keys = ranks(keys).astype(np.float64)
            size = int(keys.max()) + 1
        if size == 1:
            keys = codes.astype(np.float64)
        elif base > 1:
            keys *= base
            keys += codes
        if low and (size == 1 or base > 1):
            keys -= low
        size *= base
    return keys


def ranks(values: np.ndarray) -> np.ndarray:
    """(M, N) → int64 (M, N): how many different values of its record lie below each; equal values share a rank."""
    order = np.argsort(values, axis=1)
    ascending = np.take_along_axis(values, order, axis=1)
    steps = np.zeros(values.shape, np.int64)
    np.cumsum(ascending[:, 1:] != ascending[:, :-1], axis=1, out=steps[:, 1:])
    ranked = np.empty_like(steps)
    np.put_along_axis(ranked, order, steps, axis=1)
    return ranked


def informations(keys: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """H(T) and I(T;Y) in bits, T the cell of a sample and Y its label.

    With n the samples of a cell, of a label, or of both: H = log₂ N − Σ n log₂ n / N, and
    I(T;Y) = H(T) + H(Y) − H(T, Y). The label is put behind the key and each record sorted once, in the narrowest type
    that holds them; equal runs of the whole are the cells parted by label, equal runs without the label the cells.

    Args:
        keys: (M, N) from `joined`.
        labels: int64 (N,), from 0 to `classes` − 1.

    Returns:
        float64 (M, 2), exactly 0 for a single cell and a single label, exactly log₂ N where no two samples share a
        cell.
    """
    samples = keys.shape[1]
    label_bits, terms = _label_bits(classes), n_log_n(samples)
    largest = (int(keys.max()) + 1) << label_bits
    integer: type[np.integer] = np.uint16 if largest <= 1 << 16 else np.uint32 if largest <= 1 << 32 else np.int64
    ordered = np.bitwise_or(keys.astype(integer) << label_bits, labels.astype(integer), dtype=integer)
    ordered.sort(axis=1, kind="stable" if integer is np.uint16 else None)  # by radix where there are 16 bits
    first = np.ones(keys.shape, bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=first[:, 1:])
    starts = np.flatnonzero(first)
    both = _sums(starts, keys.shape, terms)
    cells = np.right_shift(ordered.ravel()[starts], label_bits)
    first = starts % samples == 0
    first[1:] |= cells[1:] != cells[:-1]
    cell_sums = _sums(starts[first], keys.shape, terms)
    spread = terms[samples] - terms[np.bincount(labels)].sum()
    bits = np.stack((terms[samples] - cell_sums, both - cell_sums + spread), axis=1) / samples
    return np.maximum(bits, 0.0)


@cache
def n_log_n(samples: int) -> np.ndarray:
    """n log₂ n for n from 0 to `samples`, float64 (samples + 1,)."""
    n = np.arange(samples + 1, dtype=np.float64)
    terms = n * np.log2(np.maximum(n, 1))
    terms.flags.writeable = False
    return terms


def _sums(starts: np.ndarray, shape: tuple[int, int], terms: np.ndarray) -> np.ndarray:
    """Where runs start in (M, N) raveled, each record with one → (M,): the sum of n log₂ n over a record's runs."""
    records, samples = shape
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1] = records * samples - starts[-1]
    return np.add.reduceat(terms[lengths], np.searchsorted(starts, np.arange(records) * samples))


def _label_bits(classes: int) -> int:
    return (classes - 1).bit_length()
