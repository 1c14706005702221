"""The structure before the branches: factors and communities of the connections of a network's first convolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, array, boolean, integer, number, table, text, value


class Reader(Record):
    """A convolution that reads the first one: its name, units, and kernel (height, width)."""

    layer: str
    units: int
    kernel: tuple[int, int]


class Balanced(Record):
    """A factor when every unit's scale is taken out of the connections.

    Attributes:
        chroma: |ρ| (Spearman) of its coordinates with chroma, 0 to 1.
        same: |ρ| of its coordinates with those of the factor as it is.
    """

    chroma: float
    same: float


class Explained(Record):
    """How much of a property of filters communities explain; None where the property does not vary.

    Attributes:
        eta: η², the share of the variance of ranks that lies between communities, 0 to 1.
        chance: its mean when filters are permuted.
        p: share of permutations with as large a share.
        units: filters that have the property.
    """

    eta: float | None
    chance: float | None
    p: float | None
    units: int


class Community(Record):
    """A community of filters and of units that read them.

    Attributes:
        inputs, outputs: how many filters and reading units it has.
        strength: of its filters, as a share of all connections'.
        inside: the share of its filters' strength that goes to its reading units; None without strength.
        chroma, frequency: medians over its filters; None where none has the property.
    """

    inputs: int
    outputs: int
    strength: float
    inside: float | None
    chroma: float | None
    frequency: float | None


class Communities(Record):
    """The division of the connections into communities with the largest modularity, and chance.

    Attributes:
        count: of communities.
        modularity, median: of the best of the seeds, and of the middle one.
        null_median, null_high, null: middle and largest modularity of that many networks whose relative strengths
            belong to pairs at random.
        p: share of these with as large a modularity as the median seed's.
        seeds: how many times communities were looked for.
        stability: mean adjusted mutual information of two seeds' communities; None for one seed.
        explained: by property of filters.
        each: the communities, in the order of their numbers in the tables.
    """

    count: int
    modularity: float
    median: float
    null_median: float
    null_high: float
    p: float
    null: int
    seeds: int
    stability: float | None
    explained: dict[str, Explained]
    each: list[Community]


class Connectivity(Result, analysis="connectivity"):
    """Correspondence analysis of Σ |W| between the first convolution and its readers.

    Where there is a `reason` why a network is not fit for it, that is all there is: tables and lists are empty and
    numbers 0. Factors are turned so that their ρ with chroma is not negative. Dead filters have coordinates, but count
    in no correlation.
    """

    reason: str = value('why there is nothing here; ""')
    first: str = value("name of the first convolution", default="")
    readers: list[Reader] = value("the convolutions that read its units and nothing else", default=[])
    units: int = value("filters of the first convolution", default=0)
    dead: int = value("how many of them are dead", default=0)
    unread: int = value("how many of them nothing reads", default=0)
    inertia: float = value("χ² of the connections over their total", default=0.0)
    balanced: list[Balanced] = value("each factor with the scales of units taken out", default=[])
    draws: int = value("bootstrap resamples and permutations of a correlation", default=0)
    null: int = value("draws of the factors' null", default=0)
    seed: int = value("of all draws", default=0)
    communities: Communities | None = value("None where they were not looked for", default=None)
    communities_reason: str = value('why they were not; ""', default="")
    residuals: NDArray[np.float32] | None = array(
        "output", "input", about="connections beyond what strengths explain, as correspondence analysis scales them",
        default=None,
    )  # fmt: skip
    rows: Table = table(
        factor=integer("1 or 2"),
        property=text("of filters: chroma, frequency, each without the other, orientation_selectivity"),
        rho=number("Spearman's ρ of coordinates and property, partial where one is taken out", "−1 to 1", missing=True),
        low=number("lower end of its 95 % bootstrap interval over units", missing=True),
        high=number("upper end of its 95 % bootstrap interval over units", missing=True),
        p=number("by permutation", "0 to 1", missing=True),
        q=number("of p over the table (Benjamini–Hochberg)", "0 to 1", missing=True),
        units=integer("filters that count"),
    )
    factors: Table = table(
        factor=integer("1 or 2"),
        value=number("singular value"),
        share=number("of the inertia", "0 to 1"),
        null_median=number("middle singular value of the null"),
        null_limit=number("its 95th percentile"),
        p=number("share of the null with as large a value", "0 to 1"),
    )
    inputs: Table = table(
        unit=integer("the filter, from 0"),
        strength=number("of what reads it, as a share of all", "0 to 1"),
        factor_1=number("coordinate; empty for a filter that nothing reads", missing=True),
        factor_2=number("coordinate", missing=True),
        community=integer("number of its community, from 0; −1 for none"),
        chroma=number("share of squared weights without the channels' mean", "0 to 1", missing=True),
        frequency=number("of the grating it responds to most", "cycles a pixel", missing=True),
        orientation_selectivity=number("1 − circular variance", "0 to 1", missing=True),
        dead=boolean("whether it is dead"),
    )
    outputs: Table = table(
        layer=text("the reader"),
        unit=integer("its unit, from 0"),
        strength=number("of what it reads, as a share of all", "0 to 1"),
        factor_1=number("coordinate; empty for a unit that reads nothing", missing=True),
        factor_2=number("coordinate", missing=True),
        community=integer("number of its community, from 0; −1 for none"),
    )

    @property
    def fit(self) -> bool:
        """Whether the network was fit for it."""
        return not self.reason


RESULTS = (Connectivity,)
