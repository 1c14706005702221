"""Mutual information of binned activations: bins of one width, a fixed number over a range, and bins by quantiles.

A trained network is a function, so with inputs that all differ its layer T knows X as well as T tells samples apart:
what these estimators give as I(X;T) is the entropy H(T) of the cell that a sample falls into, at most log₂ N for N
samples, and it depends on the bins as much as on the network. I(T;Y) = H(T) − Σ p(y) H(T|y) of the same cells.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wbsite.core.errors import WbsiteError

from .discrete_entropy import BLOCK, informations, joined

if TYPE_CHECKING:
    import torch


class _Binned(ABC):
    """What estimators by bins share: records in blocks, and the cells of a block from the codes of its units."""

    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """(M, N, units), (N,) from 0 → float64 (M, 2) bits; binning is done in memory whatever the device."""
        classes = int(labels.max()) + 1
        together = max(1, BLOCK // (stack.shape[1] * stack.shape[2]))
        blocks = (stack[start : start + together] for start in range(0, len(stack), together))
        found = [informations(joined(self.codes(block), classes), labels, classes) for block in blocks]
        return np.concatenate(found)

    @abstractmethod
    def codes(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """(M, N, units) → for each unit the numbers (M, N) of the bins."""


@dataclass(frozen=True)
class Binning(_Binned):
    """Bins of one width: ⌊t / width⌋ of every unit (Saxe et al. 2018, their bins being 0.07 or 0.5 wide).

    The division is done in the type of the activations, as the published code does: of float32 activations it is
    rounded to float32, and a value that lies on an edge can fall one bin beside that of the same value in float64.

    Raises:
        WbsiteError: a width that is not above 0 and finite; or so small that a quotient overflows.
    """

    width: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise WbsiteError(f"bins are {self.width} wide.", "Give a width above 0, in units of the activation.")

    @property
    def token(self) -> str:
        return f"binning:{self.width:.15g}"

    @property
    def title(self) -> str:
        return f"bins {self.width:.15g} wide"

    def codes(self, block: np.ndarray) -> Iterator[np.ndarray]:
        width = block.dtype.type(self.width)
        largest = max(-float(block.min()), float(block.max()))
        with np.errstate(all="ignore"):
            if not np.isfinite(block.dtype.type(largest) / width):
                raise WbsiteError(
                    f"activations reach {largest:.3g}, too many bins of {self.width:.3g} for {block.dtype}.",
                    "Give wider bins, or activations in float64.",
                )
        for unit in range(block.shape[2]):
            codes = block[:, :, unit] / width
            yield np.floor(codes, out=codes)


@dataclass(frozen=True)
class FixedBins(_Binned):
    """A fixed number of bins over a range (Shwartz-Ziv and Tishby 2017: 30 over −1 to 1).

    As there, `count` edges are spaced equally from `low` to `high`, both included, and a value belongs to the last
    edge not above it. The last bin therefore holds what is `high` or above (a tanh that is saturated to 1), and the
    others are (high − low) / (count − 1) wide. What lies below `low` belongs to the first bin; in the published code
    it falls in with the last one, which no tanh notices. Compared in float64.

    Raises:
        WbsiteError: fewer than 2 or more than a million bins; a range that is empty or not finite.
    """

    count: int
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_count(self.count)
        if not (math.isfinite(self.high - self.low) and self.low < self.high):
            raise WbsiteError(f"bins range from {self.low} to {self.high}.", "Give an end above the start.")

    @property
    def token(self) -> str:
        if (self.low, self.high) == (-1, 1):
            return f"fixed:{self.count}"
        return f"fixed:{self.count}:{self.low:.15g}:{self.high:.15g}"

    @property
    def title(self) -> str:
        return f"{self.count} bins over {self.low:.15g} to {self.high:.15g}".replace("-", "−")

    def codes(self, block: np.ndarray) -> Iterator[np.ndarray]:
        edges = np.append(np.linspace(self.low, self.high, self.count), np.inf)
        edges[0] = -np.inf
        step = (self.high - self.low) / (self.count - 1)
        for unit in range(block.shape[2]):
            values = block[:, :, unit]
            # By division, and mended where rounding put a value beside an edge: a search takes several times as long.
            code = np.clip((values - self.low) / step, 0, self.count - 1).astype(np.int64)
            code -= values < edges[code]
            code += values >= edges[code + 1]
            yield code


@dataclass(frozen=True)
class QuantileBins(_Binned):
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
        _check_count(self.count)

    @property
    def token(self) -> str:
        return f"quantile:{self.count}"

    @property
    def title(self) -> str:
        return f"{self.count} quantile bins"

    def codes(self, block: np.ndarray) -> Iterator[np.ndarray]:
        codes = np.empty(block.shape, np.int64)
        for record, found in zip(block, codes, strict=True):
            levels = np.unique(record)
            # The lowest rank in each bin but the first; none where there are fewer values than bins.
            lowest = -(-np.arange(1, self.count) * len(levels) // self.count)
            found[:] = _reached(levels[lowest[lowest < len(levels)]], record)
        for unit in range(block.shape[2]):
            yield codes[:, :, unit]


def _reached(bounds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the rising bounds lie at or below each value."""
    if len(bounds) > 255:
        return np.searchsorted(bounds, values, side="right")
    found = np.zeros(values.shape, np.uint8)  # a few comparisons of everything are faster than many searches
    for bound in bounds:
        found += values >= bound
    return found


def _check_count(count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 2 <= count <= 1_000_000:
        raise WbsiteError(f"the number of bins is {count}.", "Give a whole number from 2 to 1000000.")
