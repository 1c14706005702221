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
from .base import NOTEBOOK, Decision, Evidence, Measured

LEVEL = 0.05
"""p below which a correlation is beyond chance, times the number of configurations that have one (Bonferroni)."""

FEWEST_SEEDS = 6
"""Below which there is no correlation, see `stats.rank_correlation`."""

NAMED = 6
"""Configurations whose correlation the text gives, at most."""


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
    def named(self) -> list[Measured]:
        """Of these, the study's first configurations."""
        return [each for each in self.ranked if each.name in list(self.titles)[:NAMED]]

    @property
    def certain(self) -> list[Measured]:
        """Of these, those beyond chance."""
        return beyond_chance(self.ranked)


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


QUESTION = (
    "Do networks that compress more generalise better, as was hoped? Within a configuration, over seeds, the rank"
    " correlation of the hidden layers' compression with test accuracy is {% for m in e.named %}{{ m.mean | fixed }}"
    ' for {{ e.titles[m.name] }} ($p$ = {{ "%.2g" | format(m.p) }}){{ ", " if not loop.last }}{% endfor %}. After'
    " correction for"
    ' {{ "the one that could be tested" if e.ranked | length == 1 else "all " ~ e.ranked | length ~ " that could be tested" }},'
    " "
)
CERTAIN = (
    "{% for m in e.certain %}{{ e.titles[m.name] }}"
    ' ({{ m.mean | fixed }}){{ " and " if loop.revindex == 2 }}{{ ", " if loop.revindex > 2 }}{% endfor %}'
    ' {{ "is" if e.certain | length == 1 else "are" }} beyond chance'
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
            HOLDS: f"{QUESTION}{CERTAIN}: there, those that compress more are better.",
            FAILS: f"{QUESTION}{CERTAIN}: there, those that compress more are worse.",
            "opposite": f"{QUESTION}{CERTAIN}, in opposite directions: there is no rule.",
            "chance": f"{QUESTION}none is beyond chance.",
            "few seeds": 'Whether networks that compress more generalise better, {{ e.seeds | counted("seed") }}'
            " cannot say; `wbsite build --study full` asks more of them.",
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
