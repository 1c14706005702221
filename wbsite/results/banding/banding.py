"""Banding index of a layer, on its full weights and on its NMF pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, array, integer, number, table, text, value


class Index(Record):
    """R, C and H = R − C of a layer's kernels or pictures; None where they are not defined.

    Attributes:
        row_share: R, share of the spatial variance that row means explain, 0 to 1.
        column_share: C, share that column means explain, 0 to 1.
        index: H, −1 to 1; positive is horizontal.
        low, high: 95 % bootstrap interval of H over units; None where fewer than two different units vary over space.
        null_row_share, null_column_share, index_null: R, C and H of independent weights, on average.
        index_adjusted, adjusted_low, adjusted_high: H and its interval against that of independent weights, −1 to 1:
            the share of the way from there to pure bands; for square kernels H itself.
        axis_preference_p: of the sign-flip test that the layer prefers either axis.
        units: units of the layer.
        shaped: units whose kernels have a shape, so that they have an H.
        not_defined: why H is not, as "only the middle tap is non-zero"; "" where it is.
        verdict: "horizontal", "vertical", "intermediate", "none" or "undefined".
        article_verdict: "horizontal", "vertical", "none" or "undefined", by the article's threshold.
    """

    row_share: float | None
    column_share: float | None
    index: float | None
    low: float | None
    high: float | None
    null_row_share: float
    null_column_share: float
    index_null: float
    index_adjusted: float | None
    adjusted_low: float | None
    adjusted_high: float | None
    axis_preference_p: float | None
    units: int
    shaped: int
    not_defined: str
    verdict: str
    article_verdict: str


class Banding(
    Result,
    analysis="banding",
    summary="row share R, column share C and banding index H = R − C, with a bootstrap interval over units",
):
    """Banding of one layer: `weights` on its full weights, `nmf` on its NMF pictures where there are any."""

    index: float | None = value("H of the full weights", "−1 to 1")
    weights: Index = value("banding of the full weights")
    nmf: Index | None = value("banding of the NMF pictures", default=None)
    resamples: int = value("bootstrap resamples of an interval, and flips of a test")
    article_threshold: float = value("|H| of NMF pictures above which the article sees banding")
    article_layers: int = value("published layers that the threshold was chosen on")
    intermediate: tuple[float, float] = value("|H| between which a layer is called intermediate")
    weights_per_unit: NDArray[np.float64] = array(
        "unit", about="H of each unit's kernel, NaN without a shape", unit="−1 to 1"
    )
    nmf_per_unit: NDArray[np.float64] | None = array("unit", about="H of each unit's picture", default=None)
    norm: NDArray[np.float32] = array("unit", about="norm of each unit's kernel")
    rows: Table = table(
        source=text("weights or nmf"),
        units=integer("units of the layer"),
        row_share=number("R", "0 to 1", missing=True),
        column_share=number("C", "0 to 1", missing=True),
        index=number("H", "−1 to 1", missing=True),
        low=number("lower end of the 95 % interval of H", missing=True),
        high=number("upper end of the 95 % interval of H", missing=True),
        index_null=number("H of independent weights in kernels of this size, on average", "−1 to 1"),
        index_adjusted=number("H against it: 0 as of independent weights, ±1 for pure bands", "−1 to 1", missing=True),
        adjusted_low=number("lower end of its 95 % interval", missing=True),
        adjusted_high=number("upper end of its 95 % interval", missing=True),
        not_defined=text("why H is not defined; empty where it is"),
    )

    def source(self, source: str) -> Index | None:
        """The banding of "weights" or "nmf"."""
        return self.weights if source == "weights" else self.nmf

    def per_unit(self, source: str) -> NDArray[np.float64] | None:
        """H of each unit on "weights" or "nmf"."""
        return self.weights_per_unit if source == "weights" else self.nmf_per_unit


RESULTS = (Banding,)
