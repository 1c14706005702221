"""The simplified network of the banding laboratory, layer by layer."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, table, text, value


class Network(Record):
    """The network of a setting.

    Attributes:
        size: side of the pictures in pixels.
        channels: of the pictures.
        pools: how many groups of layers end in a pooling.
        last, before: the two layers whose kernels are kept.
    """

    size: int
    channels: int
    pools: int
    last: str
    before: str


class SimplifiedNetwork(Result, analysis="simplified_network"):
    """The baseline's network in every setting whose preset is known."""

    settings: dict[str, Network] = value("networks by setting")
    rows: Table = table(
        setting=text("name of the setting"),
        layer=text("name of the convolution, in execution order"),
        group=integer("number of its group, from 0"),
        units=integer("units of the layer"),
        kernel=integer("side of its kernels", "positions"),
        side=integer("side of its map", "positions"),
    )


RESULTS = (SimplifiedNetwork,)
