"""The strongest connections of every unit of a convolution."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, array, arrays, integer, number, table, text, value


class Span(Record):
    """Channels of a map that are units of these layers (added where there are several), from `first` on."""

    layers: tuple[str, ...]
    first: int
    units: int


class Reader(Record):
    """A layer that reads this one, and its kernel's (height, width)."""

    layer: str
    kernel: tuple[int, ...]


class Bottleneck(Record):
    """The bottleneck that a layer reads through.

    Attributes:
        layers: its 1×1 convolutions.
        source: the wide map before it.
        reason: why the weights across it cannot be expanded; "" where they can.
        window: (height, width) of the expanded weights; empty where they cannot be.
        inputs: what the channels of the wide map stand for.
    """

    layers: tuple[str, ...]
    source: str
    reason: str = ""
    window: tuple[int, ...] = ()
    inputs: tuple[Span, ...] = ()


class Connections(
    Result,
    analysis="connections",
    summary="the strongest inputs and outputs of every unit, and its inputs across a bottleneck",
):
    """The `count` strongest connections of every unit, strongest first, by the norm of the kernel over space.

    Kinds: "input", from the map the layer reads; "across", expanded weights from the map behind a bottleneck;
    "cancelled", inputs across it that are not among the strongest although their paths' absolute products are, because
    more than `threshold` of these cancels; "output", kernels with which other layers read the unit. The kinds across a
    bottleneck are absent where there is none. A channel or reader of −1 stands for no connection.
    """

    count: int = value("connections of a kind that are listed for a unit, at most")
    threshold: float = value("share of the path products that must cancel for the kind cancelled", "0 to 1")
    inputs: tuple[Span, ...] = value("what the channels of the map that the layer reads stand for")
    readers: tuple[Reader, ...] = value("layers that read this one")
    bottleneck: Bottleneck | None = value("what the layer reads through, if anything")
    channel: Mapping[str, NDArray[np.int32]] = arrays("unit", "rank", about="kind → channel of the map read")
    kernel: Mapping[str, NDArray[np.float32]] = arrays("unit", "rank", "row", "column", about="kind → weights")
    share: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", about="kind → share of the unit's squared weights that the listed ones have", unit="0 to 1"
    )
    positive: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "rank", about="kind → sum of positive path products", default=None
    )
    negative: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "rank", about="kind → sum of negative path products", default=None
    )
    cancellation: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "rank", about="kind → share of the path products that cancels", unit="0 to 1", default=None
    )
    output_reader: NDArray[np.int32] = array("unit", "output", about="place in `readers`")
    output_channel: NDArray[np.int32] = array("unit", "output", about="unit of the reader")
    output_kernel: NDArray[np.float32] = array(
        "unit", "output", "position", about="kernel, flattened, with zeros after its end"
    )
    rows: Table = table(
        unit=integer("as numbered on the unit's page"),
        kind=text("input, across, cancelled or output"),
        rank=integer("1 for the strongest"),
        other=text("layer at the other end; of units that are added up all, or the first of more than four"),
        channel=integer("its unit, from 0"),
        norm=number("of the kernel"),
        positive=number("sum of positive weights, across a bottleneck of path products"),
        negative=number("sum of negative ones"),
        cancellation=number("share of the path products that cancels", "0 to 1", missing=True),
    )


RESULTS = (Connections,)
