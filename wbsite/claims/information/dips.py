"""Whether the early dip of I(X;T) is the passage through the solution that only counts active inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import SEEDS, Effect
from wbsite.core.naming import STUDY
from wbsite.results.information.counting import Counting
from wbsite.results.information.dips import Dips, LayerDips
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read

LEVEL = 0.05
"""p below which a dip and an agreement go together."""

TRACE = 0.01
"""Excess of agreement, one sample in a hundred, below which it is no more than a trace."""

LISTED = 6
"""Configurations that are listed, at most."""


class Network(NamedTuple):
    """The dips of a configuration.

    Attributes:
        title: of the configuration.
        layers: those that dip in half of the runs or more.
        squeezed: whether most dips of its hidden layers follow on the largest I(X;T) of the untrained network or the
            first epoch.
    """

    title: str
    layers: list[tuple[str, LayerDips]]
    squeezed: bool


@dataclass(frozen=True)
class Deepest:
    """The hidden layer of an unconstrained network with hyperbolic tangents that dips in the most runs.

    Attributes:
        title: of its configuration.
        layer: its name.
        dips: None where no such layer dips.
    """

    title: str = ""
    layer: str = ""
    dips: LayerDips | None = None


def definition(site: Site) -> Dips | Gap:
    """The analysis of dips."""
    results = read(site, Dips)
    return results if isinstance(results, Gap) else results[0]


def networks(site: Site) -> list[Network] | Gap:
    """The study's first configurations."""
    results = read(site, Trajectories, Dips)
    if isinstance(results, Gap):
        return results
    trajectories, dips = results
    runs = dips.rows[(dips.rows["seed"] >= 0) & (dips.rows["layer"] != "output")]
    listed = []
    for configuration in trajectories.configurations[:LISTED]:
        layers = dips.layers[configuration.name]
        if not layers:
            continue
        often = [
            (layer, layers[layer])
            for layer in configuration.layers
            if layer in layers and layers[layer].dips and 2 * layers[layer].dips >= layers[layer].alive
        ]
        hidden = runs[runs["configuration"] == configuration.name]
        squeezed = 2 * (hidden["epoch_before"] <= 1).sum() > len(hidden)
        listed.append(Network(configuration.title, often, bool(squeezed)))
    return listed


def deepest(site: Site) -> Deepest | Gap:
    """The layer that the question is put to."""
    results = read(site, Trajectories, Dips, Counting)
    if isinstance(results, Gap):
        return results
    trajectories, dips, counting = results
    if counting.reason:
        return Gap(counting.reason, failed=False)
    most = Deepest()
    for configuration in trajectories.configurations:
        if configuration.activation != "tanh" or configuration.max_norm is not None:
            continue
        for layer in configuration.hidden:
            layer_dips = dips.layers[configuration.name].get(layer)
            if layer_dips and layer_dips.dips > (most.dips.dips if most.dips else 0):
                most = Deepest(configuration.title, layer, layer_dips)
    return most


def verdict(evidence: Deepest) -> str:
    """Whether a run that dips early agrees with the count early."""
    if evidence.dips is None:
        return "no dip"
    agreement = evidence.dips.agreement
    if agreement.p is None or agreement.excess is None:
        return UNDECIDED
    if agreement.p >= LEVEL:
        return FAILS
    return "trace" if agreement.excess < TRACE else HOLDS


def excess(e: Deepest) -> Effect | None:
    """How much more a run agrees with the count at its own dip than other runs do then."""
    if e.dips is None or e.dips.agreement.excess is None:
        return None
    what = f"agreement with the count at the dips of {e.layer}, beyond other runs'"
    return Effect(what, e.dips.agreement.excess, null=0, count=e.dips.dips, of=SEEDS)


AT_DIP = (
    "Is it the counting solution? Take {{ e.layer }} of {{ e.title }}. At its dip the runs decide as the count does on"
    " {{ e.dips.agreement.value.mean | percent(1) }} of the samples, more than at"
    " {{ e.dips.agreement.rank.mean | percent(1) }} of their other records, and $w$ explains"
    " {{ e.dips.eta_w.mean | share }} of the layer's variance; but the layer still holds"
    " {{ e.dips.h_given_w.mean | fixed }} bits beyond the count.{% if e.dips.agreement.ratio is not none %} The dip"
    " comes at {{ e.dips.agreement.ratio | fixed }} times the epoch at which the agreement is largest.{% endif %}"
)
TESTED = (
    f"{AT_DIP} If it were the passage, a run that dips early should also agree with the count early. Against pairing"
    " each dip with another run's course, agreement at a run's own dip is higher by"
    ' {{ (100 * e.dips.agreement.excess) | fixed }} points, $p$ = {{ "%.2g" | format(e.dips.agreement.p) }}.'
)

CLAIMS = (
    description(
        "dip-definition",
        "What a dip is.",
        definition,
        lambda e: "defined",
        {
            "defined": "A dip was defined before it was looked for: a record between epochs"
            " {{ e.window | join(' and ') }} at which $I(X;T)$ is at least {{ e.least }} bit below both an earlier and"
            " a later value."
        },
    ),
    description(
        "dips-by-network",
        "Which layers dip, in how many runs, how deep and when.",
        networks,
        lambda e: "counted" if e else "no run lived",
        {
            "counted": "{% for n in e %}- {{ n.title }}: {% for layer, dips in n.layers %}{{ layer }} dips in"
            " {{ dips.dips }} of {{ dips.alive }} runs, by {{ dips.depth | interval }} bits, at a median epoch of"
            " {{ dips.epoch_median | fixed(0) }}{{ '; ' if not loop.last }}{% else %}no layer dips in half of the"
            " runs{% endfor %}{% if n.squeezed %}; most dips of its hidden layers are no more than the fall from the"
            " untrained network and a partial recovery{% endif %}.\n{% endfor %}",
            "no run lived": "",
        },
    ),
    Claim(
        name="dip-is-counting",
        statement="The dip of I(X;T) is the passage through the solution that only counts active inputs.",
        source="",
        of=STUDY,
        rule=(
            "Of the hidden layer of an unconstrained tanh network that dips in the most runs: holds where the"
            " agreement with the count at a run's own dip exceeds that of the other runs' courses at the same epochs"
            f" with p below {LEVEL:g} by random pairing, and by {100 * TRACE:g} point or more; a trace where by less;"
            " fails where p is larger."
        ),
        evidence=deepest,
        verdict=verdict,
        effect=excess,
        wording={
            "no dip": "No hidden layer of an unconstrained network with hyperbolic tangents dips here.",
            UNDECIDED: AT_DIP,
            HOLDS: f"{TESTED} So the two go together run by run, and the guess holds.",
            "trace": f"{TESTED} So the two go together run by run, if only by a trace.",
            FAILS: f"{TESTED} So the dip comes at a time when all runs are near the counting solution, but **nothing"
            " ties a run's own dip to its own passage**: the guess fits the averages and is not shown by the runs.",
        },
        meaning={"no dip": (NOTHING, "no such layer dips"), "trace": (HOLDS, "if only by a trace")},
    ),
)
