"""Whether a network has high–low frequency detectors, and how few kinds of inputs they draw on."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import description, optional
from wbsite.results.expanded.examples import Family
from wbsite.results.site import Site

from ._network import VERSUS, ExampleFinding, example_finding, score

RULE = "high-low"
DETECTORS = "schubert2021highlow"


def evidence(site: Site) -> ExampleFinding | None:
    """The family nearest to it."""
    return example_finding(site, RULE)


def family(site: Site) -> Family | None:
    """Factors of the family's weights."""
    detectors = example_finding(site, RULE)
    return None if detectors is None else detectors.examples.families[RULE]


WORDS = (
    "High–low frequency detectors are the known example: units that look for fine texture on one side and coarse texture"
    f' on the other.{{{{ cite("{DETECTORS}") }}}} They are found here by what they read of the first filters, through all'
    f" layers between: {{{{ e.finding.title }}}} score {VERSUS}. "
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
                HOLDS: WORDS,
                FAILS: WORDS
                + "**That is no more than chance gives**, so {{ e.model.title }} has no clear family of them"
                " at this depth, and what follows shows the nearest it has.",
            },
        )
    ),
    description(
        "high-low-factors",
        "How much of a family's weights two factors over its inputs explain.",
        family,
        "Two factors explain {{ e.explained | share }} of the squared weights of these {{ e.channels | length }} units over"
        " {{ e.inputs }} inputs. To know whether that is much, {{ e.by_count_random | length }} random groups of as many"
        ' units of the same layer were factorised too ({{ ref("factor-variance") }}).',
    ),
)
