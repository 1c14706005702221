"""What the factors of the first convolution's connections go with, in every network, and its communities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import UNITS, Effect, estimated, of_one
from wbsite.claims.verdicts import SOME, description, optional
from wbsite.results.branches._examples import with_connections
from wbsite.results.branches.connectivity import Communities, Connectivity
from wbsite.results.site import Site
from wbsite.stats.intervals import Interval


@dataclass(frozen=True)
class Network:
    """The first two factors of a network's connections, with ρ (Spearman) and its 95 % interval over units.

    Attributes:
        model, title: id and title of the network.
        units: filters of the first convolution.
        value, limit: the first factor's singular value, and the 95th percentile of connections at random.
        p: of that value against these.
        chroma, frequency: ρ of each factor with the property of filters.
        frequency_alone: partial ρ of the second factor with frequency, chroma taken out; None where it was not measured.
    """

    model: str
    title: str
    units: int
    value: float
    limit: float
    p: float
    chroma: tuple[Interval, Interval]
    frequency: tuple[Interval, Interval]
    frequency_alone: Interval | None

    @property
    def structured(self) -> bool:
        """Whether the first factor is stronger than in connections at random."""
        return self.p < 0.05

    @property
    def chromatic(self) -> bool:
        """Whether the first factor goes with colour."""
        return self.chroma[0].low > 0

    @property
    def second_is_frequency(self) -> bool:
        """Whether the second factor goes with frequency."""
        return self.frequency[1].excludes_zero

    @property
    def second_is_colour_too(self) -> bool:
        """Whether the second factor goes with colour, and what it has to do with frequency alone is not certain."""
        alone = self.frequency_alone
        return self.chroma[1].excludes_zero and not (alone and alone.excludes_zero)

    @property
    def one_for_both(self) -> bool:
        """Whether the first factor goes with colour and with low frequency, and the second not with frequency."""
        return self.chromatic and self.frequency[0].high < 0 and not self.second_is_frequency


def networks(site: Site) -> list[Network] | None:
    """Every network whose first convolution is fit."""
    fit = []
    for model in with_connections(site):
        if result := model.result(Connectivity):
            chroma, frequency = (_correlations(result, name) for name in ("chroma", "frequency"))
            value, limit, p = (float(result.factors[name].iloc[0]) for name in ("value", "null_limit", "p"))
            alone = _correlation(result, "frequency_without_chroma", 2)
            alone = None if alone is None or math.isnan(alone.mean) else alone
            fit.append(Network(model.id, model.title, result.units, value, limit, p, chroma, frequency, alone))
    return fit or None


def _correlations(result: Connectivity, name: str) -> tuple[Interval, Interval]:
    first, second = _correlation(result, name, 1), _correlation(result, name, 2)
    assert first is not None and second is not None
    return first, second


def _correlation(result: Connectivity, name: str, factor: int) -> Interval | None:
    rows = result.rows[(result.rows["property"] == name) & (result.rows["factor"] == factor)]
    return None if rows.empty else Interval(*(float(rows[end].iloc[0]) for end in ("rho", "low", "high")))


def structured(site: Site) -> list[Network] | None:
    """Those of them whose connections are more than chance."""
    return [network for network in networks(site) or [] if network.structured] or None


def every(values: list[bool]) -> str:
    """Whether something holds for all, some or none."""
    return HOLDS if all(values) else SOME if any(values) else FAILS


@dataclass(frozen=True)
class SecondFactor:
    """Networks whose connections are more than chance.

    Attributes:
        networks: all of them.
        split: whose second factor goes with frequency.
        one_for_both: titles of those whose first factor goes with both colour and frequency, while the second goes with
            no frequency.
    """

    networks: list[Network]
    split: list[Network]
    one_for_both: list[str]


def second_factor(site: Site) -> SecondFactor | None:
    """Of the networks whose connections are more than chance."""
    beyond_chance = structured(site)
    if beyond_chance is None:
        return None
    return SecondFactor(
        beyond_chance,
        [network for network in beyond_chance if network.second_is_frequency],
        [network.title for network in beyond_chance if network.one_for_both],
    )


def structure(network: Network) -> Effect:
    """The first factor's singular value, against connections at random."""
    what = "first singular value of the connections"
    return Effect(what, network.value, null=network.limit, count=network.units, of=UNITS)


