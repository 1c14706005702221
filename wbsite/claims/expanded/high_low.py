"""Whether a network has high–low frequency detectors, and how few kinds of inputs they draw on."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import description, optional
from wbsite.results.site import Site

from ._network import ExampleFinding, called, example_finding, score

RULE = "high-low"
DETECTORS = "schubert2021highlow"


def evidence(site: Site) -> ExampleFinding | None:
    """The family nearest to it."""
    return example_finding(site, RULE)


@dataclass(frozen=True)
class Factored:
    """Two factors of the family's weights, and of random groups of as many units of its layer.

    Attributes:
        family: what they are to be called.
        explained: share of the squared weights that two factors explain.
        low, high: least and largest share of a random group.
    """

    family: str
    explained: float
    low: float
    high: float


def factored(site: Site) -> Factored | None:
    """Of the example network."""
    detectors = example_finding(site, RULE)
    if detectors is None:
        return None
    family = detectors.examples.families[RULE]
    groups = [by_count[1] for by_count in family.by_count_random]
    return Factored(called(detectors.finding), family.by_count[1], min(groups), max(groups))


WORDS = (
    "High–low frequency detectors are the known example: units that look for fine texture on one side and coarse texture"
    f' on the other.{{{{ cite("{DETECTORS}") }}}} '
)

CLAIMS = (
    optional(
        Claim(
            name="high-low-detectors",
            statement="There is a family of units that look for fine texture on one side and coarse texture on the other.",
            source=DETECTORS,
            rule="mean cosine, over the best family of units of one layer, of expanded weights to the first filters with"
            " reading fine filters on one side and coarse ones on the other, colour apart; holds where it exceeds the 95th"
            " percentile of the same with the filters' frequencies assigned to them at random, 200 times.",
            evidence=evidence,
            verdict=lambda e: HOLDS if e.finding.beyond_chance else FAILS,
            effect=score,
            wording={
                HOLDS: WORDS
                + "{{ e.model.title }} has such a family: by what they read of the first layer, these units fit the"
                " description better than chance allows.",
                FAILS: WORDS
                + "**{{ e.model.title }} has no clear family of them** at this depth. The units that come nearest fit the"
                " description no better than chance allows, and are shown for the method alone.",
            },
        )
    ),
    description(
        "high-low-factors",
        "How much of a family's weights two factors over its inputs explain.",
        factored,
        "Two factors explain {{ e.explained | percent }} of the squared weights of {{ e.family }}; of random groups of as"
        " many units from the same layer, {{ e.low | percent }} to {{ e.high | percent }}.",
    ),
)
