"""Whether the division is there in networks without branches."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import SEEDS, Effect, counted
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.branches.branch_experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, BY_CHANCE, IN_SOME, SUITE, trainings, trials


@dataclass(frozen=True)
class Undivided:
    """What the first factor of undivided networks goes with."""

    experiment: Experiment


def undivided(site: Site) -> Undivided | Gap | None:
    """Of the first setting."""
    experiments = trials("undivided")(site)
    if experiments is None or isinstance(experiments, Gap):
        return experiments
    return Undivided(experiments["undivided"]) if experiments["undivided"].factor else None


def factor_is_colour(e: Undivided) -> str:
    """In how many trainings it goes with colour."""
    factor = e.experiment.factor["chroma"]
    return trainings(factor.certain, factor.seeds)


def share(e: Undivided) -> Effect | None:
    """The share of trainings in which it goes with colour."""
    factor = e.experiment.factor["chroma"]
    return counted("share of trainings whose first factor is colour", factor.certain, factor.seeds, SEEDS, BY_CHANCE)


FACTOR = (
    "In undivided trainings of the small network, the first factor goes with colour in"
    " {{ e.experiment.factor.chroma.certain | tally(e.experiment.factor.chroma.seeds) }}, by more than chance: the mean of"
    " $|\\rho|$ is {{ e.experiment.factor.chroma.rho.mean | fixed }}, and {{ e.experiment.factor.frequency.rho.mean | fixed }}"
    " with frequency."
)

CLAIMS = (
    optional(
        Claim(
            name="undivided-factor-is-colour",
            statement="The division is there in networks without branches: the first factor of their connections is colour.",
            source=ARTICLE,
            place="text on the singular value decomposition of networks without branches",
            of=SUITE,
            rule="for undivided trainings of the same network, holds where |ρ| (Spearman) of the first factor and chroma has a"
            " permutation p ≤ 0.05 in every one, fails where in none",
            evidence=undivided,
            verdict=factor_is_colour,
            effect=share,
            wording=dict.fromkeys((HOLDS, SOME, FAILS), FACTOR),
            meaning=IN_SOME,
        )
    ),
)
