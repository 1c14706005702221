"""Whether some unit reads less colour in the middle than around it."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import optional
from wbsite.results.site import Site

from ._network import UNIT, ExampleFinding, example_finding, score


def evidence(site: Site) -> ExampleFinding | None:
    """The unit nearest to it."""
    return example_finding(site, "black-and-white-centre")


WORDS = (
    f"{UNIT} is an example: of {{{{ e.finding.considered }}}} units, its expanded weights come nearest to reading *less*"
    ' colour in the middle than around it ({{ ref("example-expanded") }}).'
)

CLAIMS = (
    optional(
        Claim(
            name="black-and-white-centre",
            statement="Some unit reads less colour in the middle than around it.",
            source="",
            rule="highest cosine, of all units at a depth, of expanded weights to the first filters with reading less colour"
            " in the middle than around it; holds where it exceeds the 95th percentile of the same with the filters'"
            " colourfulness assigned to them at random, 200 times.",
            evidence=evidence,
            verdict=lambda e: HOLDS if e.finding.beyond_chance else FAILS,
            effect=score,
            wording={
                HOLDS: WORDS + " It does so more clearly than chance allows.",
                FAILS: WORDS
                + " Chance brings some unit as near, so it illustrates the method and says nothing about the unit.",
            },
        )
    ),
)
