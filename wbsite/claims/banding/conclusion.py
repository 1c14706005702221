"""What the two decisive experiments come to together."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import HOLDS, Claim
from wbsite.claims.verdicts import optional
from wbsite.results.site import Gap, Site

from ._laboratory import SUITE, Trial, laboratory
from .pooling import weakened
from .rotation import turned

BOTH, PICTURES, POOLING, NEITHER = "both", "pictures", "pooling", "neither"
"""What bands depend on, of the direction of pictures and the pooling at the end, as far as these experiments show."""


@dataclass(frozen=True)
class Decisive:
    """The experiments with turned pictures and without the pooling, each beside the baseline."""

    rotated: Trial
    pooling: Trial


def decisive(site: Site) -> Decisive | Gap | None:
    """None where one of them was not run."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    runs = setting.experiments
    if "rotated" not in runs or "fc_only" not in runs:
        return None
    return Decisive(*(Trial(runs["baseline"], runs[name]) for name in ("rotated", "fc_only")))


def depends(e: Decisive) -> str:
    """By the rules of the claims about each."""
    pictures, pooling = turned(e.rotated) == HOLDS, weakened(e.pooling) == HOLDS
    return BOTH if pictures and pooling else PICTURES if pictures else POOLING if pooling else NEITHER


DIRECTION, END = "the direction that photographs have", "what the network does with position at its end"

CLAIMS = (
    optional(
        Claim(
            name="what-bands-depend-on",
            statement="Bands depend on the direction of the pictures and on the pooling before the head.",
            source="",
            of=SUITE,
            rule="description: what the claims rotation-turns-bands and pooling-causes-bands come to together",
            evidence=decisive,
            verdict=depends,
            wording={
                BOTH: f"Weight banding, then, is a trace of two things outside the kernel: {DIRECTION}, and {END}.",
                PICTURES: f"Weight banding, then, is a trace of {DIRECTION}; that it depends on {END}, these runs do not show.",
                POOLING: f"Weight banding, then, is a trace of {END}; that it depends on {DIRECTION}, these runs do not show.",
                NEITHER: f"That weight banding depends on {DIRECTION}, or on {END}, these runs do not show.",
            },
            decides=False,
        )
    ),
)
