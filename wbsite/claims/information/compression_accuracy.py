"""Whether networks that compress more generalise better, as the notebook asks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, estimated
from wbsite.core.naming import STUDY
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import read
from .base import NOTEBOOK, Decision, Evidence, Measured, quoted

LEVEL = 0.05
"""p below which a correlation is beyond chance, times the number of configurations that have one (Bonferroni)."""

FEWEST_SEEDS = 6
"""Below which there is no correlation, see `stats.rank_correlation`."""


@dataclass(frozen=True)
class Correlations(Evidence):
    """Rank correlations over seeds of compression with test accuracy, by configuration.

    Attributes:
        titles: of the configurations, in the study's order.
    """

    titles: Mapping[str, str]

    @property
    def ranked(self) -> list[Measured]:
        """Those that have a correlation, by the study's first estimator."""
        return [each for each in self.decision.measured if not math.isnan(each.mean)]

    @property
    def certain(self) -> list[Measured]:
        """Of these, those beyond chance."""
        return beyond_chance(self.ranked)

    @property
    def certain_titles(self) -> list[str]:
        """Of their configurations."""
        return [quoted(self.titles[each.name]) for each in self.certain]


def evidence(site: Site) -> Correlations | Gap:
    """The correlations of a site's study."""
    results = read(site, Trajectories, PlaneClaims)
    if isinstance(results, Gap):
        return results
    trajectories, intervals = results
    decisions = {}
    for token, table in intervals.links.groupby("estimator", sort=False):
        measured = tuple(
            Measured(row.configuration, row.rho, row.low, row.high, row.seeds, p=row.p) for row in table.itertuples()
        )
        decisions[str(token)] = Decision(linked(measured), measured)
    return Correlations("rho", 0.0, len(trajectories.seeds), decisions, trajectories.titles)


def beyond_chance(measured: Sequence[Measured]) -> list[Measured]:
    """Correlations with a p below LEVEL after Bonferroni's correction over those that have one."""
    tested = [each for each in measured if not math.isnan(each.p)]
    return [each for each in tested if each.p * len(tested) < LEVEL]


def linked(measured: Sequence[Measured]) -> bool | None:
    """Whether networks that compress more are better (True) or worse (False) in at least one configuration, beyond
    chance, and in none the other way round; else None."""
    signs = {each.mean > 0 for each in beyond_chance(measured)}
    return signs.pop() if len(signs) == 1 else None


def verdict(evidence: Correlations) -> str:
    """By the study's first estimator."""
    if not evidence.ranked:
        return "few seeds" if evidence.seeds < FEWEST_SEEDS else "nothing varies"
    if not evidence.certain:
        return "chance"
    return {True: HOLDS, False: FAILS, None: "opposite"}[evidence.decision.holds]


def surest(evidence: Correlations) -> Effect | None:
    """The correlation with the smallest p of all that were tested."""
    tested = [each for each in evidence.ranked if not math.isnan(each.p)]
    if not tested:
        return None
    least = min(tested, key=lambda each: each.p)
    what = f"ρ of compression and accuracy in {evidence.titles[least.name]}, the surest of {len(tested)}"
    return estimated(what, least, least.seeds)


CERTAIN = (
    "Among runs of {{ e.certain_titles | listing }}, those that compress more are %s on test samples, beyond chance after"
    ' correction for {{ e.ranked | length | counted("network") }}.'
)

CLAIMS = (
    Claim(
        name="compression-accuracy",
        statement="Networks that compress more are better on test samples.",
        source=NOTEBOOK,
        of=STUDY,
        rule=(
            "Spearman's ρ over the seeds of a configuration, of compression (largest I(X;T) minus the last, mean over"
            f" the hidden layers) with test accuracy: holds where a permutation p is below {LEVEL:g} after"
            " Bonferroni's correction over the configurations that have one, ρ is positive there, and no configuration"
            " has as certain a negative one; fails where it is the other way round. No ρ for fewer than"
            f" {FEWEST_SEEDS} seeds."
        ),
        evidence=evidence,
        verdict=verdict,
        effect=surest,
        wording={
            HOLDS: CERTAIN % "better",
            FAILS: CERTAIN % "worse",
            "opposite": "In some networks runs that compress more are better on test samples, in others they are worse:"
            " there is no rule.",
            "chance": "Among runs of the same network, how much they compress and how good they are on test samples go"
            " together no more than chance allows.",
            "few seeds": 'Whether runs that compress more are better, {{ e.seeds | counted("seed") }} cannot say.',
            "nothing varies": "",
        },
        meaning={
            "opposite": (UNDECIDED, "holds in some configurations and is reversed in others"),
            "chance": (UNDECIDED, "cannot be told from chance"),
            "few seeds": (UNDECIDED, "too few seeds"),
            "nothing varies": (UNDECIDED, "compression or accuracy does not vary"),
        },
    ),
)
