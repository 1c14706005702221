"""Cancelling paths: units whose expanded weights hide what they read, compared with chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, boolean, integer, number, table, text, value


class UnitScore(Record):
    """A unit, the two wide maps before it, and how much of its strongest paths its expanded weights hide.

    Attributes:
        layer, unit: the unit; a channel of the layer, from 0.
        source: name of the wide map two steps back.
        between: name of the wide map on the way.
        hidden: share of the squared size of the strongest paths that is not in the expanded weights, 0 to 1.
        p_signs, p_shuffle: how often a unit of the null hides as much.
        q_signs, q_shuffle: false discovery rate within the layer if it and the units that hide more are called found.
    """

    layer: str
    unit: int
    source: str
    between: str
    hidden: float
    p_signs: float
    p_shuffle: float
    q_signs: float
    q_shuffle: float


class SkippedLayer(Record):
    """A layer that is left out, and why."""

    layer: str
    reason: str


class Cancellation(Result, analysis="cancellation"):
    """How far the paths between every spatial convolution and the wide map two steps back cancel.

    Examples are the units that figures show, those least likely by chance first; their arrays are numbered "0", "1", ….
    """

    strongest: int = value("sources of a unit that are looked at, those with the largest paths")
    null_units: int = value("units of a layer under each null, at least, where draws allow")
    draws: int = value("draws of each null, at most")
    seed: int = value("of the nulls")
    largest: int = value("expanded weights of a layer, above which it is left out")
    level: float = value("false discovery rate within a layer up to which a unit counts", "0 to 1")
    layers: int = value("layers that were looked at")
    units: int = value("units of these layers")
    beyond_shuffle: int = value("units that hide more than shuffled kernels do, at `level`")
    beyond_signs: int = value("those of them that hide more than random signs do as well")
    examples: list[UnitScore] = value("units to show, least likely by chance first")
    wanted: dict[str, list[int]] = value("layer → channels that want a picture")
    skipped: list[SkippedLayer] = value("layers that are left out")
    positive: Mapping[str, NDArray[np.float32]] = arrays(
        "source",
        "row",
        "column",
        about="of an example and its most hidden sources: positive part over the units between",
    )
    negative: Mapping[str, NDArray[np.float32]] = arrays("source", "row", "column", about="the negative part")
    net: Mapping[str, NDArray[np.float32]] = arrays("source", "row", "column", about="the sum, expanded weights")
    contributions: Mapping[str, NDArray[np.float32]] = arrays(
        "source", "between", "row", "column", about="C_m through the units between with the largest ones"
    )
    rows: Table = table(
        "one row a unit and strong source",
        layer=text("the unit's layer"),
        unit=integer("channel of the layer, from 0"),
        source=text("the wide map two steps back"),
        channel=integer("channel of that map"),
        source_layer=text("the layer this channel is a unit of; empty where several write to it"),
        source_unit=integer("its channel there"),
        rank=integer("1 for the source with the largest paths"),
        positive=number("sum of positive path products", "≥ 0"),
        negative=number("sum of negative path products", "≤ 0"),
        net=number("Σ|Σ C_m| over positions", "≥ 0"),
        cancellation=number("1 − net / (positive − negative)", "0 to 1"),
        strength=number("size of the paths, √Σ‖C_m‖²"),
        coherence=number("‖ΣC_m‖ / √Σ‖C_m‖²"),
        p_signs=number("how often random signs give as small a coherence"),
        p_shuffle=number("how often shuffled kernels do"),
    )
    per_layer: Table = table(
        "one row a layer; quantiles are over its strong pairs",
        layer=text("the layer"),
        source=text("the wide map two steps back"),
        between=text("the wide map on the way"),
        units=integer("units of the layer"),
        pairs=integer("strong pairs"),
        draws=integer("draws of each null"),
        coherence=number("median"),
        low=number("5th percentile"),
        high=number("95th percentile"),
        signs=number("median under random signs"),
        signs_low=number("5th percentile under random signs"),
        signs_high=number("95th percentile under random signs"),
        shuffle=number("median under shuffled kernels"),
        shuffle_low=number("5th percentile under shuffled kernels"),
        shuffle_high=number("95th percentile under shuffled kernels"),
        cancelling_signs=number("share of pairs as small as the lowest 5 % of random signs"),
        cancelling_shuffle=number("share of pairs as small as the lowest 5 % of shuffled kernels"),
        cancellation=number("median"),
        found=integer("units beyond shuffled kernels at `level`"),
        found_signs=integer("of these, units beyond random signs"),
    )
    per_unit: Table = table(
        "one row a unit; see `UnitScore`",
        layer=text("the unit's layer"),
        unit=integer("channel of the layer, from 0"),
        source=text("the wide map two steps back"),
        between=text("the wide map on the way"),
        hidden=number("share of the squared size of its strongest paths that is hidden", "0 to 1"),
        p_signs=number("how often random signs hide as much"),
        p_shuffle=number("how often shuffled kernels hide as much"),
        q_signs=number("false discovery rate against random signs"),
        q_shuffle=number("false discovery rate against shuffled kernels"),
    )
    sources: Table = table(
        "one row an example and channel of its source",
        layer=text("the example's layer"),
        unit=integer("its channel, from 0"),
        channel=integer("channel of the source map"),
        source_layer=text("the layer this channel is a unit of; empty where several write to it"),
        source_unit=integer("its channel there"),
        positive=number("sum of positive path products"),
        negative=number("sum of negative path products"),
        net=number("Σ|Σ C_m| over positions"),
        strong=boolean("whether it is one of the strongest sources"),
    )
    through: Table = table(
        "one row an example, hidden source and unit between, in the order of `contributions`",
        layer=text("the example's layer"),
        unit=integer("its channel, from 0"),
        channel=integer("channel of the source map"),
        source_layer=text("the layer this channel is a unit of; empty where several write to it"),
        source_unit=integer("its channel there"),
        between_layer=text("the layer of the unit between; empty where several write to its channel"),
        between_unit=integer("its channel there"),
        size=number("‖C_m‖"),
    )


RESULTS = (Cancellation,)
