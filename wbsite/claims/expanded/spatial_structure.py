"""Whether a network has units whose kernels are clearly structured in space."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import optional
from wbsite.results.site import Site

from ._network import UNIT, ExampleFinding, example_finding, score


def evidence(site: Site) -> ExampleFinding | None:
    """The unit with the clearest structure."""
    return example_finding(site, "example")


WORDS = (
    f"The unit is {UNIT} of {{{{ e.model.title }}}}, picked by a rule and not by eye: of all {{{{ e.finding.considered }}}} units"
    " at its depth, its weights have the clearest structure in space."
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
            wording={
                HOLDS: WORDS + " With positions shuffled, no unit has as much.",
                FAILS: WORDS
                + " With positions shuffled some unit has as much, so there is less in it than the eye sees.",
            },
            brief={
                HOLDS: "A weight becomes readable once both of its ends are pictured, and in"
                " {{ e.model.title }} some kernels then show more order than chance allows.",
                FAILS: "A weight becomes readable once both of its ends are pictured; in {{ e.model.title }} no"
                " kernels show more order than chance allows.",
            },
        )
    ),
)
