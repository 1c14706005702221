"""The long tail: how well convolutions are reproduced on photographs from the few strongest inputs of every unit."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, boolean, integer, number, table, text, value
from wbsite.results.photographs import PhotographSet

from .cancellation import SkippedLayer


class TailSummary(Record):
    """What the median unit needs, over layers with more than `few` inputs.

    Attributes:
        layers: how many these are.
        inputs: that the median unit of the median layer needs for R² ≥ `level`.
        share, share_low, share_high: of its inputs that the median unit needs, median and range over layers, 0 to 1.
        few: inputs that a reader may look at.
        few_r2, few_low, few_high: R² of the median unit with so many, median and range over layers.
    """

    layers: int
    inputs: float
    share: float
    share_low: float
    share_high: float
    few: int
    few_r2: float
    few_low: float
    few_high: float


class LongTail(Result, analysis="long_tail"):
    """R² of every unit by the number of inputs kept, in three orders: "norm", "contribution" and "random"."""

    positions: int = value("positions that are sampled of each photograph, at most")
    seed: int = value("of positions and of the random order")
    level: float = value("R² at which a unit counts as reproduced")
    photographs: PhotographSet = value("the photographs")
    photographs_used: int = value("photographs that were sampled")
    layers: int = value("convolutions that were measured")
    skipped: list[SkippedLayer] = value("convolutions that are left out")
    summary: dict[str, TailSummary] = value("by order; empty where no convolution has more than a few inputs")
    rows: Table = table(
        "one row a convolution, order and number of inputs kept; quartiles are over units",
        layer=text("the convolution"),
        depth=integer("its place in execution order, from 0"),
        kernel=text("size of the kernel, as 3×3"),
        inputs=integer("inputs of a unit"),
        samples=integer("positions that were sampled"),
        order=text("norm, contribution or random"),
        kept=integer("inputs kept"),
        share=number("of the inputs", "0 to 1"),
        low=number("R² before the rectifier, lower quartile", missing=True),
        median=number("R² before the rectifier, median", missing=True),
        high=number("R² before the rectifier, upper quartile", missing=True),
        after_low=number("R² after the rectifier, lower quartile", missing=True),
        after_median=number("R² after the rectifier, median", missing=True),
        after_high=number("R² after the rectifier, upper quartile", missing=True),
    )
    per_layer: Table = table(
        "one row a convolution: inputs needed for R² ≥ `level` by order; quartiles are over units",
        layer=text("the convolution"),
        depth=integer("its place in execution order, from 0"),
        kernel=text("size of the kernel, as 3×3"),
        inputs=integer("inputs of a unit"),
        samples=integer("positions that were sampled"),
        units=integer("its units"),
        live=integer("units whose pre-activation changes"),
        rectified=boolean("whether a rectifier follows"),
        norm_low=number("by norm, lower quartile", missing=True),
        norm_inputs=number("by norm, median", missing=True),
        norm_high=number("by norm, upper quartile", missing=True),
        norm_share=number("median as a share of the inputs", "0 to 1", missing=True),
        contribution_low=number("by expected contribution, lower quartile", missing=True),
        contribution_inputs=number("by expected contribution, median", missing=True),
        contribution_high=number("by expected contribution, upper quartile", missing=True),
        contribution_share=number("median as a share of the inputs", "0 to 1", missing=True),
        random_low=number("at random, lower quartile", missing=True),
        random_inputs=number("at random, median", missing=True),
        random_high=number("at random, upper quartile", missing=True),
        random_share=number("median as a share of the inputs", "0 to 1", missing=True),
    )


RESULTS = (LongTail,)
