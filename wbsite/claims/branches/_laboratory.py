"""The experiments that claims about the branch laboratory rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import SOME
from wbsite.results.branches.branch_experiments import BranchDifference, BranchExperiments, Experiment, Setting
from wbsite.results.repeated_runs import SettingFacts
from wbsite.results.site import Gap, Site

ARTICLE = "voss2021branch"
"""Key of the Branch Specialization article in refs.bib."""

SUITE = "branches"
"""What claims about the laboratory are of."""

BY_CHANCE = 0.05
"""Share of trainings that chance alone calls beyond chance."""

BEYOND_CHANCE = (
    "a training is beyond chance where p ≤ 0.05 for η² of the ranks of units, the share of their variance between"
    " branches, against units assigned to branches at random"
)
"""How a rule puts that a training is beyond chance."""

IN_SOME = {SOME: (UNDECIDED, "holds in some of the trainings")}
"""What it means that only some trainings are."""


def laboratory(site: Site) -> BranchExperiments | Gap:
    """All experiments; a gap where there are none."""
    return site.suite(SUITE).result_or_gap(BranchExperiments)


def first_setting(site: Site) -> Setting | Gap:
    """The first setting's experiments; a gap where there are none."""
    experiments = laboratory(site)
    return experiments if isinstance(experiments, Gap) else next(iter(experiments.settings.values()))


def colour(experiment: Experiment) -> BranchDifference:
    """How far the branches of a divided network differ in chroma."""
    return experiment.differences["chroma"]


def certain(difference: BranchDifference, seeds: int, quantity: str) -> Effect | None:
    """The share of trainings whose branches differ beyond chance, with its exact interval."""
    what = f"share of trainings whose branches differ in {quantity}"
    return estimated(what, difference.proportion, seeds, null=BY_CHANCE)


def trials(*names: str) -> Callable[[Site], dict[str, Experiment] | Gap | None]:
    """Evidence of a claim about experiments of the first setting, by name; None where one was not run."""

    def evidence(site: Site) -> dict[str, Experiment] | Gap | None:
        setting = first_setting(site)
        if isinstance(setting, Gap):
            return setting
        experiments = {name: setting.experiments[name] for name in names if name in setting.experiments}
        return experiments if len(experiments) == len(names) else None

    return evidence


def trainings(beyond_chance: int, seeds: int) -> str:
    """Whether all, some or none of the trainings are beyond chance."""
    return HOLDS if beyond_chance == seeds else SOME if beyond_chance else FAILS


@dataclass(frozen=True)
class Divided:
    """The experiments of a setting whose networks are divided, in order of the suite."""

    facts: SettingFacts
    experiments: list[Experiment]


def settings(site: Site) -> list[Divided] | Gap:
    """Every setting."""
    experiments = laboratory(site)
    if isinstance(experiments, Gap):
        return experiments
    return [
        Divided(
            setting.facts,
            sorted(
                (experiment for experiment in setting.experiments.values() if experiment.branches > 1),
                key=lambda experiment: experiment.order,
            ),
        )
        for setting in experiments.settings.values()
    ]
