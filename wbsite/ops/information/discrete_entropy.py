"""Entropies of samples in cells: exact integer keys over all units, and one sort for cells and labels together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

BLOCK = 1 << 17
"""Values treated at a time, about a processor's second-level cache."""

PACKED = 1 << 24
"""Below it the whole numbers of a float32 have no gaps."""

EXACT = 1 << 53
"""Below it the whole numbers of a float64, and of a float32 of course, are taken to int64 without loss."""


def packed(codes: np.ndarray) -> list[np.ndarray]:
    """Bins of several units as few numbers each: two samples agree in these exactly if they agree in every unit.

    Neighbouring units become the digits of one whole number while float32 holds it exactly; one matrix product makes
    all of these numbers. A unit whose bins are too many stays as it is.

    Args:
        codes: whole numbers (M, units, N), floating.

    Returns:
        (M, N) each.
    """
    lows, highs = (ends.tolist() for ends in (codes.min(2).min(0), codes.max(2).max(0)))
    groups: list[dict[int, int]] = []  # unit → what its digit is worth
    size, reach = 0, PACKED
    for unit, (low, high) in enumerate(zip(lows, highs, strict=True)):
        furthest = max(-low, high)
        if reach + size * furthest >= PACKED:
            groups.append({})
            size, reach = 1, 0
        groups[-1][unit] = size
        reach += size * furthest
        size = size * int(high - low + 1) if reach < PACKED else PACKED
    if len(groups) == len(lows):
        return [codes[:, unit] for unit in range(len(lows))]
    worth = np.zeros((len(groups), len(lows)), codes.dtype)
    for group, digits in zip(worth, groups, strict=True):
        group[list(digits)] = list(digits.values())
    return list((worth @ codes).swapaxes(0, 1))


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
    I(T;Y) = H(T) + H(Y) − H(T, Y). The label is put behind the key. Where there are no more such numbers than samples,
    they are counted; otherwise each record is sorted once, in the narrowest type that holds them: equal runs of the
    whole are the cells parted by label, equal runs without the label the cells.

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
    counted = largest <= samples
    integer: type[np.integer] = (
        np.intp if counted else np.uint16 if largest <= 1 << 16 else np.uint32 if largest <= 1 << 32 else np.int64
    )
    numbers = keys.astype(integer)
    numbers <<= integer(label_bits)
    numbers |= labels.astype(integer)
    cells, both = (_counted if counted else _sorted)(numbers, label_bits, terms)
    spread = terms[samples] - terms[np.bincount(labels)].sum()
    bits = np.stack((terms[samples] - cells, both - cells + spread), axis=1) / samples
    return np.maximum(bits, 0.0)


def _counted(numbers: np.ndarray, label_bits: int, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ n log₂ n over the cells of each record, and over its cells parted by label, (M,) each."""
    records = len(numbers)
    size = int(numbers.max() >> label_bits) + 1 << label_bits
    numbers += np.arange(records)[:, None] * size
    parted = np.bincount(numbers.ravel(), minlength=records * size).reshape(records, size)
    cells = parted.reshape(records, -1, 1 << label_bits).sum(2)
    return terms[cells].sum(1), terms[parted].sum(1)


def _sorted(numbers: np.ndarray, label_bits: int, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of numbers that are many; they are sorted in place."""
    records, samples = numbers.shape
    numbers.sort(axis=1, kind="stable" if numbers.dtype == np.uint16 else None)  # by radix where there are 16 bits
    first = np.ones(numbers.shape, bool)
    np.not_equal(numbers[:, 1:], numbers[:, :-1], out=first[:, 1:])
    starts = np.flatnonzero(first)
    begins = np.searchsorted(starts, np.arange(records) * samples)
    cells = numbers.ravel().take(starts) >> numbers.dtype.type(label_bits)
    another = np.ones(len(cells), bool)
    np.not_equal(cells[1:], cells[:-1], out=another[1:])
    another[begins] = True
    of_cells = np.flatnonzero(another)
    cell_sums = _sums(starts.take(of_cells), np.searchsorted(of_cells, begins), numbers.size, terms)
    return cell_sums, _sums(starts, begins, numbers.size, terms)


@cache
def n_log_n(samples: int) -> np.ndarray:
    """n log₂ n for n from 0 to `samples`, float64 (samples + 1,)."""
    n = np.arange(samples + 1, dtype=np.float64)
    terms = n * np.log2(np.maximum(n, 1))
    terms.flags.writeable = False
    return terms


def _sums(starts: np.ndarray, begins: np.ndarray, size: int, terms: np.ndarray) -> np.ndarray:
    """The sum of n log₂ n over the runs of each record, (M,).

    Args:
        starts: where runs start in all records put one behind another, `size` numbers in all.
        begins: (M,), which of them are the first of a record.
    """
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1] = size - starts[-1]
    return np.add.reduceat(terms.take(lengths), begins)


def _label_bits(classes: int) -> int:
    return (classes - 1).bit_length()
