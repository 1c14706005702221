"""What bands follow, asked of small networks trained for it: five questions, written down before any of them was trained.

The controls are nine: letters in a row, in a column, or in a row that lies on its side; on long pictures or on square
ones; with a head that keeps the axis along which letters follow each other and averages the other away, or averages both
away and says which letters occur; and detectors of words, which average nothing away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim, Meaning
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import optional
from wbsite.core.naming import CONTROLS
from wbsite.results.census.controls import Contrast, Controls
from wbsite.results.site import Gap, Site

SMALLEST = 0.05
"""|effect| below which H would explain next to nothing of what the census shows."""

FEWEST = 5
"""Seeds of each control below which nothing is decided."""

LEARNED = 0.5
"""Share of the way from chance to no mistake that both controls must have come, or they show nothing of their task."""

OTHER_WAY = "other way"
"""The effect is there, and its direction is the opposite."""


def contrasted(name: str) -> Callable[[Site], Contrast | Gap | None]:
    """Evidence of one question; None where its controls were not trained, too seldom, or without success."""

    def evidence(site: Site) -> Contrast | Gap | None:
        controls = site.suite(CONTROLS).result_or_gap(Controls)
        if isinstance(controls, Gap):
            return controls
        contrast = controls.first.contrasts.get(name)
        if contrast is None or contrast.seeds < FEWEST or contrast.skill is None or contrast.skill < LEARNED:
            return None
        return None if contrast.effect.low is None else contrast

    return evidence


def directed(e: Contrast) -> str:
    """Whether the effect is there, is there the other way, is too small to matter, or cannot be told."""
    mean, low, high = _bounds(e)
    if low > 0 and mean >= SMALLEST:
        return HOLDS
    if high < 0 and mean <= -SMALLEST:
        return OTHER_WAY
    return FAILS if high < SMALLEST else UNDECIDED


def either_way(e: Contrast) -> str:
    """The same, where the other way holds too, and only both being too small fails."""
    mean, low, high = _bounds(e)
    if (low > 0 or high < 0) and abs(mean) >= SMALLEST:
        return HOLDS if mean > 0 else OTHER_WAY
    return FAILS if low > -SMALLEST and high < SMALLEST else UNDECIDED


def absent(e: Contrast) -> str:
    """Whether the effect is too small to matter, as it should be."""
    mean, low, high = _bounds(e)
    if (low > 0 or high < 0) and abs(mean) >= SMALLEST:
        return FAILS
    return HOLDS if low > -SMALLEST and high < SMALLEST else UNDECIDED


def _bounds(e: Contrast) -> tuple[float, float, float]:
    assert e.effect.mean is not None and e.effect.low is not None and e.effect.high is not None
    return e.effect.mean, e.effect.low, e.effect.high


RULES: Mapping[Callable[[Contrast], str], str] = {
    directed: f"Holds where its 95 % Welch interval over seeds lies above 0 and the effect is {SMALLEST} or more; turned"
    f" round where the interval lies below 0 and the effect is −{SMALLEST} or less; fails where the interval lies below"
    f" {SMALLEST}; else undecided.",
    either_way: f"Holds where its 95 % Welch interval over seeds leaves out 0 and the effect is {SMALLEST} or more in size,"
    f" whatever its sign; fails where the interval lies within ±{SMALLEST}; else undecided.",
    absent: f"Holds where its 95 % Welch interval over seeds lies within ±{SMALLEST}; fails where the interval leaves out 0"
    f" and the effect is {SMALLEST} or more in size; else undecided.",
}


def question(
    name: str,
    contrast: str,
    statement: str,
    quantity: str,
    verdict: Callable[[Contrast], str],
    wording: Mapping[str, str],
    meaning: Mapping[str, Meaning] | None = None,
) -> Claim:
    """One question.

    Args:
        contrast: its key among the contrasts of `Controls`.
        quantity: the effect, in words; H is that of the last 3×3 convolution.
    """

    def effect(e: Contrast) -> Effect | None:
        return estimated(quantity, e.effect, e.seeds)

    return optional(
        Claim(
            name=name,
            statement=statement,
            source="",
            of=CONTROLS,
            rule=f"Effect: {quantity}, H being the mean over seeds of the last 3×3 convolution. {RULES[verdict]} Not tested"
            f" with fewer than {FEWEST} seeds of a control, or where one came less than {LEARNED:.0%} of the way from the"
            " share of the commonest label to no mistake",
            evidence=contrasted(contrast),
            verdict=verdict,
            effect=effect,
            wording=wording,
            meaning=meaning or {},
        )
    )


CLAIMS = (
    question(
        "controls-follow-the-task",
        "task",
        "In networks that read sequences bands lie across the axis along which letters follow each other, which the head"
        " keeps.",
        "half of H(square columns) − H(square rows)",
        directed,
        {
            HOLDS: "On square maps the bands follow the task: they lie across the axis along which the letters are read.",
            OTHER_WAY: "On square maps the bands follow the pooled axis: they lie across the axis that the head averages"
            " away, and not across that along which the letters are read.",
            FAILS: "On square maps neither the axis along which letters are read nor the pooled one makes bands that"
            " matter.",
            UNDECIDED: "Which axis the bands follow on square maps cannot be told from these trainings.",
        },
        {OTHER_WAY: (FAILS, "bands lie across the pooled axis")},
    ),
    question(
        "controls-follow-the-pictures",
        "data",
        "Pictures in which letters follow each other along one axis make bands by themselves, where the head averages both"
        " axes away.",
        "half of H(presence, columns) − H(presence, rows)",
        either_way,
        {
            HOLDS: "The pictures make bands by themselves, across the words, even where the head averages both axes away.",
            OTHER_WAY: "The pictures make bands by themselves, along the words, even where the head averages both axes"
            " away. That is the other direction than in the readers; why, these trainings do not say.",
            FAILS: "The pictures alone make no bands that matter: where the head averages both axes away there are none"
            " that go with the direction of the words.",
            UNDECIDED: "Whether the pictures alone make bands cannot be told from these trainings.",
        },
        {OTHER_WAY: (HOLDS, "along the words")},
    ),
    question(
        "controls-follow-the-map",
        "map",
        "A wide map makes the bands more vertical than a square one, for the same task.",
        "H(square rows) − H(rows)",
        directed,
        {
            HOLDS: "A wide map makes bands more vertical than a square one, for the same task.",
            OTHER_WAY: "A wide map makes bands less vertical than a square one, for the same task.",
            FAILS: "The shape of the map makes no difference that matters, for the same task.",
            UNDECIDED: "Whether the shape of the map matters cannot be told from these trainings.",
        },
        {OTHER_WAY: (FAILS, "a wide map makes them less vertical")},
    ),
    question(
        "controls-detectors-are-banded",
        "detector",
        "Detectors that pool nothing have bands along the words that they detect.",
        "half of H(detector) − H(detector, turned)",
        directed,
        {
            HOLDS: "Detectors that pool nothing are banded all the same, along the words that they look for.",
            OTHER_WAY: "Detectors that pool nothing lean towards bands all the same, across the words that they look for.",
            FAILS: "Detectors that pool nothing have no bands along their words that matter.",
            UNDECIDED: "Whether detectors without pooling are banded cannot be told from these trainings.",
        },
        {OTHER_WAY: (FAILS, "bands lie across the words")},
    ),
    question(
        "controls-turn",
        "mirror",
        "Turning the pictures and the head turns the bands and leaves their strength.",
        "H(rows) + H(turned)",
        absent,
        {
            HOLDS: "Turned pictures with a turned head give the same bands, turned, as they must.",
            FAILS: "Turned pictures with a turned head give bands of another strength, so that something else in these"
            " networks tells rows from columns.",
            UNDECIDED: "Whether turned pictures with a turned head give bands of the same strength cannot be told from"
            " these trainings.",
        },
    ),
)
