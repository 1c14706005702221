"""Gradients on photographs, their bounds and typical cases, of units whose paths cancel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value
from wbsite.results.photographs import PhotographSet


class Source(Record):
    """A channel of the earlier map.

    Attributes:
        channel: of the map.
        source_layer, source_unit: the layer it is a unit of, "" where several write to it, and its channel there.
    """

    channel: int
    source_layer: str
    source_unit: int


class TypicalCase(Record):
    """One of the factors of a unit's gradients over photographs.

    Attributes:
        share: of all gradients, 0 to 1.
        photographs: on which it is the largest.
    """

    share: float
    photographs: int


class GradientExample(Record):
    """A unit that is looked at.

    Attributes:
        kind: "cancelling", one of those that hide most; or "ordinary", of the first one's layer with the median score.
        layer, unit: the unit; a channel of the layer, from 0.
        source: name of the earlier map.
        hidden: score of the unit, as in the result `cancellation`.
        sources: those that are drawn, of which most is hidden first.
        factored: sources whose gradients are factored.
        active: photographs on which the unit is active.
        cases: of its gradients.
    """

    kind: str
    layer: str
    unit: int
    source: str
    hidden: float
    sources: list[Source]
    factored: int
    active: int
    cases: list[TypicalCase]


class SkippedUnit(Record):
    """A unit that is left out, and why."""

    layer: str
    unit: int
    reason: str


class Gradients(Result, analysis="gradients"):
    """What units got from their sources on photographs; arrays are numbered as `examples`, "0", "1", …."""

    photographs: PhotographSet = value("the photographs")
    photographs_used: int = value("photographs that gradients were taken on")
    examples: list[GradientExample] = value("the units, cancelling ones first")
    skipped: list[SkippedUnit] = value("units that are left out")
    expanded: Mapping[str, NDArray[np.float32]] = arrays("source", "row", "column", about="expanded weights")
    mean: Mapping[str, NDArray[np.float32]] = arrays(
        "source", "row", "column", about="mean over photographs of gradients of one size"
    )
    upper: Mapping[str, NDArray[np.float32]] = arrays("source", "row", "column", about="upper bound of the gradient")
    lower: Mapping[str, NDArray[np.float32]] = arrays("source", "row", "column", about="lower bound of the gradient")
    typical: Mapping[str, NDArray[np.float32]] = arrays("case", "source", "row", "column", about="typical cases")
    rows: Table = table(
        "one row an example, drawn source and photograph",
        example=integer("number of the example"),
        layer=text("its layer"),
        unit=integer("its channel, from 0"),
        channel=integer("channel of the source map"),
        source_layer=text("the layer this channel is a unit of; empty where several write to it"),
        source_unit=integer("its channel there"),
        photograph=integer("number of the photograph"),
        activation=number("the unit's strongest response to it"),
        excitation=number("positive part of the gradient, summed over positions", "≥ 0"),
        inhibition=number("negative part", "≤ 0"),
        case=integer("the typical case that is largest there, from 0"),
    )
    sources: Table = table(
        "one row an example and drawn source; sums over positions",
        example=integer("number of the example"),
        layer=text("its layer"),
        unit=integer("its channel, from 0"),
        kind=text("cancelling or ordinary"),
        source=text("name of the earlier map"),
        channel=integer("channel of that map"),
        source_layer=text("the layer this channel is a unit of; empty where several write to it"),
        source_unit=integer("its channel there"),
        expanded_positive=number("positive part of the expanded weights"),
        expanded_negative=number("negative part"),
        best_positive=number("positive part of the upper bound"),
        best_negative=number("negative part of the lower bound"),
        paths_positive=number("positive path products, pools as gates"),
        paths_negative=number("negative path products"),
        agreement=number("‖mean gradient‖² / mean ‖gradient‖²", "0 to 1"),
        entries=integer("entries of the gradients"),
        outside_best=integer("entries outside the bounds, beyond rounding"),
        outside_paths=integer("entries outside the sums of path products"),
        largest_of_best=number("largest entry as a share of its bound"),
    )
    cases: Table = table(
        "one row an example and number of cases",
        example=integer("number of the example"),
        layer=text("its layer"),
        unit=integer("its channel, from 0"),
        cases=integer("typical cases"),
        explained=number("share of the squared gradients that they explain", "0 to 1"),
        beyond_mean=number("share of their deviation from the mean gradient that they explain", missing=True),
    )


RESULTS = (Gradients,)
