"""Whether layers compress because their activations saturate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, NOTHING, Claim
from wbsite.claims.effect import Effect, counted
from wbsite.core.naming import STUDY
from wbsite.results.estimate import Estimate
from wbsite.results.information.saturation import KindCounts, Saturation
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read, table

LISTED = 6
"""Configurations that are listed, at most."""


class Network(NamedTuple):
    """Hidden layers of the runs of one configuration.

    Attributes:
        title: of the configuration.
        kinds: how many compress, saturate, do both or neither.
        still: compression where nothing saturates, in bits.
    """

    title: str
    kinds: KindCounts
    still: Estimate


class Compressing(NamedTuple):
    """How many layers that compress saturate as well, and how many do not."""

    both: int
    alone: int

    @property
    def layers(self) -> int:
        """That compress."""
        return self.both + self.alone


@dataclass(frozen=True)
class Evidence:
    """Layers whose activation function is flat somewhere, counted one by one.

    Attributes:
        networks: the study's first that have such layers.
        held, free: of networks with and without a limit on their weights.
        ranked: unconstrained networks with the rank correlation over seeds of compression and rise of saturation of
            their last hidden layer, where it is defined.
    """

    networks: list[Network]
    held: Compressing
    free: Compressing
    ranked: list[tuple[str, Estimate]]


def evidence(site: Site) -> Evidence | Gap:
    """What a site's study has of these."""
    results = read(site, Trajectories, Saturation)
    if isinstance(results, Gap):
        return results
    trajectories, saturation = results
    networks, ranked = [], []
    counts = {True: (0, 0), False: (0, 0)}  # by whether weights are held
    for configuration in trajectories.configurations:
        pooled = saturation.configurations[configuration.name]
        kinds, held = pooled.kinds, configuration.max_norm is not None
        if kinds.both is None or kinds.only_compresses is None:
            continue
        networks.append(Network(configuration.title, kinds, pooled.no_rise_compression))
        both, alone = counts[held]
        counts[held] = both + kinds.both, alone + kinds.only_compresses
        last = saturation.layers[configuration.name].get(configuration.hidden[-1])
        if last is not None and last.rho_seeds.mean is not None and not held:
            ranked.append((configuration.title, last.rho_seeds))
    return Evidence(networks[:LISTED], Compressing(*counts[True]), Compressing(*counts[False]), ranked)


def held_verdict(evidence: Evidence) -> str:
    """Of networks whose weights are held small."""
    if not evidence.held.layers:
        return "nothing compresses"
    return FAILS if evidence.held.alone > evidence.held.both else HOLDS


def saturating(evidence: Evidence) -> Effect | None:
    """Of the layers that compress with weights held small, the share that saturates."""
    held = evidence.held
    return counted("share of compressing layers that saturate", held.both, held.layers, "layers", 0.5)


ONLY_SMALL = "The verdict is on networks with small weights alone; Saxe and colleagues spoke of free ones."
"""What the rule looks at, and what it does not."""

CLAIMS = (
    description(
        "saturation-by-network",
        "How many layers compress, saturate, do both or neither.",
        evidence,
        lambda e: "counted" if e.networks else "nowhere flat",
        {
            "counted": table(
                "Hidden layers of all runs that lived, counted one by one.",
                (
                    "Network",
                    "Compress and saturate",
                    "Compress only",
                    "Saturate only",
                    "Neither",
                    "Bits lost where nothing saturates",
                ),
                "e.networks",
                (
                    *(f"{{{{ n.kinds.{kind} }}}}" for kind in ("both", "only_compresses", "only_saturates", "neither")),
                    "{{ n.still | interval }}",
                ),
            ),
            "nowhere flat": "",
        },
    ),
    Claim(
        name="compression-is-saturation",
        statement="Layers compress because their activations saturate.",
        source="saxe2018information",
        place="abstract",
        of=STUDY,
        rule=(
            "Of the hidden layers of all runs whose weights are held small that compress, as the analysis `saturation`"
            " counts them: fails where more do so without saturating than with, holds otherwise."
        ),
        evidence=evidence,
        verdict=held_verdict,
        effect=saturating,
        wording={
            FAILS: "With weights held small, most layers that compress do so without saturating:"
            f" {{{{ e.held.alone }}}} of {{{{ e.held.layers }}}}. {ONLY_SMALL} Saturation is one way to share a bin, and not"
            " the only one.",
            HOLDS: "With weights held small, most layers that compress saturate as well: {{ e.held.both }} of"
            f" {{{{ e.held.layers }}}}. {ONLY_SMALL}",
            "nothing compresses": "",
        },
        brief={
            FAILS: "with its weights held small, a layer can compress without saturating",
            HOLDS: "with their weights held small, layers that compress mostly saturate",
            "nothing compresses": "held small, weights let no layer compress here",
        },
        meaning={
            HOLDS: (HOLDS, "in networks whose weights are held small"),
            FAILS: (FAILS, "in networks whose weights are held small; others do not count"),
            "nothing compresses": (NOTHING, "no layer of a constrained network compresses"),
        },
    ),
    description(
        "saturation-with-free-weights",
        "How many layers with free weights saturate as they compress.",
        evidence,
        lambda e: "some compress" if e.free.layers else "nothing compresses",
        {
            "some compress": "With weights free, which the rule leaves aside, {{ e.free.both }} of the {{ e.free.layers }} that compress"
            " saturate.",
            "nothing compresses": "",
        },
    ),
    description(
        "saturation-over-seeds",
        "Whether runs that saturate more compress more.",
        evidence,
        lambda e: "ranked" if e.ranked else "too few seeds",
        {
            "ranked": "Among runs of one network with free weights, the rank correlation of the two in the last hidden"
            " layer is {% for title, rho in e.ranked[:3] %}{{ rho.mean | fixed }} for “{{ title }}”"
            "{{ ', ' if not loop.last }}{% endfor %}.",
            "too few seeds": "",
        },
    ),
)
