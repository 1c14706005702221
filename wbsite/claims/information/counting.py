"""Whether networks stay at, pass through, or pass by the solution that only counts active inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import SEEDS, Effect, counted, estimated
from wbsite.core.naming import STUDY
from wbsite.results.information.counting import Baseline, Counting, CountingLayer, CountingRuns
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read, table
from .base import quoted

STAYS, EXACTLY = 0.99, 0.9999
"""Agreement with the count at the end, mean over runs, from which on a configuration stays at it, or does exactly."""

STRONG = 0.5
"""Max-norm below which a limit is strong."""


class Network(NamedTuple):
    """A configuration, and its runs that lived.

    Attributes:
        configuration: of the study.
        runs: what they do.
        last: what their last hidden layer knows at the end.
    """

    configuration: ConfigurationRecord
    runs: CountingRuns
    last: CountingLayer

    @property
    def title(self) -> str:
        """Of the configuration."""
        return self.configuration.title

    @property
    def quoted(self) -> str:
        """Its title in a sentence."""
        return quoted(self.title)


@dataclass(frozen=True)
class Evidence:
    """What the networks of a study do about the count.

    Attributes:
        harmonics: whether the data are those of Shwartz-Ziv and Tishby.
        baseline: of the best classifier that knows only the count.
        entropy: of the count, in bits.
        passed: agreement from which a run counts as at the counting solution.
        networks: configurations of which a run lived.
        strong: whether the study has a limit on weights below STRONG.
    """

    harmonics: bool
    baseline: Baseline
    entropy: float
    passed: float
    networks: list[Network]
    strong: bool

    @property
    def staying(self) -> list[Network]:
        """Networks that end at the counting solution."""
        return [each for each in self.networks if _agreement(each) >= STAYS]

    @property
    def passing(self) -> list[Network]:
        """Networks of which half the runs or more reach it, and that leave it again."""
        return [each for each in self._leaving if 2 * each.runs.passed >= each.runs.alive]

    @property
    def missing(self) -> list[Network]:
        """Networks most runs of which never reach it."""
        return [each for each in self._leaving if 2 * each.runs.passed < each.runs.alive]

    @property
    def constrained(self) -> list[Network]:
        """Networks that stay, of those with a limit on their weights."""
        return [each for each in self.staying if each.configuration.max_norm is not None]

    @property
    def _leaving(self) -> list[Network]:
        return [each for each in self.networks if _agreement(each) < STAYS]


def _agreement(network: Network) -> float:
    mean = network.runs.end_agreement.mean
    assert mean is not None  # a run lived
    return mean


def evidence(site: Site) -> Evidence | Gap:
    """What a site's study has of it."""
    results = read(site, Trajectories, Counting)
    if isinstance(results, Gap):
        return results
    trajectories, counting = results
    if counting.baseline is None:
        return Gap(counting.reason, failed=False)
    networks = [
        Network(each, counting.runs[each.name], counting.layers[each.name][each.hidden[-1]])
        for each in trajectories.configurations
        if counting.runs[each.name].alive
    ]
    return Evidence(
        harmonics=trajectories.data.harmonics,
        baseline=counting.baseline,
        entropy=counting.entropy,
        passed=counting.passed,
        networks=networks,
        strong=any(each.max_norm is not None and each.max_norm < STRONG for each in trajectories.configurations),
    )


def inputs(site: Site) -> str | Gap:
    """Why the inputs of a site's study cannot be counted, or ""."""
    results = read(site, Counting)
    return results if isinstance(results, Gap) else results[0].reason


def staying_verdict(evidence: Evidence) -> str:
    """Whether a configuration ends at the counting solution."""
    if evidence.staying:
        exact = min(map(_agreement, evidence.staying)) >= EXACTLY
        return "stays exactly" if exact else "stays"
    return "none stays" if evidence.strong else "no strong limit"


