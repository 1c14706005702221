"""When the last two layers become banded."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import SEEDS, Effect
from wbsite.claims.verdicts import optional
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import SUITE, laboratory


@dataclass(frozen=True)
class HalfTimes:
    """When H of the last two layers reaches half of its final value, in epochs.

    Attributes:
        baseline, rotated: experiments; None for rotated pictures where these were not run.
        last, before: of the baseline.
    """

    baseline: Experiment
    rotated: Experiment | None
    last: float
    before: float


def half_times(site: Site) -> HalfTimes | Gap | None:
    """None where H was not followed through training."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    baseline = setting.experiments["baseline"]
    last, before = baseline.last.half_epoch, baseline.before.half_epoch
    if last is None or before is None:
        return None
    return HalfTimes(baseline, setting.experiments.get("rotated"), last, before)


def delay(e: HalfTimes) -> Effect:
    """By how much the last layer is later."""
    what = f"half-time of {e.baseline.last.layer} minus that of {e.baseline.before.layer}"
    return Effect(what, e.last - e.before, unit="epochs", null=0, count=e.baseline.seeds, of=SEEDS)


CLAIMS = (
    optional(
        Claim(
            name="deeper-layer-follows",
            statement="The last layer becomes banded after the one that it reads from.",
            source="",
            of=SUITE,
            rule="holds where the mean over seeds of H reaches half of its final value later in the last layer than in the"
            " one before; no test",
            evidence=half_times,
            verdict=lambda e: HOLDS if e.before < e.last else FAILS,
            effect=delay,
            wording={
                HOLDS: "The last layer follows the one it reads from: it reaches half of its final $H$ later.",
                FAILS: "The last layer does not follow the one it reads from: it reaches half of its final $H$ no later.",
            },
        )
    ),
)
