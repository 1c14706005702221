"""Bins of one width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wbsite.core.errors import WbsiteError

from ._binned import Binned
from .base import Token


@dataclass(frozen=True)
class Binning(Binned):
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

    def codes(self, block: np.ndarray) -> np.ndarray:
        width = block.dtype.type(self.width)
        largest = max(-float(block.min()), float(block.max()))
        with np.errstate(all="ignore"):
            if not np.isfinite(block.dtype.type(largest) / width):
                raise WbsiteError(
                    f"activations reach {largest:.3g}, too many bins of {self.width:.3g} for {block.dtype}.",
                    "Give wider bins, or activations in float64.",
                )
        codes = block / width
        return np.floor(codes, out=codes)


ESTIMATORS = (Token("binning", Binning, (float,), example="binning:0.07"),)
