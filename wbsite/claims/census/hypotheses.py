"""Why kernels are banded: five hypotheses, written down before the census was computed, each with what would refute it.

Three networks had been looked at before (rapidocr's detector, recogniser and classifier of text): the first is banded
horizontally after its feature pyramid without any pooling, the second vertically where it keeps the horizontal axis and
collapses height. They are what the hypotheses are about, and count in the census like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import Effect
from wbsite.claims.verdicts import optional
from wbsite.core.naming import CENSUS
from wbsite.results.census.hypotheses import Evidence, Hypotheses
from wbsite.results.site import Gap, Site

FEWEST = 3
"""Packages at the rarer level of a predictor, below which a hypothesis is not tested."""

LEVEL = 0.05
"""Of the corrected p-value."""

UNTESTED = (
    "This was not tested, as the rule has it: too few packages are on one of the two sides, so that an answer would be about"
    " them alone."
)

UNIT = "late $H$ is the mean $H$, with chance at 0, of the last quarter of a network's layers"


def tested(name: str) -> Callable[[Site], Evidence | Gap | None]:
    """Evidence of one hypothesis; None where too few packages can tell."""

    def evidence(site: Site) -> Evidence | Gap | None:
        hypotheses = site.suite(CENSUS).result_or_gap(Hypotheses)
        if isinstance(hypotheses, Gap):
            return hypotheses
        test: Evidence = getattr(hypotheses, name)
        return test if test.smaller >= FEWEST and test.effect is not None and test.low is not None else None

    return evidence


def decided(smallest: float) -> Callable[[Evidence], str]:
    """The verdict, by the smallest effect that would matter."""

    def verdict(e: Evidence) -> str:
        assert e.low is not None and e.high is not None
        if e.low > 0 and e.p_holm is not None and e.p_holm < LEVEL:
            return HOLDS
        return FAILS if e.high < smallest else UNDECIDED

    return verdict


def hypothesis(
    name: str, test: str, statement: str, quantity: str, smallest: float, holds: str, fails: str, undecided: str
) -> Claim:
    """One hypothesis.

    Args:
        test: the field of `Hypotheses` with its effect.
        quantity: the effect, in words; above 0 for the hypothesis.
        smallest: an effect below which it would explain next to nothing.
    """

    def effect(e: Evidence) -> Effect | None:
        return None if e.effect is None else Effect(quantity, e.effect, e.low, e.high, "", 0.0, e.packages, "packages")

    claim = optional(
        Claim(
            name=name,
            statement=statement,
            source="",
            of=CENSUS,
            rule=f"{UNIT}; effect: {quantity}, networks of one package with the same predictor counted once. Holds where its"
            f" 95 % interval over resampled packages lies above 0 and p, by permutation and corrected for five hypotheses, is"
            f" below {LEVEL}; fails where the interval lies below {smallest}; else undecided. Not tested where fewer than"
            f" {FEWEST} packages are at the rarer level",
            evidence=tested(test),
            verdict=decided(smallest),
            effect=effect,
            wording={HOLDS: holds, FAILS: fails, UNDECIDED: undecided},
        )
    )
    return replace(claim, wording={**claim.wording, NOTHING: UNTESTED})


CLAIMS = (
    hypothesis(
        "bands-follow-pooling",
        "pooled",
        "Networks that pool positions away have banded late layers; networks that keep positions have none.",
        "|late H| of networks that pool, minus that of networks that do not",
        0.1,
        "Networks that pool positions away before they answer are more banded, as the explanation has it.",
        "Over their late layers, networks that pool positions away are no more banded than networks that keep them. Beyond the"
        " few clear cases, what the explanation predicts is not to be seen out there.",
        "Whether networks that pool positions away are more banded cannot be told from these.",
    ),
    hypothesis(
        "bands-follow-the-task",
        "task_axis",
        "Bands lie across the axis that matters for the task: vertical where order from left to right does.",
        "slope of late H over the axis that matters, −1 for horizontal, +1 for vertical, 0 for both or none",
        0.1,
        "Bands lie across the axis along which the answer is laid out.",
        "Bands do not lie across the axis along which the answer is laid out.",
        "Whether bands lie across the axis along which the answer is laid out cannot be told from these networks.",
    ),
    hypothesis(
        "bands-follow-the-map",
        "map_shape",
        "Bands lie across the longer side of the last map: vertical on wide maps, horizontal on tall ones.",
        "slope of late H over log₂ of height by width of the last map",
        0.05,
        "Bands lie across the longer side of the last map.",
        "Bands do not lie across the longer side of the last map.",
        "Whether bands lie across the longer side of the last map cannot be told from these networks.",
    ),
    hypothesis(
        "bands-follow-the-pictures",
        "upright",
        "Networks for pictures with an up and a down have horizontal bands; others have not.",
        "late H of networks for upright pictures, minus that of others",
        0.1,
        "Networks for pictures with an up and a down lean towards horizontal bands, and others do not.",
        "Networks for pictures with an up and a down do not lean towards horizontal bands more than others.",
        "Whether an up and a down in the pictures makes horizontal bands cannot be told from these networks.",
    ),
    hypothesis(
        "bands-grow-with-depth",
        "depth",
        "The later a layer, the more it is banded, whatever the network is for.",
        "Spearman correlation of |H| with depth, mean over packages",
        0.1,
        "Banding grows with depth in networks of all kinds.",
        "Banding does not grow with depth in networks at large.",
        "Whether banding grows with depth in networks at large cannot be told from these.",
    ),
)
