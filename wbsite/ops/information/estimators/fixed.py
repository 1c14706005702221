"""A fixed number of bins over a range."""

from __future__ import annotations

import math
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

    def codes(self, block: np.ndarray) -> np.ndarray:
        kind, edges = block.dtype.type, np.linspace(self.low, self.high, self.count)
        step = (self.high - self.low) / (self.count - 1)
        top = kind(self.high)
        if float(top) < self.high:  # the least number of the type that is not below it
            top = np.nextafter(top, kind(np.inf))
        # Of the difference, the quotient and the numbers rounded before, in bins. What is nearer to an edge is
        # searched, but at the ends of the range, where many activations can lie: nothing is beyond these.
        error = 8 * float(np.finfo(kind).eps) * (self.count + max(abs(self.low), abs(self.high)) / step)
        place = block - kind(self.low)
        place *= 1 / kind(step)
        np.clip(place, 0.5, self.count - 1.5, out=place)
        codes = np.floor(place)
        place -= codes
        place -= kind(0.5)
        near = np.flatnonzero(np.abs(place, out=place) >= 0.5 - error)
        if len(near):
            inner = block.ravel()[near].astype(np.float64)
            codes.ravel()[near] = np.searchsorted(edges[1:-1], inner, side="right")
        codes += block >= top
        return codes


ESTIMATORS = (Token("fixed", FixedBins, (int, float, float), required=1, example="fixed:30 or fixed:30:0:6"),)
