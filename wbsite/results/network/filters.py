"""Kernels that read the picture itself, as small pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, array, value


class Filters(Result, analysis="filters", summary="kernels of the first layer as small pictures"):
    """A first layer's kernels: zero weight is mid grey, each unit is scaled to its own largest weight."""

    channels: int = value("of the input: 3, or 1 for grey")
    pictures: NDArray[np.float32] = array("unit", "row", "column", "colour", about="kernels", unit="0 to 1")
    order: NDArray[np.int64] = array("unit", about="units with similar kernels next to each other")


RESULTS = (Filters,)
