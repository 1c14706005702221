"""When in training branches come to differ in colour."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, UNDECIDED, Claim
from wbsite.results.branches.branch_experiments import BranchDifference
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, colour, laboratory


@dataclass(frozen=True)
class Onset:
    """When the branches of an experiment's networks come to differ in colour.

    Attributes:
        title: of the experiment.
        dataset: that they were trained on.
        difference: of branches in chroma, which ends beyond chance.
        epochs: lengths of training.
    """

    title: str
    dataset: str
    difference: BranchDifference
    epochs: list[int]


def onsets(site: Site) -> list[Onset] | Gap:
    """Of every experiment on pictures as they are that ends beyond chance, by setting and name."""
    experiments = laboratory(site)
    if isinstance(experiments, Gap):
        return experiments
    return [
        Onset(experiment.title, setting.facts.dataset or key, colour(experiment), setting.facts.epochs)
        for key, setting in experiments.settings.items()
        for _, experiment in sorted(setting.experiments.items())
        if experiment.branches > 1
        and experiment.parameters.get("colours") == "kept"
        and colour(experiment).above_from is not None
    ]


DATED = "dated"
"""Some experiments end beyond chance, and it is known since when."""

CLAIMS = (
    Claim(
        name="colour-divides-early",
        statement="Branches differ in colour from early in training on, and more and more as it goes on.",
        source=ARTICLE,
        place="text on the positive feedback loop during training",
        of=SUITE,
        rule="description: the epoch from which on the mean of η² over seeds stays above the 95 % limit of chance, and the one"
        " at which it has half of what it ends with above chance; does not hold where no experiment on pictures as they are"
        " ends beyond chance",
        evidence=onsets,
        verdict=lambda e: DATED if e else FAILS,
        wording={
            DATED: "{% for x in e %}- {{ x.title }} ({{ x.dataset }}): the mean over seeds stays above chance from epoch"
            " {{ x.difference.above_from }} on{% if x.difference.half_epoch is not none %} and half of what it ends with above"
            " chance is reached at epoch {{ x.difference.half_epoch | round(2) }}{% endif %}, of"
            " {{ x.epochs | join(' or ') }}.\n{% endfor %}",
            FAILS: "",
        },
        meaning={DATED: (UNDECIDED, "when is described, and no rule says what is early")},
    ),
)
