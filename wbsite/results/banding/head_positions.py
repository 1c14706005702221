"""How the weights of a fully connected layer that reads a map vary by vertical and horizontal position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, Table, array, integer, number, table, value


class HeadPositions(
    Result,
    analysis="head_positions",
    summary="share of a fully connected layer's weight variance by vertical and by horizontal position",
):
    """Shares of the variance of one layer's weights over the positions of the map that it reads. Shares are None where
    the weights do not vary over positions."""

    row_share: float | None = value("R, share that vertical position explains", "0 to 1")
    column_share: float | None = value("C, share that horizontal position explains", "0 to 1")
    index: float | None = value("H = R − C", "−1 to 1")
    low: float | None = value("lower end of the 95 % bootstrap interval of H over output units")
    high: float | None = value("upper end of it")
    null_row_share: float = value("R of independent weights, on average", "0 to 1")
    null_column_share: float = value("C of independent weights, on average", "0 to 1")
    axis_preference_p: float | None = value("of the sign-flip test that the layer prefers either axis", "0 to 1")
    units: int = value("output units")
    channels: int = value("of the map")
    height: int = value("of the map, in positions")
    width: int = value("of the map, in positions")
    positions: int = value("height × width")
    resamples: int = value("bootstrap resamples, and flips of the test")
    energy: NDArray[np.float64] = array(
        "row", "column", about="mean squared weight over outputs and channels, each map centred over positions"
    )
    by_y: NDArray[np.float64] = array("row", about="its means over columns")
    by_x: NDArray[np.float64] = array("column", about="its means over rows")
    rows: Table = table(
        units=integer("output units"),
        channels=integer("of the map"),
        height=integer("of the map"),
        width=integer("of the map"),
        row_share=number("R", "0 to 1", missing=True),
        column_share=number("C", "0 to 1", missing=True),
        index=number("H", "−1 to 1", missing=True),
        low=number("lower end of the 95 % interval of H", missing=True),
        high=number("upper end of it", missing=True),
    )


RESULTS = (HeadPositions,)
