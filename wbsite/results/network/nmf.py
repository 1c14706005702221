"""One-sided NMF of a spatial layer: pictures of its units, and how much they leave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, Table, array, integer, number, table, text, value


class Nmf(
    Result,
    analysis="nmf",
    summary="one-sided non-negative factors of every unit's kernel, and the reconstruction error by components",
):
    """Pictures of a layer's units, factorised one by one (`per_unit`) and with one set of factors (`joint`)."""

    error: float | None = value("relative Frobenius error per unit, mean over units; None where all are dead", "0 to 1")
    joint_error: float | None = value("the same with joint factors", "0 to 1")
    components: int = value("factors of a picture")
    per_unit: NDArray[np.float32] = array("unit", "row", "column", "factor", about="pictures", unit="0 to 1")
    joint: NDArray[np.float32] = array("unit", "row", "column", "factor", about="with joint factors", unit="0 to 1")
    per_unit_error: NDArray[np.float32] = array(
        "unit", about="relative Frobenius error of a unit's picture; NaN for a dead unit"
    )
    joint_error_per_unit: NDArray[np.float32] = array("unit", about="the same with joint factors")
    order: NDArray[np.int64] = array("unit", about="units with similar pictures next to each other")
    rows: Table = table(
        mode=text("per-unit or joint"),
        components=integer("factors, 1 to 6"),
        units=integer("units that were factorised, those without weights aside"),
        error=number("relative Frobenius error, mean over units", "0 to 1", missing=True),
        low=number("tenth percentile over units", "0 to 1", missing=True),
        high=number("ninetieth percentile over units", "0 to 1", missing=True),
    )


RESULTS = (Nmf,)
