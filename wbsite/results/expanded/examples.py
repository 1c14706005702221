"""Units found by stated rules: what the article on weights shows of a network, and what lies around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, array, arrays, integer, number, table, text, value
from wbsite.results.site import Gap


class Levels(Record):
    """Where units are looked for: two neighbouring levels in the first third of a network.

    Attributes:
        deepest: spatial convolutions on the longest way through the network.
        early: layers in which families are looked for.
        late: layers in which single units are looked for.
    """

    deepest: int
    early: list[str]
    late: list[str]


class FoundUnit(Record):
    """A unit and its score.

    Attributes:
        layer, channel: the unit; a channel of the layer, from 0.
        score: by the rule; of properties of filters a cosine, −1 to 1.
        angle: in degrees, where the rule gives one.
    """

    layer: str
    channel: int
    score: float
    angle: float | None = None


class Finding(Record):
    """What a rule found.

    Attributes:
        title: what was looked for, in a few words.
        rule: in words.
        units: best first; an oriented family in order of angle. At least one.
        score: of the rule, mean of the units' scores.
        null: what the same rule gives where there is nothing to find; None for a rule without such a null.
        runner_up: the unit that came next; None where there was no other.
        considered: units that were looked at.
    """

    title: str
    rule: str
    units: list[FoundUnit]
    score: float
    null: float | None
    runner_up: FoundUnit | None
    considered: int

    @property
    def first(self) -> FoundUnit:
        """The best unit."""
        return self.units[0]

    @property
    def beyond_chance(self) -> bool | None:
        """Whether the score is larger than by chance; None for a rule without a null."""
        return None if self.null is None else self.score > self.null


class NothingFound(Record):
    """A rule that found nothing, and why."""

    title: str
    rule: str
    reason: str


class Input(Record):
    """A channel of the map that a unit reads.

    Attributes:
        channel: of the map.
        layer, unit: the layer it is a unit of, "" where it is no one unit, and its channel there.
        share: of the unit's squared weights, 0 to 1.
    """

    channel: int
    layer: str
    unit: int
    share: float


class DistantInput(Input):
    """A channel one layer further back; `factor`, 0 or 1, is the one that carries more of it."""

    factor: int


class FurtherBack(Record):
    """What a unit reads one layer further back, in two non-negative factors of its expanded weights.

    Attributes:
        inputs: the strongest channels.
        share: of its squared expanded weights that these have.
        channels: of that map.
        colour: how colourful each factor's inputs are, −1 to 1; None where that is not known.
        explained: share of the squared weights that both factors explain.
    """

    inputs: list[DistantInput]
    share: float
    channels: int
    colour: list[float | None]
    explained: float


class Centre(Record):
    """The black-and-white centre: its strongest inputs, and those further back unless the first filters are next."""

    inputs: list[Input]
    further: FurtherBack | None


class Positions(Record):
    """The example unit position by position.

    Attributes:
        inputs: its strongest inputs.
        bottleneck: layers across which it reads its wide map; empty where it reads that directly.
        channels: of the map.
    """

    inputs: list[Input]
    bottleneck: list[str]
    channels: int


class Bottleneck(Record):
    """A unit behind a bottleneck.

    Attributes:
        layers: of the bottleneck.
        channels: of the bottleneck.
        wide: channels of the map before it.
        direct: strongest inputs over the bottleneck.
        across: strongest inputs over the wide map.
    """

    layers: list[str]
    channels: int
    wide: int
    direct: list[Input]
    across: list[Input]


class FactorInput(Record):
    """A channel with a large share of a factor; `layer` is "" where it is no one unit."""

    layer: str
    unit: int
    share: float


class Family(Record):
    """Non-negative factors of a family's weights over the wide map before it.

    Attributes:
        layer, channels: the units.
        inputs: channels of the map.
        explained: share of the squared weights that the factors explain.
        units: of each factor, the channels with the largest share.
        property: of the first filters that decides whether factors differ: "colour" or "frequency".
        property_means: how far each factor's inputs have it, −1 to 1; None where that is not known.
        by_count: explained share with 1, 2, … factors.
        by_count_random: the same of random groups of as many units of the layer.
    """

    layer: str
    channels: list[int]
    inputs: int
    explained: float
    units: list[list[FactorInput]]
    property: str
    property_means: list[float | None]
    by_count: list[float]
    by_count_random: list[list[float]]


class Agreement(Record):
    """Whether lines excite lines of their own direction.

    Attributes:
        correlation: of net weight with the cosine of twice the difference of angles, over pairs of two families.
        null: its 95th percentile with the sources' angles in random order.
    """

    correlation: float
    null: float

    @property
    def beyond_chance(self) -> bool:
        """Whether it is larger than by chance."""
        return self.correlation > self.null


class LayerPair(Record):
    """A layer and the wide map it reads, of which all kernels are kept.

    Attributes:
        target: the layer.
        bottleneck: layers across which it reads the map; empty where it reads it directly.
        sources: (layer, unit) of each channel of the map.
    """

    target: str
    bottleneck: list[str]
    sources: list[tuple[str, int]]


class Direction(Record):
    """A direction over the channels of a map that wants a picture; `place` and `side` name the map."""

    name: str
    place: str
    side: Literal["input", "output"]


class Examples(Result, analysis="examples"):
    """Units found, and what figures show around them; kernels are in the order of the inputs listed."""

    levels: Levels = value("where units are looked for")
    order: list[str] = value("names of the rules, as readers are told of them")
    findings: dict[str, Finding | NothingFound] = value("by name of the rule")
    centre: Centre | None = value("around black-and-white-centre", default=None)
    positions: Positions | None = value("around example", default=None)
    families: dict[str, Family] = value("around high-low and black-and-white, by name")
    bottleneck: Bottleneck | None = value("around bottleneck", default=None)
    agreement: Agreement | None = value("of oriented-targets with oriented-sources", default=None)
    pair: LayerPair | None = value("the pair of layers in which oriented units are looked for", default=None)
    directions: list[Direction] = value("those that want a picture")
    pictures: dict[str, list[int]] = value("layer → channels that want a picture")
    unpictured: int = value("units that want one and are beyond the limit")
    centre_kernels: NDArray[np.float32] | None = array(
        "centre input", "centre row", "centre column", about="kernels of `centre.inputs`", default=None
    )
    centre_further: NDArray[np.float32] | None = array(
        "further input", "further row", "further column", about="kernels of `centre.further.inputs`", default=None
    )
    position_norms: NDArray[np.float32] | None = array(
        "row", "column", about="norm of the example unit's weights at each position", default=None
    )
    position_kernels: NDArray[np.float32] | None = array(
        "position input", "row", "column", about="kernels of `positions.inputs`", default=None
    )
    bottleneck_direct: NDArray[np.float32] | None = array(
        "direct input", "direct row", "direct column", about="kernels of `bottleneck.direct`", default=None
    )
    bottleneck_across: NDArray[np.float32] | None = array(
        "across input", "across row", "across column", about="kernels of `bottleneck.across`", default=None
    )
    pair_kernels: NDArray[np.float16] | None = array(
        "target", "source", "pair row", "pair column", about="all kernels of `pair`", default=None
    )
    excitatory: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "row", "column", "factor", about="of a family: where each unit is excited by a factor", unit="≥ 0"
    )
    inhibitory: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "row", "column", "factor", about="of a family: where each unit is inhibited by a factor", unit="≥ 0"
    )
    vectors: Mapping[str, NDArray[np.float32]] = arrays("channel", about="directions by name")
    rows: Table = table(
        "one row a unit found",
        found=text("name of the rule"),
        rank=integer("1 for the best unit"),
        layer=text("the unit's layer"),
        channel=integer("its channel, from 0"),
        score=number("by the rule"),
        angle=number("degrees", missing=True),
        null=number("score of the rule by chance", missing=True),
        considered=integer("units that were looked at"),
    )

    def finding(self, rule: str) -> Finding | Gap:
        """What a rule found, or why it found nothing."""
        finding = self.findings.get(rule)
        if isinstance(finding, Finding):
            return finding
        return Gap(finding.reason if finding else "too few spatial convolutions follow its first", failed=False)


RESULTS = (Examples,)
