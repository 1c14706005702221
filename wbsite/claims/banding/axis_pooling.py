"""What becomes of the bands where the head pools along one axis, or along each of both."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.verdicts import description, optional

from ._laboratory import ARTICLE, SUITE, Trial, change, trial

STRONGER, WEAKER = "stronger", "weaker"
"""The last layer is certainly more banded than the baseline's; or less, without the article's pattern."""


def moved(e: Trial) -> str:
    """Whether the last layer has lost its banding and the one before has not, or how the last one's differs."""
    last, before = e.experiment.last, e.experiment.before
    if last.difference.excludes_zero is None:
        return UNDECIDED
    if last.difference.positive:
        return STRONGER
    if last.lost and not before.lost:
        return HOLDS
    return WEAKER if last.difference.negative else FAILS


NUMBERS = (
    "Here, $H$ is {{ e.experiment.last.index | interval(3) }} in `{{ e.baseline.last.layer }}`,"
    " {{ e.experiment.last.difference | interval(3) }} against the baseline, and"
    " {{ e.experiment.before.index | interval(3) }} in `{{ e.baseline.before.layer }}`,"
    " {{ e.experiment.before.difference | interval(3) }}."
)

CLAIMS = (
    optional(
        Claim(
            name="x-pooling-moves-bands",
            statement="Pooling along x alone takes the bands from the last layer, and leaves them in the one before.",
            source=ARTICLE,
            place="Figure 8 and the text before it",
            of=SUITE,
            rule="holds where the last layer has lost its banding (its H is less than half of the baseline's, and lower"
            " with a 95 % Welch interval over seeds that excludes 0) and the layer before has not; else the interval of"
            " the last layer's difference decides; undecided with one seed",
            evidence=trial("x_pool"),
            verdict=moved,
            effect=change,
            wording={
                HOLDS: f"{NUMBERS} The last layer loses its bands and the one before keeps them: the article's surprise,"
                " repeated.",
                STRONGER: f"{NUMBERS} The last layer is banded *more* strongly than in the baseline. That is the opposite"
                " of the article's figure, and it does not fit the account that bands are there to save vertical position"
                ' from the pooling: here it needs no saving.{{ note("One possible account, not tested here: a head that'
                " adds up each row gives all positions of a row the same gradient, so that kernels are pushed towards"
                ' what is shared along a row.") }}',
                WEAKER: f"{NUMBERS} The last layer has less of them than in the baseline.",
                FAILS: f"{NUMBERS} Neither the bands' disappearance from the last layer nor the move to the one before is"
                " repeated here.",
                UNDECIDED: f"{NUMBERS} One training cannot tell whether that is more than chance.",
            },
            meaning={
                STRONGER: (FAILS, "the last layer's bands are stronger"),
                WEAKER: (FAILS, "the last layer's bands are weaker, and not as in the article"),
            },
        )
    ),
    description(
        "pooling-along-both-axes",
        "Banding with pooling along x and along y side by side, as the article proposed.",
        trial("xy_pool"),
        '{{ ref("lab-xy") }} is that experiment: $H$ of `{{ e.baseline.last.layer }}` is'
        " {{ e.experiment.last.index | interval(3) }}, of `{{ e.baseline.before.layer }}`"
        " {{ e.experiment.before.index | interval(3) }}; {{ e.experiment.last.difference | interval(3) }} and"
        " {{ e.experiment.before.difference | interval(3) }} against the baseline.",
    ),
)
