"""Whether the peaks in the activations of strongly constrained networks are counts of active inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import UNITS, Effect, estimated
from wbsite.core.naming import STUDY
from wbsite.results.information.activation_peaks import HIDDEN, ActivationPeaks, PeakSummary
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read, table
from .base import quoted

EQUAL, EXPLAINED = 0.9, 0.95
"""Share of the tested units with equally spaced peaks, and η² by the count, from which on peaks are counts."""

MOST = 0.5
"""η² by the count above which it explains most of what units do."""


class Network(NamedTuple):
    """The hidden units of a configuration.

    Attributes:
        title: of the configuration.
        held: whether its weights are held small.
        units: their peaks.
    """

    title: str
    held: bool
    units: PeakSummary

    @property
    def quoted(self) -> str:
        """Its title in a sentence."""
        return quoted(self.title)

    @property
    def counts(self) -> bool:
        """Whether the peaks are counts."""
        units, explained = self.units, self.units.eta_w.mean
        if not units.tested or explained is None:
            return False
        return units.equal >= EQUAL * units.tested and explained >= EXPLAINED


@dataclass(frozen=True)
class Evidence:
    """Peaks of the hidden units at the end of training.

    Attributes:
        networks: configurations of which a run lived.
    """

    networks: list[Network]

    @property
    def clear(self) -> list[Network]:
        """Networks whose peaks are counts."""
        return [each for each in self.networks if each.counts]

    @property
    def vague(self) -> list[Network]:
        """Networks with small weights and peaks that are not clearly counts."""
        tested = [each for each in self.networks if each.units.tested and each.units.eta_w.mean is not None]
        return [each for each in tested if each.held and not each.counts]


def evidence(site: Site) -> Evidence | Gap:
    """What a site's study has of them."""
    results = read(site, Trajectories, ActivationPeaks)
    if isinstance(results, Gap):
        return results
    trajectories, peaks = results
    if peaks.reason:
        return Gap(peaks.reason, failed=False)
    return Evidence(
        [
            Network(each.title, each.max_norm is not None, peaks.layers[each.name][HIDDEN])
            for each in trajectories.configurations
            if HIDDEN in peaks.layers[each.name]
        ]
    )


def vague_verdict(evidence: Evidence) -> str:
    """How much the count explains where peaks are not clearly counts."""
    if not evidence.vague:
        return "none"
    least = min(each.units.eta_w.mean or 0.0 for each in evidence.vague)
    return "most" if least > MOST else "less than half"


def explained(evidence: Evidence) -> Effect | None:
    """How much the count explains, in the network with units that were tested of which it explains most."""
    tested = [each for each in evidence.networks if each.units.tested and each.units.eta_w.mean is not None]
    if not tested:
        return None
    most = max(tested, key=lambda each: each.units.eta_w.mean or 0.0)
    what = f"η² by the count in {most.title}, the largest of {len(tested)}"
    return estimated(what, most.units.eta_w, most.units.units, UNITS, EXPLAINED)


HEAD = ("Network", "Peaks of a unit", "Units with three or more", "of these, equally spaced", "η² by the count",
        "η² before training")  # fmt: skip
CELLS = ("{{ n.units.peaks.mean | fixed(1) }}", "{{ n.units.several.mean | percent }}",
         "{{ n.units.equal }} of {{ n.units.tested }}", "{{ n.units.eta_w.mean | fixed }}",
         "{{ n.units.eta_untrained.mean | fixed }}")  # fmt: skip
CAPTION = (
    "Peaks of the hidden units at the end of training. Equally spaced: gaps vary less than those of as many peaks thrown at"
    " random, which one unit in twenty passes by chance."
)

VAGUE = (
    "In {{ e.vague | map(attribute='quoted') | listing }} units have peaks as well, but few are equally spaced, and %s."
)

CLAIMS = (
    description(
        "peaks-by-network",
        "How many peaks units have, and how much of them the count explains.",
        evidence,
        lambda e: "counted",
        {"counted": table(CAPTION, HEAD, "e.networks", CELLS)},
    ),
    Claim(
        name="peaks-are-counts",
        statement="The equally spaced peaks in the activations of strongly constrained networks are counts.",
        source="",
        of=STUDY,
        rule=(
            f"Holds of a configuration where {EQUAL:.0%} or more of the hidden units with three peaks or more have"
            " gaps more equal than chance (p ≤ 0.05), and the count explains, by η² averaged over runs,"
            f" {EXPLAINED:.0%} or more of their activations."
        ),
        evidence=evidence,
        verdict=lambda e: HOLDS if e.clear else "none",
        effect=explained,
        wording={
            HOLDS: "In {{ e.clear | map(attribute='quoted') | listing }} the peaks are there, they are equally spaced,"
            " and **they are the counts**.",
            "none": "",
        },
        meaning={HOLDS: (HOLDS, "of some networks"), "none": (FAILS, "of any network here")},
    ),
    description(
        "peaks-partly-counts",
        "How much the count explains in the other constrained networks.",
        evidence,
        vague_verdict,
        {
            "most": VAGUE % "the count explains most of what units do, but not all",
            "less than half": VAGUE % "the count explains less than half of what units do in some of them",
            "none": "",
        },
    ),
)
