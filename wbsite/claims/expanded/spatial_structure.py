"""Whether a network has units whose kernels are clearly structured in space."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import optional
from wbsite.results.site import Site

from ._network import UNIT, VERSUS, ExampleFinding, example_finding, score


def evidence(site: Site) -> ExampleFinding | None:
    """The unit with the clearest structure."""
    return example_finding(site, "example")


WORDS = (
    f'{{{{ ref("unit-inputs") }}}} does this for one unit: {UNIT} of {{{{ e.model.title }}}}, taken because, of'
    " {{ e.finding.considered }} units at its depth, its kernels have the clearest spatial structure. The score, the share"
    f" of the squared weights that two patterns over positions explain, is {VERSUS}."
)

CLAIMS = (
    optional(
        Claim(
            name="clear-spatial-structure",
            statement="Some unit's kernels are structured in space more clearly than kernels without order.",
            source="",
            rule="the highest share of its squared weights over the wide map before it that two patterns over positions"
            " explain, of all units at a depth; holds where that exceeds the highest share of any unit with the positions"
            " of each input in random order, over ten orders.",
            evidence=evidence,
            verdict=lambda e: HOLDS if e.finding.beyond_chance else FAILS,
            effect=score,
            wording={HOLDS: WORDS, FAILS: WORDS},
        )
    ),
)
