"""Smoothness and sign balance of expanded weights two and more layers back, against shuffled kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value


class RangeSummary(Record):
    """One measure at one distance, over pairs of layers.

    Attributes:
        share, share_low, share_high: of units beyond the null, mean over pairs, with Student's 95 % interval; bounds
            are None where there are too few pairs.
        excess, excess_low, excess_high: what a unit has above its own mean under the null, likewise.
        median, null_median, scattered_median: of units and of both nulls, medians over pairs.
        pairs: of layers.
        units: of all pairs.
        above, below: pairs whose own interval of the excess lies above, or below, 0.
    """

    share: float
    share_low: float | None
    share_high: float | None
    excess: float
    excess_low: float | None
    excess_high: float | None
    median: float
    null_median: float
    scattered_median: float
    pairs: int
    units: int
    above: int
    below: int


class RangeSummaries(Record):
    """Summaries by distance: "2" and "3" spatial convolutions back, and "first" for the first layer; without those
    distances at which there are no pairs.

    Attributes:
        smoothness: of Moran's I of a unit's maps.
        balance: of excitation and inhibition within a map.
    """

    smoothness: dict[str, RangeSummary]
    balance: dict[str, RangeSummary]


class SkippedPair(Record):
    """A pair of layers that is left out, and why."""

    target: str
    source: str
    kind: str
    reason: str


class LongRange(Result, analysis="long_range"):
    """Smoothness of expanded weights, and balance of their signs, against two nulls.

    The `kind` of a pair of layers is how far back the source lies: "2", "3" or "first".
    """

    seed: int = value("of the units and nulls")
    draws: int = value("draws of the null, in which the positions of every kernel are permuted")
    scattered: int = value("draws of the other null, in which all weights of every convolution are permuted")
    units: int = value("units of a target that are looked at, at most")
    largest: int = value("positions along a side of a map, above which a pair is left out")
    level: float = value("quantile of the null that a unit has to pass", "0 to 1")
    spatial: int = value("spatial convolutions of the network")
    summary: RangeSummaries = value("over pairs of layers")
    wanted: dict[str, list[int]] = value("layer → channels that want a picture")
    skipped: list[SkippedPair] = value("pairs that are left out")
    maps: Mapping[str, NDArray[np.float32]] = arrays(
        "channel", "row", "column", about="of each example, by number: expanded weights from its strongest sources"
    )
    rows: Table = table(
        "one row a pair of layers and measure",
        target=text("layer whose units are measured"),
        source=text("map they are expanded to"),
        kind=text("2, 3 or first"),
        steps=integer("spatial convolutions between them"),
        rows=integer("rows of a map"),
        columns=integer("columns of a map"),
        measure=text("smoothness or balance"),
        units=integer("units of which it is defined"),
        share=number("of units above the 95th percentile of the null", "0 to 1"),
        share_low=number("Wilson's 95 % interval, lower end"),
        share_high=number("Wilson's 95 % interval, upper end"),
        low=number("lower quartile of the units"),
        median=number("median of the units"),
        high=number("upper quartile of the units"),
        null_low=number("5th percentile of the null"),
        null_median=number("median of the null"),
        null_limit=number("95th percentile of the null"),
        null_draws_low=number("smallest median of one draw"),
        null_draws_high=number("largest median of one draw"),
        scattered_median=number("median of the other null"),
        excess=number("mean of what a unit has above its own mean under the null"),
        excess_low=number("Student's 95 % interval over units, lower end", missing=True),
        excess_high=number("Student's 95 % interval over units, upper end", missing=True),
    )
    per_unit: Table = table(
        "one row a unit, source and measure",
        target=text("the unit's layer"),
        source=text("map it is expanded to"),
        kind=text("2, 3 or first"),
        steps=integer("spatial convolutions between them"),
        rows=integer("rows of a map"),
        columns=integer("columns of a map"),
        unit=integer("channel of the target, from 0"),
        measure=text("smoothness or balance"),
        value=number("what was measured", missing=True),
        null=number("its mean with kernels shuffled", missing=True),
        scattered=number("its mean with all weights shuffled", missing=True),
    )
    examples: Table = table(
        "one row a map drawn",
        example=integer("number of the example, as of `maps`"),
        kind=text("2, 3 or first"),
        target=text("the unit's layer"),
        unit=integer("channel of the target, from 0"),
        which=text("quantile of smoothness that the unit is nearest to"),
        unit_smoothness=number("smoothness of the unit"),
        source=text("map it is expanded to"),
        rank=integer("0 for the map with the largest norm"),
        layer=text("the layer that the map's channel is a unit of; empty where several write to it"),
        channel=integer("its channel there; of the source where several write to it"),
        smoothness=number("Moran's I of the map", missing=True),
        norm=number("of the map over space"),
        rows=integer("rows of the map"),
        columns=integer("columns of the map"),
    )


RESULTS = (LongRange,)
