"""A fixed number of bins over a range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wbsite.core.errors import WbsiteError

from ._binned import Binned, check_count
from .base import Token


@dataclass(frozen=True)
class FixedBins(Binned):
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
        check_count(self.count)
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


ESTIMATORS = (Token("fixed", FixedBins, (int, float, float), required=1, example="fixed:30 or fixed:30:0:6"),)
