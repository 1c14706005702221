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


FREE = "Where rows are kept apart, so that the network has vertical position for free,"

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
                HOLDS: "The last layer loses its bands and the one before keeps them: the original's surprise, repeated.",
                STRONGER: 'The last layer is banded *more* strongly than in the baseline.{{ note("One possible account, not'
                " tested here: a head that adds up each row gives all positions of a row the same gradient, so that kernels"
                ' are pushed towards what is shared along a row.") }} That is the opposite of what the original shows, and'
                " it does not fit the account that bands are there to save vertical position from the pooling: here it"
                " needs no saving.",
                WEAKER: "The last layer has weaker bands than in the baseline, but not in the original's pattern, in which"
                " the layer before keeps them.",
                FAILS: "Neither the bands' disappearance from the last layer nor their move to the one before is repeated"
                " here.",
                UNDECIDED: "One training cannot tell whether the bands move.",
            },
            brief={
                HOLDS: f"{FREE} the stripes leave the last layer, as that account has it.",
                STRONGER: f"One result speaks against it: {FREE[0].lower()}{FREE[1:]} the stripes are stronger.",
                WEAKER: f"{FREE} the stripes are weaker, as that account has it.",
                FAILS: f"{FREE} the stripes stay, which that account does not explain.",
                UNDECIDED: "",
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
        'With that head ({{ ref("lab-x") }}, too), $H$ of the last layer is'
        " {{ e.experiment.last.index.mean | fixed }}, where the baseline has {{ e.baseline.last.index.mean | fixed }}: a head that favours neither axis is no reason for bands to turn.",
    ),
)
