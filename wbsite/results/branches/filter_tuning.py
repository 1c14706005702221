"""What the filters of a first layer are tuned to, measured on their weights alone."""

from __future__ import annotations

from wbsite.results.base import Result, Table, boolean, integer, number, table, value


class FilterTuning(Result, analysis="filter_tuning"):
    """Tuning of every filter of a layer that reads the picture itself."""

    units: int = value("filters of the layer")
    dead: int = value("how many of them are dead")
    dead_below: float = value("strength, as a share of the layer's upper quartile, up to which a filter is dead")
    channels: int = value("colour channels of the picture, 1 or 3")
    rows: Table = table(
        unit=integer("the filter, from 0"),
        chroma=number("share of the squared weights that is left without the channels' mean", "0 to 1", missing=True),
        frequency=number("of the grating it responds to most", "cycles a pixel", missing=True),
        orientation=number("of the lines it responds to, 0 horizontal", "degrees, 0 to 180", missing=True),
        orientation_selectivity=number("1 − circular variance", "0 to 1", missing=True),
        phase_symmetry=number("1 the same when turned by 180°, −1 with changed sign", "−1 to 1", missing=True),
        strength=number("norm of the weights"),
        dead=boolean("whether it is dead"),
    )


RESULTS = (FilterTuning,)
