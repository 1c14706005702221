"""Entropies of samples in cells: exact integer keys over all units, and one sort for cells and labels together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

BLOCK = 1 << 17
"""Values treated at a time, about a processor's second-level cache."""

EXACT = 1 << 53
"""Below it the whole numbers of a float64, and of a float32 of course, are taken to int64 without loss."""


def joined(units: Iterable[np.ndarray], classes: int) -> np.ndarray:
    """One key for every sample: two samples of a record have the same key exactly if they agree in every unit.

    The units' codes are the digits of a number of mixed radix. Where that would leave no room below 2⁶³ for the
    label, what came so far, or the unit, is replaced by its dense ranks within each record, of which there are at most
    N. No code is hashed, so no two cells ever fall together.

    Args:
        units: for each unit whole numbers (M, N), of an integer or a floating type.
        classes: number of labels, see `informations`.

    Returns:
        int64 (M, N), from 0, below 2⁶³ / 2^⌈log₂ classes⌉.
    """
    room = 1 << (63 - _label_bits(classes))
    keys, size = np.zeros((1, 1), np.int64), 1
    for codes in units:
        low, high = int(codes.min()), int(codes.max())
        if max(-low, high) < EXACT and (high - low + 1) * codes.shape[1] <= room:
            digits, base = codes.astype(np.int64), high - low + 1
            digits -= low
        else:
            digits = ranks(codes)
            base = int(digits.max()) + 1
        if size * base > room:
            keys = ranks(keys)
            size = int(keys.max()) + 1
        digits += keys * base
        keys, size = digits, size * base
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
    I(T;Y) = H(T) + H(Y) − H(T, Y). The label is put behind the key and each record sorted once; equal runs of the
    whole are the cells parted by label, equal runs without the label the cells.

    Args:
        keys: int64 (M, N) from `joined`; they are overwritten.
        labels: int64 (N,), from 0 to `classes` − 1.

    Returns:
        float64 (M, 2), exactly 0 for a single cell and a single label, exactly log₂ N where no two samples share a
        cell.
    """
    samples = keys.shape[1]
    bits = _label_bits(classes)
    terms = n_log_n(samples)
    keys <<= bits
    keys |= labels
    keys.sort(axis=1)
    both = _sums(keys, terms)
    keys >>= bits
    cells = _sums(keys, terms)
    spread = terms[samples] - terms[np.bincount(labels)].sum()
    bits = np.stack((terms[samples] - cells, both - cells + spread), axis=1) / samples
    return np.maximum(bits, 0.0)


def n_log_n(samples: int) -> np.ndarray:
    """n log₂ n for n from 0 to `samples`, float64 (samples + 1,)."""
    n = np.arange(samples + 1, dtype=np.float64)
    return n * np.log2(np.maximum(n, 1))


def _sums(keys: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """(M, N) sorted → (M,): the sum of n log₂ n over the runs of equal keys of each record."""
    records, samples = keys.shape
    first = np.ones(keys.shape, bool)
    np.not_equal(keys[:, 1:], keys[:, :-1], out=first[:, 1:])
    starts = np.flatnonzero(first)
    runs = terms[np.diff(starts, append=keys.size)]
    return np.add.reduceat(runs, np.searchsorted(starts, np.arange(records) * samples))


def _label_bits(classes: int) -> int:
    return (classes - 1).bit_length()
