"""When in training branches come to differ in colour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wbsite.claims.base import FAILS, UNDECIDED, Claim
from wbsite.results.branches.branch_experiments import BranchExperiments
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, colour, laboratory


@dataclass(frozen=True)
class Onset:
    """When the branches of an experiment's networks come to differ in colour, in epochs that were measured.

    Attributes:
        title: of the experiment.
        above_from: the first from which on the mean over seeds stays above chance.
        half: the first at which it has come half of the way from chance to where it ends; None where it is not known.
        epochs: lengths of training.
    """

    title: str
    above_from: float
    half: float | None
    epochs: list[int]


@dataclass(frozen=True)
class Onsets:
    """Of every experiment and data set on pictures as they are that ends beyond chance."""

    each: list[Onset]

    @property
    def since(self) -> str:
        """Epochs from which on means stay above chance: "0.75 to 1.5"."""
        return _range(onset.above_from for onset in self.each)

    @property
    def half(self) -> str:
        """Epochs by which they have come half of the way; "" where that is not known."""
        return _range(onset.half for onset in self.each)

    @property
    def epochs(self) -> str:
        """Lengths of training: "6 or 8"."""
        return " or ".join(map(str, sorted({epochs for onset in self.each for epochs in onset.epochs})))


def _range(epochs: Iterable[float | None]) -> str:
    known = sorted({epoch for epoch in epochs if epoch is not None})
    return " to ".join(f"{epoch:g}" for epoch in dict.fromkeys(known[:1] + known[-1:]))


def onsets(site: Site) -> Onsets | Gap:
    """By setting and name."""
    experiments = laboratory(site)
    if isinstance(experiments, Gap):
        return experiments
    return Onsets(
        [
            Onset(experiment.title, above, _half(experiments, key, name), setting.facts.epochs)
            for key, setting in experiments.settings.items()
            for name, experiment in sorted(setting.experiments.items())
            if experiment.branches > 1
            and experiment.parameters.get("colours") == "kept"
            and (above := colour(experiment).above_from) is not None
        ]
    )


def _half(experiments: BranchExperiments, setting: str, experiment: str) -> float | None:
    """`half_epoch` lies between moments that were measured; `above_from` is one of them, and so is this."""
    half = colour(experiments.settings[setting].experiments[experiment]).half_epoch
    course = experiments.course
    rows = course[(course["setting"] == setting) & (course["experiment"] == experiment)]
    return None if half is None else min(map(float, rows.loc[rows["epoch"] >= round(half, 6), "epoch"]), default=None)


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
        verdict=lambda e: DATED if e.each else FAILS,
        wording={
            DATED: "Where branches end up different in colour, the mean over trainings rises above chance for good by epoch"
            " {{ e.since }}{% if e.half %} and has come half of the way to where it ends by epoch {{ e.half }}{% endif %}, of"
            " {{ e.epochs }} epochs of training.",
            FAILS: "",
        },
        meaning={DATED: (UNDECIDED, "when is described, and no rule says what is early")},
    ),
)
