"""Which categories a unit belongs to, by fixed rules on its indices: of stimuli, and of a first layer's weights.

No threshold was chosen on a trained network. One control was added after looking at one: before the exchange of sides
was part of it, 46 % of the units of AlexNet's conv4 counted as high against low frequency, many for liking any boundary
between textures. With it 40 % still do, so in deep layers the category is wider than the detectors it is named after.
Where the thresholds come from:

PREFERS (1/5): half as strong again as the control. Constructed units set it (`tests/featurevis/test_tuned_units.py`):
units that add up oriented responses along a straight line reach at most 0.06 for curves and below 0 for corners, ones
that add them up along an arc of 120° at least 0.15 for curves, with inhibition from other orientations 0.4; corners
at least 0.2; differences of Gaussians 0.25 for discs. Of smoothed random filters at most one in a hundred is called a
curve, a disc or high against low frequency, and one in twenty a corner.

DRIVES (1/4): a preference counts where the unit responds to the family's best stimulus with at least a quarter of
its strongest response to anything. Stimuli that fill what it sees drive a unit more than one contour does, so half
would be too much: a Gabor filter of two cycles gives about a third of its response to a single edge.

COLOUR (2/3): a response to colour twice that to luminance, and its mirror for black and white (Johnson, Hawken and
Shapley 2001, who call cells in between colour–luminance cells).

ORIENTED (1/3): a first derivative of a Gaussian, the least oriented linear detector of edges, responds to gratings as
|cos θ|, whose selectivity is 1/3. Of weights, where the response's power is measured, cos² θ has 1/2.

A unit that prefers discs is not oriented, or it is one whose frequency lies between those of the gratings.

THIRDS of the range of frequencies shown, on its logarithmic axis. Of weights, octaves below the finest frequency that
pixels can show (1/2 cycle a pixel): high is the first of them, low is below the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

PREFERS = 1 / 5
DRIVES = 1 / 4
COLOUR = 2 / 3
ORIENTED = 1 / 3
ORIENTED_POWER = 1 / 2
THIRD = 1 / 3


@dataclass(frozen=True)
class Category:
    """A category of units, with the rule by which units belong to it.

    Attributes:
        title: what figures call it.
        rule: in words.
        index: the column that says how much a unit is of it; with a minus sign where less is more.
        holds: table of indices → whether each unit belongs to it; a comparison with NaN is False.
    """

    title: str
    rule: str
    index: str
    holds: Callable[[pd.DataFrame], pd.Series]


def _prefers(name: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda t: (t[name] >= PREFERS) & (t[f"{name}_drive"] >= DRIVES)


_HALF_AS_STRONG = "at least half as strong again as {}, and a quarter of the unit's strongest response"

CATEGORIES: Mapping[str, Category] = {
    "colour": Category(
        "colour", "gratings in colour draw at least twice the response of black and white ones",
        "colour",
        lambda t: t["colour"] >= COLOUR,
    ),
    "black-and-white": Category(
        "black and white", "black and white gratings draw at least twice the response of ones in colour",
        "-colour",
        lambda t: t["colour"] <= 1 - COLOUR,
    ),
    "oriented": Category(
        "oriented", "orientation selectivity of at least 1/3, that of the least oriented linear edge detector",
        "orientation_selectivity",
        lambda t: t["orientation_selectivity"] >= ORIENTED,
    ),
    "high-frequency": Category(
        "high frequency", "in the upper third of the frequencies shown, on a logarithmic axis",
        "relative_frequency",
        lambda t: t["relative_frequency"] >= 1 - THIRD,
    ),
    "low-frequency": Category(
        "low frequency", "in the lower third of the frequencies shown, on a logarithmic axis",
        "-relative_frequency",
        lambda t: t["relative_frequency"] <= THIRD,
    ),
    "bw-vs-colour": Category(
        "black and white against colour",
        "colour beside, in or around grey, whatever the hue: "
        + _HALF_AS_STRONG.format("whole fields of either and the same regions in two colours"),
        "bw_vs_colour",
        _prefers("bw_vs_colour"),
    ),
    "absence-of-colour": Category(
        "absence of colour",
        "a texture in black and white: " + _HALF_AS_STRONG.format("the same in any colour"),
        "absence_of_colour",
        _prefers("absence_of_colour"),
    ),
    "centre-surround": Category(
        "centre and surround",
        "discs, alone or in opposite rings: " + _HALF_AS_STRONG.format("whole fields and gratings") + "; not oriented",
        "centre_surround",
        lambda t: _prefers("centre_surround")(t) & ~(t["orientation_selectivity"] >= ORIENTED),
    ),
    "curve": Category(
        "curve",
        "arcs: " + _HALF_AS_STRONG.format("straight contours and even fields") + "; no less strong than corners",
        "curve",
        lambda t: _prefers("curve")(t) & ~(t["corner"] > t["curve"]),
    ),
    "corner": Category(
        "corner",
        "corners: " + _HALF_AS_STRONG.format("straight contours and even fields") + "; stronger than arcs",
        "corner",
        lambda t: _prefers("corner")(t) & (t["corner"] > t["curve"]),
    ),
    "high-low-frequency": Category(
        "high against low frequency",
        "high frequency beside low frequency: "
        + _HALF_AS_STRONG.format("the same with its sides exchanged and fields of either"),
        "high_low",
        _prefers("high_low"),
    ),
}  # fmt: skip
"""By responses to stimuli, from the columns of `indices.tuning`."""

FILTER_CATEGORIES: Mapping[str, Category] = {
    "colour": Category(
        "colour", "at least 4/5 of the squared weights are colour: twice the amplitude of black and white",
        "chroma",
        lambda t: t["chroma"] >= COLOUR**2 / (COLOUR**2 + (1 - COLOUR) ** 2),
    ),
    "black-and-white": Category(
        "black and white", "at most 1/5 of the squared weights are colour: half the amplitude of black and white",
        "-chroma",
        lambda t: t["chroma"] <= (1 - COLOUR) ** 2 / (COLOUR**2 + (1 - COLOUR) ** 2),
    ),
    "oriented": Category(
        "oriented", "orientation selectivity of the power of at least 1/2, that of a first derivative of a Gaussian",
        "orientation_selectivity",
        lambda t: t["orientation_selectivity"] >= ORIENTED_POWER,
    ),
    "high-frequency": Category(
        "high frequency", "at least 1/4 cycle a pixel, the first octave below the finest that pixels show",
        "frequency",
        lambda t: t["frequency"] >= 1 / 4,
    ),
    "low-frequency": Category(
        "low frequency", "at most 1/8 cycle a pixel, two octaves below the finest that pixels show",
        "-frequency",
        lambda t: t["frequency"] <= 1 / 8,
    ),
}  # fmt: skip
"""By the weights of a first layer, from the fields of `filter_tuning.FilterTuning`."""


def categories(units: pd.DataFrame) -> pd.DataFrame:
    """Columns layer, unit, category, one row a unit and category, in order of units, then of CATEGORIES.

    Args:
        units: columns layer and unit, and those of `indices.tuning`; dead units belong to none.
    """
    return _assigned(units, CATEGORIES)


def filter_categories(units: pd.DataFrame) -> pd.DataFrame:
    """The same from columns layer, unit, dead, chroma, frequency and orientation_selectivity of first-layer filters."""
    return _assigned(units, FILTER_CATEGORIES)


def _assigned(units: pd.DataFrame, rules: Mapping[str, Category]) -> pd.DataFrame:
    live = units[~units["dead"].astype(bool)].reset_index(drop=True)
    members = pd.DataFrame({name: category.holds(live) for name, category in rules.items()}, index=live.index)
    row, column = members.to_numpy(bool).nonzero()
    table = live.loc[row, ["layer", "unit"]].reset_index(drop=True)
    return table.assign(category=[list(rules)[i] for i in column])