def frequency(network: Network) -> Effect | None:
    """How far the second factor goes with frequency."""
    return estimated("ρ of the second factor with frequency", network.frequency[1], network.units, UNITS)


def frequency_second(e: SecondFactor) -> str:
    """In which networks it is."""
    if e.one_for_both:
        return SOME if e.split else FAILS
    if not e.split:
        return NEITHER
    return WITH_COLOUR if all(network.second_is_colour_too for network in e.split) else HOLDS


@dataclass(frozen=True)
class Divided:
    """A network's connections in communities."""

    title: str
    communities: Communities

    @property
    def clear(self) -> bool:
        """Whether they are clearer than in every network of connections at random."""
        return self.communities.modularity > self.communities.null_high


def divided(site: Site) -> list[Divided] | None:
    """Every network whose communities were looked for."""
    results = [(model.title, model.result(Connectivity)) for model in with_connections(site)]
    return [Divided(title, result.communities) for title, result in results if result and result.communities] or None


WITH_COLOUR = "holds with colour"
"""It holds by the rule, but wherever the second factor goes with frequency it goes with colour too."""

NEITHER = "neither"
"""The second factor goes with frequency in no network, and the first not with both."""

NAMES = "{{ networks | map(attribute='title') | listing }}"
FACTORS = (
    "{% set networks = e | selectattr('structured') | list %}{% if networks %}In " + NAMES + ", who reads whom has more"
    " structure than connections assigned at random.{% endif %}"
    "{% set networks = e | rejectattr('structured') | list %}{% if networks %} In " + NAMES + " it has no more, so that"
    " {{ 'its' if networks | length == 1 else 'their' }} factors mean nothing.{% endif %}"
)
ORIGINAL = (
    'The original article found colour in the first factor, and frequency in the second.{{ cite("voss2021branch") }}'
)
FIRST = (
    f"{ORIGINAL} {{% set networks = e | selectattr('chromatic') | list %}}The first factor goes with colour in {NAMES}"
    "{% if networks | length < e | length %}, not in every network with such structure{% endif %}."
)
FIRST_BRIEF = (
    "{% set networks = e | selectattr('chromatic') | list %}In undivided layers, the strongest pattern in who reads whom"
    f" follows colour in {NAMES}."
)
BOTH = (
    "In {{ e.one_for_both | listing }} the second half does not hold as stated: colour and frequency go with *one* factor,"
    " because coarse filters are the colourful ones. "
)
SPLIT = (
    "{% set alone = e.split | rejectattr('second_is_colour_too') | map(attribute='title') | list %}"
    "{% set mixed = e.split | selectattr('second_is_colour_too') | list %}"
    "{% if alone %}In {{ alone | listing }} the second factor does go with frequency. {% endif %}"
    "{% for n in mixed[:3] %}In {{ n.title }} the second factor goes with frequency"
    " ($|\\rho| = {{ n.frequency[1].mean | abs | fixed }}$), but with colour"
    " {{ 'no less' if n.chroma[1].mean | abs | round(2) >= n.frequency[1].mean | abs | round(2) else 'nearly as much' if"
    " n.chroma[1].mean | abs >= 0.8 * n.frequency[1].mean | abs else 'as well' }} ({{ n.chroma[1].mean | abs | fixed }})"
    "{% if n.frequency_alone %}. With colour taken out, {{ n.frequency_alone.mean | abs | fixed }} is left, which cannot be"
    " told from zero{% endif %}. That is a second pattern of colour as much as one of frequency. {% endfor %}"
    "{% if mixed | length > 3 %}So it is with colour in {{ mixed[3:] | map(attribute='title') | listing }}. {% endif %}"
)
OVER_UNITS = "Intervals are over filters, with the factors taken as they are; they do not speak for other trainings."
SPLIT_BRIEF = (
    "The second strongest follows frequency in {{ e.split | map(attribute='title') | listing }}"
    "{% if e.split | selectattr('second_is_colour_too') | list %}, and cannot be told from colour there{% endif %}."
)
BOTH_BRIEF = "That the second is frequency did not come out in {{ e.one_for_both | listing }}."

