"""Do branches specialize out there? One hypothesis, written down before any response of a unit was looked at.

What is measured. Of each network that can be run and reads pictures in one channel or three, two groups of branches at
most: the first whose paths are concatenated, and the first of any other kind (residual stages, groups of a
convolution, towers). A group counts where no layer of it reads the picture itself and where one stimulus, on the canvas
that its units need (`featurevis/presentation.py`), takes at most 500 million multiply-adds: a bound on the time of a
census, chosen by how long groups take and not by what they show. Each group and those of five untrained copies of the
network see the same stimuli.

What would refute it: branches of trained networks that tell no more of what their units are tuned to than branches of
the same networks before training, whose units share kernel sizes, depth and inputs and nothing else.
"""

from __future__ import annotations

from dataclasses import replace

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import Effect
from wbsite.claims.verdicts import description, optional
from wbsite.core.naming import CENSUS
from wbsite.results.census.branches import Sorted, WildBranches
from wbsite.results.site import Gap, Site

FEWEST = 6
"""Packages below which nothing is tested: flips of the sign of five cannot come to p < 0.05."""

LEVEL = 0.05

SMALLEST = 0.02
"""Share of the variance of tuning below which training would have sorted next to nothing into branches."""

QUANTITY = "share of the variance of tuning that lies between branches, chance at 0, minus the same of untrained copies"

SHARES = (
    "beyond chance the branch tells {{ e.trained | percent(1) }} of what its units are tuned to, and"
    " {{ e.untrained | percent(1) }} in untrained copies of the same networks"
)


def measured(site: Site) -> WildBranches | Gap:
    """The measurements of the census."""
    return site.suite(CENSUS).result_or_gap(WildBranches)


def evidence(site: Site) -> Sorted | Gap | None:
    """Over both kinds of groups; None where too few packages can tell."""
    branches = measured(site)
    if isinstance(branches, Gap):
        return branches
    test = branches.sorted
    return test if test.packages >= FEWEST and test.effect is not None and test.low is not None else None


def verdict(e: Sorted) -> str:
    """By the rule."""
    assert e.low is not None and e.high is not None
    if e.low > 0 and e.p is not None and e.p < LEVEL:
        return HOLDS
    return FAILS if e.high < SMALLEST else UNDECIDED


def effect(e: Sorted) -> Effect | None:
    """With its interval over packages."""
    return None if e.effect is None else Effect(QUANTITY, e.effect, e.low, e.high, "", 0.0, e.packages, "packages")


SPECIALIZE = optional(
    Claim(
        name="wild-branches-specialize",
        statement="Out there, too, units that are tuned to alike things sit in the same branch, more than before training.",
        source="",
        of=CENSUS,
        rule=f"Effect: {QUANTITY}. Of a group it is that of ranks, averaged over all indices of tuning but one that orders units"
        " as another does; a network has the mean of its groups, of files with the same weights the first counts, and a package"
        " the mean of its networks. Measured are, of each network, the first group of paths that are concatenated and the first"
        " of any other kind, for which a stimulus takes at most 500 million multiply-adds, beside five untrained copies. Holds where the"
        f" 95 % interval over resampled packages lies above 0 and p, by flips of the sign of whole packages, is below {LEVEL};"
        f" fails where the interval lies below {SMALLEST}; else undecided. Not tested with fewer than {FEWEST} packages",
        evidence=evidence,
        verdict=verdict,
        effect=effect,
        wording={
            HOLDS: f"They do, and it is training that does it: {SHARES}.",
            FAILS: f"They do not, or hardly by training: {SHARES}. The branches of copies differ in kernels, depth and inputs alone.",
            UNDECIDED: f"That cannot be told from these networks: {SHARES}, and the difference lies within the uncertainty over"
            " packages.",
        },
    )
)


def categories(site: Site) -> WildBranches | Gap | None:
    """The counts of tests; None where there are none."""
    branches = measured(site)
    return branches if isinstance(branches, Gap) or branches.tests else None


CLAIMS = (
    replace(
        SPECIALIZE,
        wording={
            **SPECIALIZE.wording,
            NOTHING: "This was not tested, as the rule has it: too few packages have branches whose units can be shown stimuli.",
        },
    ),
    description(
        "wild-branches-categories",
        "How many categories of units are enriched in branches of the networks of the census.",
        categories,
        "{% if e.enriched %}Taken one by one, {{ e.enriched }} of {{ e.tests }} pairs of a category and a branch are enriched"
        " within their network; {% if e.beyond %}{{ e.beyond }} of them stand{% if e.beyond == 1 %}s{% endif %} out against"
        " untrained copies as well{% else %}none of them stands out against untrained copies as well{% endif %}."
        "{% else %}Taken one by one, no category is enriched in any branch.{% endif %}",
    ),
)