def linear_verdict(evidence: Evidence) -> str:
    """Whether a network without nonlinearity stays as well, where constrained ones do."""
    free = [each.configuration for each in evidence.staying if each.configuration.max_norm is None]
    linear = any(configuration.activation == "linear" for configuration in free)
    return "linear" if evidence.constrained and linear else "none"


def missing_verdict(evidence: Evidence) -> str:
    """Whether a configuration misses the counting solution, and another passes through it."""
    if not evidence.missing:
        return "none misses"
    return "others pass" if evidence.passing else "none passes"


def agreement(network: Network) -> Effect | None:
    """How nearly a network decides as the count does at the end."""
    what = f"agreement of {network.title} with the count, at the end"
    return estimated(what, network.runs.end_agreement, network.runs.alive, null=STAYS)


def nearest(evidence: Evidence) -> Effect | None:
    """Of the network that is nearest to the count."""
    return agreement(max(evidence.networks, key=_agreement)) if evidence.networks else None


def straight(evidence: Evidence) -> Effect | None:
    """Of the network without nonlinearity and limit; None where there is none."""
    linear = [each for each in evidence.networks if each.configuration.activation == "linear"]
    return next((agreement(each) for each in linear if each.configuration.max_norm is None), None)


def reaching(evidence: Evidence) -> Effect | None:
    """Of the networks that do not stay, the largest share of runs that reach the counting solution."""
    leaving = [*evidence.passing, *evidence.missing]
    if not leaving:
        return None
    most = max(leaving, key=lambda each: each.runs.passed / each.runs.alive)
    what = f"share of runs of {most.title} that reach it"
    return counted(what, most.runs.passed, most.runs.alive, SEEDS, 0.5)


KNOWN = (
    "who knows only the number of active inputs, {{ term('number of active inputs') }}, and nothing of where they are, is"
    " right for {{ e.baseline.accuracy | percent }} of the samples"
)

HEAD = (
    "Network", "Runs", "Accuracy at the end", "Agreement with the count at the end", "Largest agreement",
    "at epoch (median)", "Runs that reach {{ e.passed | percent }}",
)  # fmt: skip
CELLS = (
    "{{ n.runs.alive }}", "{{ n.runs.end_accuracy.mean | percent(1) }}", "{{ n.runs.end_agreement.mean | percent(1) }}",
    "{{ n.runs.top_agreement.mean | percent(1) }}", "{{ n.runs.top_epoch | fixed(0) }}", "{{ n.runs.passed }}",
)  # fmt: skip
CAPTION = (
    "On how many samples networks decide as the best classifier that knows only the count, means over runs. A network"
    " without errors agrees with it on {{ e.baseline.accuracy | percent(1) }}."
)

NAMES = "{{ e.%s | map(attribute='quoted') | listing }}"
STAYING = (
    f"{NAMES % 'staying'} {{{{ 'ends' if e.staying | length == 1 else 'end' }}}} where counting leads%s."
    " That is where an accuracy of {{ e.staying[0].runs.end_accuracy.mean | percent }} comes from."
)
MISSING = (
    f"Of {NAMES % 'missing'}, fewer than half of the runs ever agree with the count on {{{{ e.passed | percent }}}} of the"
    " samples."
)