CLAIMS = (
    optional(
        Claim(
            name="connections-beyond-chance",
            statement="Who reads whom between the first two convolutions has more structure than chance.",
            source="",
            rule="holds for a network where p < 0.05 for the singular value of the first factor of correspondence analysis,"
            " against networks whose relative strengths belong to pairs of units at random",
            evidence=networks,
            verdict=lambda e: every([network.structured for network in e]),
            effect=of_one(structure),
            wording={HOLDS: FACTORS, SOME: FACTORS, FAILS: FACTORS},
            meaning={SOME: (UNDECIDED, "holds for some of the networks here")},
        )
    ),
    optional(
        Claim(
            name="first-factor-is-colour",
            statement="The first factor of the connections between the first two convolutions is colour.",
            source="voss2021branch",
            place="text on the singular vectors of InceptionV1",
            rule="among networks whose connections are more than chance, holds for one where the 95 % bootstrap interval over"
            " units of Spearman's ρ of the first factor and chroma lies above 0 (its sign is chosen so that ρ ≥ 0)",
            evidence=structured,
            verdict=lambda e: every([network.chromatic for network in e]),
            effect=of_one(lambda n: estimated("ρ of the first factor with chroma", n.chroma[0], n.units, UNITS)),
            wording={HOLDS: FIRST, SOME: FIRST, FAILS: f"{ORIGINAL} Neither came out here."},
            meaning={SOME: (UNDECIDED, "holds for some of the networks here")},
            brief={
                HOLDS: FIRST_BRIEF,
                SOME: FIRST_BRIEF,
                FAILS: "In undivided layers, the strongest pattern in who reads whom follows colour in none of these networks.",
            },
        )
    ),
    optional(
        Claim(
            name="second-factor-is-frequency",
            statement="The second factor of the connections between the first two convolutions is frequency.",
            source="voss2021branch",
            place="text on the singular vectors of InceptionV1, on the second factor",
            rule="among networks whose connections are more than chance, holds for one where the 95 % bootstrap interval over"
            " units of Spearman's ρ of the second factor and frequency excludes 0; fails for one where it does not and the"
            " first factor goes with colour and with low frequency, whose intervals exclude 0",
            evidence=second_factor,
            verdict=frequency_second,
            effect=lambda e: of_one(frequency)(e.networks),
            wording={
                HOLDS: SPLIT + OVER_UNITS,
                WITH_COLOUR: SPLIT + OVER_UNITS,
                SOME: BOTH + SPLIT + OVER_UNITS,
                FAILS: BOTH + OVER_UNITS,
                NEITHER: OVER_UNITS,
            },
            meaning={
                WITH_COLOUR: (HOLDS, "but it goes with colour as well, and frequency alone is not certain"),
                SOME: (UNDECIDED, "holds for some of the networks here"),
                NEITHER: (FAILS, "neither factor is frequency"),
            },
            brief={
                HOLDS: SPLIT_BRIEF,
                WITH_COLOUR: SPLIT_BRIEF,
                SOME: BOTH_BRIEF,
                FAILS: BOTH_BRIEF,
                NEITHER: "",
            },
        )
    ),
    description(
        "communities-of-connections",
        "There is a line along which a network could be cut: communities of who reads whom.",
        divided,
        "{% set networks = e | selectattr('clear') | list %}{% if networks %}In "
        + NAMES
        + " the communities are clearer than"
        " in any of the connections assigned at random, but faint: {{ term('modularity') }} is at most"
        " {{ networks | map(attribute='communities.modularity') | max | fixed }}, and 1 would be separate parts.{% endif %}"
        "{% set networks = e | rejectattr('clear') | list %}{% if networks %} In " + NAMES + " they are no clearer than"
        " chance.{% endif %}",
    ),
)
