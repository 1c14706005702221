"""Whether paths cancel, so that expanded weights hide what a unit reads, more than chance gives."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import UNITS, counted
from wbsite.claims.verdicts import description, optional
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.site import Model, Site

from ._network import ARTICLE, by_network, example_result

SHUFFLED_ONLY = "shuffled kernels only"
"""Units hide more than shuffled kernels explain, but not more than random signs do."""


@dataclass(frozen=True)
class Cancelling:
    """What cancels in a network."""

    model: Model
    cancellation: Cancellation


def networks(site: Site) -> list[Cancelling] | None:
    """Every network with layers whose paths could cancel."""
    results = [Cancelling(*pair) for pair in by_network(site, Cancellation)]
    return [result for result in results if result.cancellation.layers] or None


def evidence(site: Site) -> Cancelling | None:
    """The example network, if it has such layers."""
    pair = example_result(site, Cancellation)
    return Cancelling(*pair) if pair and pair[1].layers else None


def verdict(e: Cancelling) -> str:
    """By how many units count."""
    if not e.cancellation.beyond_shuffle:
        return FAILS
    return HOLDS if e.cancellation.beyond_signs else SHUFFLED_ONLY


HIDING = "share of units that hide more than shuffled kernels explain"

SOME_HIDE = (
    "In {{ e.model.title }}, {{ e.cancellation.beyond_shuffle }} of {{ e.cancellation.units | number }} units hide more of what they"
    " read than shuffled kernels explain"
)
WORDS = {
    HOLDS: SOME_HIDE + ", and some of these more than random signs do.",
    SHUFFLED_ONLY: SOME_HIDE
    + "; but none hides more than random signs do, so that its paths cancel no more than many unrelated ones would.",
    FAILS: "Of {{ e.cancellation.units | number }} units of {{ e.model.title }} none hides more of what it reads than shuffled kernels"
    " explain: some cancellation is found everywhere, and nowhere more than chance makes.",
}

CLAIMS = (
    description(
        "cancellation-by-network",
        "How many units hide more of their strongest sources than shuffled kernels do, network by network.",
        networks,
        "| network | units | hide more than with shuffled kernels | of these, more than with random signs |\n"
        "|---|---|---|---|\n"
        "{% for n in e %}{% set c = n.cancellation %}| [{{ n.model.title }}]({{ link(n.model) }}) | {{ c.units | number }}"
        " | {{ c.beyond_shuffle }} | {{ c.beyond_signs if c.beyond_shuffle else '–' }} |\n{% endfor %}",
    ),
    optional(
        Claim(
            name="boundary-units",
            statement="Some units are excited and inhibited by the same earlier unit along different paths, so that their"
            " expanded weights hide what they read.",
            source=ARTICLE,
            place="Figures 11 and 12",
            rule="units that hide more of their strongest sources than units of the same layer with shuffled kernels do, at"
            " a false discovery rate of 0.2 within the layer. Holds where there are some, and some of these hide more than"
            " random signs do at the same rate; fails where there are none.",
            evidence=evidence,
            verdict=verdict,
            effect=lambda e: counted(HIDING, e.cancellation.beyond_shuffle, e.cancellation.units, UNITS, 0),
            wording=WORDS,
            brief=WORDS,
            meaning={SHUFFLED_ONLY: (UNDECIDED, "holds against shuffled kernels, and not against random signs")},
        )
    ),
)