CLAIMS = (
    description(
        "counting-baseline",
        "What the number of active inputs tells of the label.",
        evidence,
        lambda e: "harmonics" if e.harmonics else "other data",
        {
            "harmonics": "The label depends on how many inputs are active and on where they are. Someone"
            + f" {KNOWN}.",
            "other data": f"Someone {KNOWN}.",
        },
    ),
    description(
        "counting-by-network",
        "How nearly each network decides as the count does.",
        evidence,
        lambda e: "measured",
        {"measured": table(CAPTION, HEAD, "e.networks", CELLS)},
    ),
    description(
        "counting-inputs",
        "Whether the inputs of the study can be counted.",
        inputs,
        lambda e: "not countable" if e else "countable",
        {
            "not countable": "Whether constrained networks count active inputs can be asked of networks whose inputs"
            " are on or off. Here, {{ e }}",
            "countable": "",
        },
    ),
    Claim(
        name="counting-stays",
        statement="Networks whose weights are held down strongly never leave the solution that only counts.",
        source="",
        of=STUDY,
        rule=(
            "A configuration stays at the counting solution where its runs that lived decide at the end, on average,"
            f" as the best classifier that knows only the count on {STAYS:.0%} of the samples or more; exactly, where"
            f" on {EXACTLY:.2%}. Holds where one does; undecided where none does and no max-norm is below {STRONG:g}."
        ),
        evidence=evidence,
        verdict=staying_verdict,
        effect=nearest,
        wording={
            "stays exactly": STAYING % ", exactly: on every sample the decision is that of the count",
            "stays": STAYING % "",
            "none stays": "No network ends where counting leads, not even under a strong limit.",
            "no strong limit": "No network here ends where counting leads; the strong limit under which that was"
            " suspected was not trained.",
        },
        brief={
            "stays exactly": "held small enough, a network decides by the number of active inputs alone",
            "stays": "held small enough, a network keeps little but the number of active inputs",
            "none stays": "",
            "no strong limit": "",
        },
        meaning={
            "stays exactly": (HOLDS, "exactly"),
            "stays": (HOLDS, ""),
            "none stays": (FAILS, ""),
            "no strong limit": (UNDECIDED, "no network is held down strongly"),
        },
    ),
    description(
        "counting-and-the-rest",
        "What constrained networks that only count keep besides the count.",
        evidence,
        lambda e: "constrained" if e.constrained else "none",
        {
            "constrained": "What is compressed is everything else:"
            " {% for n in e.constrained %}{{ 'of' if loop.first else 'and of' }} the {{ e.entropy | fixed(1) }} bits of"
            " the count the last hidden layer of {{ n.quoted }} keeps {{ n.last.end_i_tw.mean | fixed(1) }}, and"
            " {{ n.last.end_h_given_w.mean | fixed(1) }} of anything beyond"
            " it{{ ', ' if not loop.last }}{% endfor %}.",
            "none": "",
        },
    ),
    Claim(
        name="counting-is-linear",
        statement="Counting is as far as training takes a linear decision.",
        source="",
        of=STUDY,
        rule=(
            "Holds where a network without nonlinearity and without a limit on its weights stays at the counting"
            " solution, as constrained ones do."
        ),
        evidence=evidence,
        verdict=linear_verdict,
        effect=straight,
        wording={
            "linear": "A network without any nonlinearity ends there as well, without a limit: counting is as far as"
            " training takes a linear decision on these data. Small weights keep activations small, where a hyperbolic"
            " tangent is nearly straight; that would be reason enough to stay.",
            "none": "",
        },
        meaning={"linear": (HOLDS, ""), "none": (UNDECIDED, "no such network stays, or none was trained")},
    ),
    Claim(
        name="counting-passes",
        statement="Networks pass through the solution that only counts.",
        source="",
        of=STUDY,
        rule=(
            "Of the configurations that do not stay: holds where half the runs of one, or more, agree with the count"
            " on as many samples as the analysis `counting` asks for at some record after the untrained network."
        ),
        evidence=evidence,
        verdict=lambda e: "pass" if e.passing else "none passes",
        effect=reaching,
        wording={
            "pass": f"{NAMES % 'passing'} {{{{ 'passes' if e.passing | length == 1 else 'pass' }}}} through counting"
            " early in training and then {{ 'leaves' if e.passing | length == 1 else 'leave' }} it.",
            "none passes": "",
        },
        meaning={"pass": (HOLDS, "of some"), "none passes": (FAILS, "")},
    ),
    description(
        "counting-misses",
        "Networks that come near the solution that only counts and not to it.",
        evidence,
        missing_verdict,
        {"none misses": "", "others pass": MISSING, "none passes": MISSING},
    ),
)
