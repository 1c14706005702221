"""Whether four branches divide frequency as well as colour."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.branches.branch_experiments import BranchDifference
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, BEYOND_CHANCE, IN_SOME, SUITE, certain, trainings, trials


@dataclass(frozen=True)
class Frequency:
    """How far four branches differ in frequency, and in what a line through chroma leaves of it."""

    seeds: int
    frequency: BranchDifference
    beyond_colour: BranchDifference


def frequency(site: Site) -> Frequency | Gap | None:
    """Of the first setting's networks with four branches."""
    experiments = trials("four")(site)
    if experiments is None or isinstance(experiments, Gap):
        return experiments
    four = experiments["four"]
    return Frequency(four.seeds, four.differences["frequency"], four.differences["frequency beyond colour"])


IN_FREQUENCY = (
    "With four branches, {{ e.frequency.beyond_chance | tally(e.seeds) }} trainings had branches that differ in frequency by"
    " more than chance; with what colour explains taken out, {{ e.beyond_colour.beyond_chance | tally(e.seeds) }}."
)

CLAIMS = (
    optional(
        Claim(
            name="four-branches-divide-frequency",
            statement="Four branches divide frequency as well as colour.",
            source=ARTICLE,
            place="text after the singular vectors of InceptionV1, on more than two branches",
            of=SUITE,
            rule=f"{BEYOND_CHANCE}, here in frequency beyond what a line through the ranks of chroma explains; holds where every"
            " training with four branches is, fails where none is",
            evidence=frequency,
            verdict=lambda e: trainings(e.beyond_colour.beyond_chance, e.seeds),
            effect=lambda e: certain(e.beyond_colour, e.seeds, "frequency beyond colour"),
            wording=dict.fromkeys((HOLDS, SOME, FAILS), IN_FREQUENCY),
            meaning=IN_SOME,
        )
    ),
)
