"""What becomes of the bands without the global pooling before the head."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import estimated
from wbsite.claims.verdicts import optional
from wbsite.results.banding.experiments import Head
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, Trial, change, index, laboratory, trial

LAST, BEFORE, WEAKER, STRONGER = "last", "before", "weaker", "stronger"
"""One of the layers has lost its banding; the last one's is certainly weaker, but not lost; or certainly stronger."""


def weakened(e: Trial) -> str:
    """Which layers have lost their banding, or how the last one's differs from the baseline's."""
    last, before = e.experiment.last, e.experiment.before
    if last.lost or before.lost:
        return HOLDS if last.lost and before.lost else LAST if last.lost else BEFORE
    if last.difference.excludes_zero is None:
        return UNDECIDED
    if not last.difference.excludes_zero:
        return FAILS
    return WEAKER if last.difference.negative else STRONGER


def vanished(e: Trial) -> str:
    """Whether H of the last layer is certainly positive still."""
    left = e.experiment.last.index
    return FAILS if left.positive else UNDECIDED if left.low is None else HOLDS


@dataclass(frozen=True)
class Reading:
    """The head that reads every position."""

    head: Head


def reading(site: Site) -> Reading | Gap | None:
    """The head, where its experiment was run and recorded it."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    experiment = setting.experiments.get("fc_only")
    return Reading(experiment.head) if experiment and experiment.head else None


def vertical(e: Reading) -> str:
    """Whether H of the head's weights is certainly positive."""
    weights = e.head.index
    return UNDECIDED if weights.low is None else HOLDS if weights.positive else FAILS


WHERE = '({{ ref("head-positions") }})'

CLAIMS = (
    optional(
        Claim(
            name="pooling-causes-bands",
            statement="Without global pooling the bands go.",
            source=ARTICLE,
            place="text before Figure 8, on removing the global average pooling",
            of=SUITE,
            rule="holds where both layers have lost their banding: the baseline's H is certainly positive, and H is less"
            " than half of it, and lower with a 95 % Welch interval over seeds that excludes 0. Where neither has, the"
            " interval of the last layer's difference decides; undecided with one seed",
            evidence=trial("fc_only"),
            verdict=weakened,
            effect=change,
            wording={
                HOLDS: "Without the pooling, both of the last two layers lose more than half of their banding.",
                LAST: "Without the pooling, the last layer loses more than half of its banding.",
                BEFORE: "Without the pooling, the last layer but one loses more than half of its banding.",
                WEAKER: "Without the pooling the last layer has weaker bands, but more than half of its banding is left.",
                STRONGER: "Without the pooling the last layer is more banded.",
                FAILS: "Without the pooling the bands differ by no more than seeds explain.",
                UNDECIDED: "One training cannot tell whether the bands go.",
            },
            brief={
                HOLDS: "Take away the pooling at the end, and most of them go.",
                LAST: "Take away the pooling at the end, and most of them go from the last layer.",
                BEFORE: "Take away the pooling at the end, and most of them go from the layer before the last.",
                WEAKER: "Take away the pooling at the end, and they are weaker.",
                STRONGER: "Take away the pooling at the end, and they are stronger.",
                FAILS: "Take away the pooling at the end, and they stay.",
                UNDECIDED: "",
            },
            meaning={
                LAST: (UNDECIDED, "holds for the last layer alone"),
                BEFORE: (UNDECIDED, "holds for the layer before the last alone"),
                WEAKER: (FAILS, "the bands are weaker, and do not go"),
                STRONGER: (FAILS, "the bands are stronger"),
            },
        )
    ),
    optional(
        Claim(
            name="bands-vanish-without-pooling",
            statement="Without global pooling the last layer is not banded at all.",
            source=ARTICLE,
            place="text before Figure 8, on removing the global average pooling",
            of=SUITE,
            rule="fails where the 95 % Student t interval of the last layer's H over seeds lies above 0; undecided"
            " otherwise, as an interval that includes 0 does not show that nothing is left",
            evidence=trial("fc_only"),
            verdict=vanished,
            effect=index,
            wording={
                HOLDS: "What is left in the last layer cannot be told from zero.",
                FAILS: "They do not vanish, though, as they seem to in the original's figure: what remains is still"
                " positive, so that pooling is a strong cause and not the only one.",
                UNDECIDED: "",
            },
            meaning={HOLDS: (UNDECIDED, "its H cannot be told from 0")},
        )
    ),
    optional(
        Claim(
            name="head-reads-vertical-position",
            statement="A fully connected layer that reads every position uses vertical position more than horizontal.",
            source=ARTICLE,
            place="text after Figure 3, on AlexNet's fully connected layer",
            of=SUITE,
            rule="holds where the 95 % Student t interval over seeds of H of the head's weights lies above 0; undecided"
            " with one seed",
            evidence=reading,
            verdict=vertical,
            effect=lambda e: estimated("H of the head's weights", e.head.index, e.head.seeds),
            wording={
                HOLDS: "What the convolutions no longer say, the head does: the weights of the fully connected layer vary"
                f" more with height than with width {WHERE}, as the original observed in AlexNet.",
                FAILS: "The weights of the fully connected layer do not clearly vary more with height than with width"
                f" {WHERE}, as those of AlexNet do in the original.",
                UNDECIDED: "Whether the weights of the fully connected layer vary more with height than with width, one"
                f" training does not tell {WHERE}.",
            },
        )
    ),
)
