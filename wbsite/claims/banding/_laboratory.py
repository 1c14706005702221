"""The experiments that claims about the banding laboratory rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wbsite.claims.effect import Effect, estimated
from wbsite.results.banding.experiments import Experiment, Experiments, Setting
from wbsite.results.site import Gap, Site

ARTICLE = "petrov2021weight"
"""Key of the Weight Banding article in refs.bib."""

SUITE = "banding"
"""What claims about the laboratory are of."""


@dataclass(frozen=True)
class Trial:
    """An experiment beside the baseline."""

    baseline: Experiment
    experiment: Experiment


def laboratory(site: Site) -> Setting | Gap:
    """The first setting's experiments; a gap where there are none, or no baseline among them."""
    experiments = site.suite(SUITE).result_or_gap(Experiments)
    if isinstance(experiments, Gap):
        return experiments
    setting = experiments.first
    return setting if "baseline" in setting.experiments else Gap("no run of the baseline is there", failed=False)


def trial(name: str) -> Callable[[Site], Trial | Gap | None]:
    """Evidence of a claim about one experiment; None where it was not run."""

    def evidence(site: Site) -> Trial | Gap | None:
        setting = laboratory(site)
        if isinstance(setting, Gap):
            return setting
        experiment = setting.experiments.get(name)
        return None if experiment is None else Trial(setting.experiments["baseline"], experiment)

    return evidence


def index(e: Experiment | Trial) -> Effect | None:
    """H of the last layer over seeds, against 0."""
    experiment = e.experiment if isinstance(e, Trial) else e
    return estimated(f"H of {experiment.last.layer}", experiment.last.index, experiment.seeds)


def change(e: Trial) -> Effect | None:
    """How far H of the last layer lies from the baseline's, against 0."""
    last = e.experiment.last
    return estimated(f"H of {last.layer} minus the baseline's", last.difference, e.experiment.seeds)
