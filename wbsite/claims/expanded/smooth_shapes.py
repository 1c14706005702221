"""Whether expanded weights over several layers are smooth shapes, beyond what composition makes."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import UNITS, Effect
from wbsite.claims.verdicts import SOME, description, optional
from wbsite.results.expanded.long_range import LongRange, RangeSummary
from wbsite.results.site import Model, Site

from ._network import ARTICLE, by_network, example_result

CHANCE = 0.05
"""Share of units beyond the 95th percentile of the null by chance."""


@dataclass(frozen=True)
class Shapes:
    """Smoothness at a distance.

    Attributes:
        model: the network.
        smoothness: at two steps.
        further: at three steps, if there are pairs of layers that far apart.
        balance: of both signs, at two steps.
    """

    model: Model
    smoothness: RangeSummary
    further: RangeSummary | None
    balance: RangeSummary | None


def shapes(model: Model, long_range: LongRange) -> Shapes | None:
    """None without pairs of layers two steps apart."""
    summary = long_range.summary
    if "2" not in summary.smoothness:
        return None
    return Shapes(model, summary.smoothness["2"], summary.smoothness.get("3"), summary.balance.get("2"))


def networks(site: Site) -> list[Shapes] | None:
    """Every network with pairs of layers two steps apart."""
    results = [shapes(model, long_range) for model, long_range in by_network(site, LongRange)]
    return [result for result in results if result is not None] or None


def evidence(site: Site) -> Shapes | None:
    """The example network."""
    pair = example_result(site, LongRange)
    return shapes(*pair) if pair else None


def further(site: Site) -> Shapes | None:
    """The example network, if it has pairs of layers three steps apart."""
    network = evidence(site)
    return network if network and network.further else None


def balanced(site: Site) -> Shapes | None:
    """The example network, if the balance of signs was measured."""
    network = evidence(site)
    return network if network and network.balance else None


def verdict(e: Shapes) -> str:
    """Typical, more frequent than chance, or what composition makes."""
    share, low = e.smoothness.share, e.smoothness.share_low
    if share > 0.5 and (low is None or low > CHANCE):
        return HOLDS
    return SOME if low is not None and low > CHANCE else FAILS


def verdict_further(e: Shapes) -> str:
    """Whether at least half of the units are smoother."""
    assert e.further is not None
    return FAILS if e.further.share < 0.5 else HOLDS


def smoother(summary: RangeSummary) -> Effect:
    """The share of units smoother than the null."""
    what = "share of units smoother than shuffled kernels"
    return Effect(
        what, summary.share, summary.share_low, summary.share_high, null=CHANCE, count=summary.units, of=UNITS
    )


BRIEF = (
    "Two convolutions back, {{ e.smoothness.share | percent }} of the units of {{ e.model.title }} have smoother expanded"
    " weights than shuffled kernels make{% if e.further %}; three back {{ e.further.share | percent }}{% endif %}."
)
FURTHER = " Three convolutions back {{ e.further.share | percent }} of units are smoother than with shuffled kernels"

CLAIMS = (
    description(
        "smoothness-by-network",
        "How many units have expanded weights smoother than shuffled kernels make them, network by network.",
        networks,
        '| network | units | smoother than with shuffled kernels | median {{ term("Moran\'s I") }} | with shuffled kernels |\n'
        "|---|---|---|---|---|\n"
        "{% for n in e %}{% set s = n.smoothness %}| [{{ n.model.title }}]({{ link(n.model) }}) | {{ s.units }}"
        " | {{ s.share | percent }}{% if s.share_low is not none %} ({{ s.share_low | percent }} to"
        " {{ s.share_high | percent }}){% endif %} | {{ s.median | fixed }} | {{ s.null_median | fixed }} |\n{% endfor %}",
    ),
    optional(
        Claim(
            name="smooth-shapes",
            statement="Expanded weights over several layers are typically smooth shapes, like orbitals of electrons.",
            source=ARTICLE,
            place="Figure 13",
            rule="share of units, two spatial convolutions back, whose maps are smoother (Moran's I) than 95 % of those of"
            " shuffled kernels, with Student's 95 % interval over pairs of layers where there are four or more. Holds where"
            " more than half are, and the interval, if there is one, lies above 5 %; for some where it lies above 5 % and"
            " half or fewer are.",
            evidence=evidence,
            verdict=verdict,
            effect=lambda e: smoother(e.smoothness),
            wording={
                HOLDS: "In {{ e.model.title }} smooth shapes are typical two convolutions back, and smoother than"
                " composition alone makes them.",
                SOME: "In {{ e.model.title }} more units than chance allows are smoother, two convolutions back, than"
                " composition alone makes them, but most are not.",
                FAILS: "In {{ e.model.title }} expanded weights are as smooth as composition alone makes them; that smooth"
                " shapes are typical does not hold beyond that.",
            },
            meaning={SOME: (UNDECIDED, "holds for more units than chance, not for most")},
            brief={HOLDS: BRIEF, SOME: BRIEF, FAILS: BRIEF},
        )
    ),
    optional(
        Claim(
            name="smooth-shapes-further-back",
            statement="Three spatial convolutions back, most units' expanded weights are smoother than composition makes.",
            source="",
            rule="share of units, three spatial convolutions back, whose maps are smoother (Moran's I) than 95 % of those of"
            " shuffled kernels; holds where it is at least one half.",
            evidence=further,
            verdict=verdict_further,
            effect=lambda e: smoother(e.further),
            wording={
                HOLDS: FURTHER + ".",
                FAILS: FURTHER + ": further back, composition alone makes most of them as smooth.",
            },
        )
    ),
    description(
        "balanced-lobes",
        "Excitation and inhibition balance over a unit's expanded weights, as the lobes of an orbital do.",
        balanced,
        " Shape has another side, which was measured only after the maps had been seen: in {{ e.balance.share | percent }} of"
        " units excitation and inhibition balance better than with shuffled kernels. Shuffled kernels, it seems, compose to"
        " blobs of one sign, and real ones to lobes of both.",
    ),
)
