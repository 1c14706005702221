"""Bins that hold equally many of a layer's different activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._binned import Binned, check_count
from .base import Token


@dataclass(frozen=True)
class QuantileBins(Binned):
    """Bins that hold equally many of the different values of a layer: entropy-based adaptive binning.

    The m different activations of all units and samples of a record are ranked from 0, and the value of rank r
    belongs to bin ⌊r · count / m⌋; a value never falls into two bins (Chelombiev, Houghton and O'Donnell 2019). The
    boundaries follow the layer from record to record, so that the measure does not depend on the scale of unbounded
    activations; a change in it can come from the boundaries as well as from the layer. The published code also gives
    the lower limit of the activation function, such as the 0 of a relu, a bin of its own; here the function is unknown.

    Raises:
        WbsiteError: fewer than 2 or more than a million bins.
    """

    count: int

    def __post_init__(self) -> None:
        check_count(self.count)

    @property
    def token(self) -> str:
        return f"quantile:{self.count}"

    @property
    def title(self) -> str:
        return f"{self.count} quantile bins"

    def codes(self, block: np.ndarray) -> np.ndarray:
        ascending = block.reshape(len(block), -1).copy()
        ascending.sort(axis=1)
        # The lowest value of each bin but the first; infinity where there are fewer values than bins.
        bounds = np.full((len(block), self.count - 1), np.inf, block.dtype)
        for values, lowest in zip(ascending, bounds, strict=True):
            first = np.flatnonzero(values[1:] != values[:-1]) + 1  # of each value but the smallest
            ranks = -(-np.arange(1, self.count) * (len(first) + 1) // self.count)
            ranks = ranks[ranks <= len(first)]
            lowest[: len(ranks)] = values[first[ranks - 1]]
        return _reached(bounds, block)


def _reached(bounds: np.ndarray, block: np.ndarray) -> np.ndarray:
    """How many of a record's rising bounds (M, bounds) lie at or below each of its values (M, units, N)."""
    if bounds.shape[1] > 255:
        searched = [np.searchsorted(each, values, side="right") for each, values in zip(bounds, block, strict=True)]
        return np.stack(searched).astype(block.dtype)
    reached, here = np.zeros(block.shape, np.uint8), np.empty(block.shape, bool)
    for bound in bounds.T:  # a few comparisons of everything are faster than many searches
        np.greater_equal(block, bound[:, None, None], out=here)
        reached += here.view(np.uint8)
    return reached.astype(block.dtype)


ESTIMATORS = (Token("quantile", QuantileBins, (int,), example="quantile:30"),)
