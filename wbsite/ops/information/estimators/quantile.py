"""Bins that hold equally many of a layer's different activations."""

from __future__ import annotations

from collections.abc import Iterator
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

    def codes(self, block: np.ndarray) -> Iterator[np.ndarray]:
        codes = np.empty(block.shape, np.int32)
        for number in range(block.shape[1]):
            record, bins = block[:, number], codes[:, number]
            levels = np.unique(record)
            # The lowest rank in each bin but the first; none where there are fewer values than bins.
            lowest = -(-np.arange(1, self.count) * len(levels) // self.count)
            bins[:] = _reached(levels[lowest[lowest < len(levels)]], record)
        yield from codes


def _reached(bounds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the rising bounds lie at or below each value."""
    if len(bounds) > 255:
        return np.searchsorted(bounds, values, side="right")
    reached, here = np.zeros(values.shape, np.uint8), np.empty(values.shape, bool)
    for bound in bounds:  # a few comparisons of everything are faster than many searches
        np.greater_equal(values, bound, out=here)
        reached += here.view(np.uint8)
    return reached


ESTIMATORS = (Token("quantile", QuantileBins, (int,), example="quantile:30"),)
