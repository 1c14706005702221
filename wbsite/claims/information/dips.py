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

from ._study import description, read, table

LEVEL = 0.05
"""p below which a dip and an agreement go together."""

TRACE = 0.01
"""Excess of agreement, one sample in a hundred, below which it is no more than a trace."""

LISTED = 6
"""Configurations that are listed, at most."""


class Dipping(NamedTuple):
    """A hidden layer that dips in half of its network's runs or more.

    Attributes:
        title: of the network.
        layer: its name.
        dips: of the runs.
        early: of these, how many follow on the largest I(X;T) of the untrained network or the first epoch.
    """

    title: str
    layer: str
    dips: LayerDips
    early: int


@dataclass(frozen=True)
class Networks:
    """Hidden layers that dip in the study's first networks of which a run lived.

    Attributes:
        layers: by network, in the order of depth.
        lived: how many networks.
    """

    layers: list[Dipping]
    lived: int


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


def networks(site: Site) -> Networks | Gap:
    """The study's first configurations."""
    results = read(site, Trajectories, Dips)
    if isinstance(results, Gap):
        return results
    trajectories, dips = results
    configurations = [each for each in trajectories.configurations[:LISTED] if dips.layers[each.name]]
    runs = dips.rows[(dips.rows["seed"] >= 0) & (dips.rows["epoch_before"] <= 1)]
    early = runs.groupby(["configuration", "layer"]).size()
    layers = [
        Dipping(each.title, layer, of_layer, int(early.get((each.name, layer), 0)))
        for each in configurations
        for layer, of_layer in dips.layers[each.name].items()
        if layer != "output" and of_layer.dips and 2 * of_layer.dips >= of_layer.alive
    ]
    return Networks(layers, len(configurations))


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
    "Is it the moment at which the network passes through counting? Take {{ e.layer }} of “{{ e.title }}”, which dips most often. At its dip the runs decide as the count does on"
    " {{ e.dips.agreement.value.mean | percent }} of the samples, more than at"
    " {{ e.dips.agreement.rank.mean | percent }} of their other records."
)
TESTED = f"{AT_DIP} But if the dip were the passage, a run that dips early should count early."

CLAIMS = (
    description(
        "dip-definition",
        "What a dip is.",
        definition,
        lambda e: "defined",
        {
            "defined": "A dip was defined before it was looked for: a record between epochs"
            " {{ e.window | join(' and ') }} that is clearly below both an earlier and a later one."
        },
    ),
    description(
        "dips-by-network",
        "Which layers dip, in how many runs, how deep and when.",
        networks,
        lambda e: "counted" if e.layers else "none" if e.lived else "no run lived",
        {
            "counted": table(
                "Hidden layers that dip in half of the runs or more.",
                (
                    "Network",
                    "Layer",
                    "Runs that dip",
                    "Depth, bits",
                    "at epoch (median)",
                    "Dips after a fall at the first steps",
                ),
                "e.layers",
                (
                    "{{ n.layer }}",
                    "{{ n.dips.dips }} of {{ n.dips.alive }}",
                    "{{ n.dips.depth | interval }}",
                    "{{ n.dips.epoch_median | fixed(0) }}",
                    "{{ n.early }}",
                ),
            ),
            "none": "In no network does a hidden layer dip in half of the runs.",
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
            UNDECIDED: f"{AT_DIP} Too few runs dip to say more.",
            HOLDS: f"{TESTED} So it does: the two go together run by run, and the guess holds.",
            "trace": f"{TESTED} So it does, if only by a trace.",
            FAILS: f"{TESTED} It does not: **nothing ties a run's own dip to its own passage**. The guess fits the"
            " averages and not the runs.",
        },
        meaning={"no dip": (NOTHING, "no such layer dips"), "trace": (HOLDS, "if only by a trace")},
    ),
)
