"""What units of branches are tuned to, by their responses to synthetic stimuli, and what they were shown."""

from __future__ import annotations

from collections.abc import Mapping

from wbsite.results.base import Record, Result, Table, boolean, integer, number, pictures, table, text, value


class Index(Record):
    """An index of tuning: its title, range, formula in one line, and where it is from."""

    title: str
    low: float
    high: float
    formula: str
    source: str


class Category(Record):
    """A category of units.

    Attributes:
        title, rule: in words.
        index: name of the index that its units have most of; preceded by "-" where they have least of it.
    """

    title: str
    rule: str
    index: str


class Layer(Record):
    """What the units of a layer were shown.

    Attributes:
        side: pixels of the largest stimulus.
        canvas: height and width of the picture it is shown in, in pixels.
        padded: whether units see the padding around it.
        stimuli: how many there are.
        families: how many there are of each family.
        lowest, highest: frequency of gratings, cycles a pixel.
        dead: units that did not respond.
    """

    layer: str
    side: int
    canvas: tuple[int, int]
    padded: bool
    stimuli: int
    families: dict[str, int]
    lowest: float
    highest: float
    dead: int


class Omitted(Record):
    """A layer that was not measured, and why."""

    layer: str
    reason: str


class Tuning(
    Result,
    analysis="tuning",
    summary="what units of branches are tuned to: colour, orientation, frequency, curves and more, by stimuli",
):
    """Indices and categories of the units of branches, and of the first convolution.

    Indices compare a unit's own responses with each other: empty for dead units, and where they are not defined. Those
    named NAME_drive say what a unit's best response to the index's stimuli is as a share of its strongest.
    """

    indices: dict[str, Index] = value("the indices by name; columns of `rows`")
    categories: dict[str, Category] = value("the categories by name")
    layers: list[Layer] = value("layers that were measured, in order of execution")
    omitted: list[Omitted] = value("layers of branches that were not, in order of execution")
    dead_below: float = value("strongest response, as a share of the layer's median, below which a unit is dead")
    rows: Table = table(
        layer=text("the layer, in order of execution"),
        unit=integer("number of the unit in the layer, from 0"),
        dead=boolean("whether the unit is dead"),
        strength=number("its strongest response above that to an empty field"),
        colour=number("colour against luminance", "0 to 1", missing=True),
        frequency=number("centre of gravity of its tuning to frequency", "cycles a pixel", missing=True),
        relative_frequency=number("the same within the range shown", "0 to 1", missing=True),
        orientation_selectivity=number("1 − circular variance", "0 to 1", missing=True),
        bw_vs_colour=number("black and white against colour", "−1 to 1", missing=True),
        absence_of_colour=number("texture without colour against the same in colour", "−1 to 1", missing=True),
        centre_surround=number("discs and rings against fields and gratings", "−1 to 1", missing=True),
        curve=number("arcs against straight contours", "−1 to 1", missing=True),
        corner=number("corners against straight contours", "−1 to 1", missing=True),
        high_low=number("boundaries of high and low frequency against their exchange", "−1 to 1", missing=True),
        orientation=number("of the best stripes, 0 horizontal", "degrees, 0 to 180", missing=True),
        bw_vs_colour_drive=number("best response to its stimuli", "0 to 1", missing=True),
        absence_of_colour_drive=number("best response to its stimuli", "0 to 1", missing=True),
        centre_surround_drive=number("best response to its stimuli", "0 to 1", missing=True),
        curve_drive=number("best response to its stimuli", "0 to 1", missing=True),
        corner_drive=number("best response to its stimuli", "0 to 1", missing=True),
        high_low_drive=number("best response to its stimuli", "0 to 1", missing=True),
    )
    members: Table = table(
        layer=text("the layer"), unit=integer("number of the unit in it, from 0"), category=text("one it belongs to")
    )
    stimuli: Mapping[str, bytes] = pictures("FAMILY.webp: some stimuli of the family side by side")


RESULTS = (Tuning,)
