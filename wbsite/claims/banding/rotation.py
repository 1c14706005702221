"""Whether bands turn with the pictures, and what random rotations leave of them."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import description, optional
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, Trial, index, laboratory, trial

POSITIVE, REVERSED = "positive", "reversed"
"""H of the last layer is certainly above zero at full rotation; or certainly below."""


def turned(e: Trial) -> str:
    """Whether H of the last layer is certainly negative with rotated pictures."""
    rotated = e.experiment.last.index
    return UNDECIDED if rotated.high is None else HOLDS if rotated.negative else FAILS


def vanished(e: Trial) -> str:
    """Whether H of both layers is indistinguishable from zero; else the sign of the last one's, where it is certain."""
    last, before = e.experiment.last.index, e.experiment.before.index
    if last.excludes_zero is False and before.excludes_zero is False:
        return HOLDS
    return POSITIVE if last.positive else REVERSED if last.negative else UNDECIDED


def by_45_degrees(site: Site) -> Trial | Gap | None:
    """Rotation by up to 45°, where rotation by any angle was run as well."""
    setting = laboratory(site)
    if isinstance(setting, Gap) or "sway_180" not in setting.experiments:
        return setting if isinstance(setting, Gap) else None
    return trial("sway_45")(site)


def harder(e: Trial) -> str:
    """Whether mean accuracy falls."""
    return HOLDS if (e.experiment.accuracy.mean or 0) < (e.baseline.accuracy.mean or 0) else FAILS


def cost(e: Trial) -> Effect | None:
    """What the rotation does to the accuracy."""
    difference = e.experiment.accuracy_difference
    return estimated("accuracy minus the baseline's", difference, e.experiment.seeds)


ANY_ANGLE = "Where pictures are rotated by any angle, so that no direction is preferred,"

CLAIMS = (
    optional(
        Claim(
            name="rotation-turns-bands",
            statement="Rotating every picture by 90° turns the bands.",
            source=ARTICLE,
            place="text after Figure 5, on turning the input by 90 degrees",
            of=SUITE,
            rule="holds where the 95 % Student t interval of the last layer's H over seeds lies below 0 with rotated"
            " pictures; undecided with one seed",
            evidence=trial("rotated"),
            verdict=turned,
            effect=index,
            wording={
                HOLDS: "They turn: $H$ of the last layer is now {{ e.experiment.last.index.mean | fixed }}, on the other side"
                " of zero. So banding is something that the pictures' vertical axis does to the network, as the original"
                " concluded from its one run.",
                FAILS: "They do not clearly turn: $H$ of the last layer is now {{ e.experiment.last.index.mean | fixed }}."
                " That does not repeat the original's clear result.",
                UNDECIDED: "One training cannot tell whether they turn.",
            },
            brief={
                HOLDS: "Turn the training pictures by 90°, and the stripes turn with them.",
                FAILS: "Turn the training pictures by 90°, and the stripes do not clearly turn with them.",
                UNDECIDED: "",
            },
        )
    ),
    optional(
        Claim(
            name="full-rotation-removes-bands",
            statement="Without a preferred direction in the pictures there are no bands.",
            source="",
            of=SUITE,
            rule="holds where the 95 % Student t intervals of H over seeds include 0 in both layers, with pictures rotated"
            " by any angle; fails where that of the last layer excludes 0; else undecided, as with one seed",
            evidence=trial("sway_180"),
            verdict=vanished,
            effect=index,
            wording={
                HOLDS: f"{ANY_ANGLE} neither layer has banding beyond what seeds explain.",
                POSITIVE: f"{ANY_ANGLE} some horizontal banding is left.",
                REVERSED: f"{ANY_ANGLE} what banding there is has the other sign.",
                UNDECIDED: f"{ANY_ANGLE} it cannot be said whether banding is left.",
            },
            meaning={
                POSITIVE: (FAILS, "some banding is left"),
                REVERSED: (FAILS, "what is left has the other sign"),
            },
        )
    ),
    description(
        "rotation-by-45-degrees",
        "What rotations by up to ±45° leave of the bands.",
        by_45_degrees,
        "With rotations by up to ±45°, $H$ of the last layer is {{ e.experiment.last.index.mean | fixed }}.",
    ),
    optional(
        Claim(
            name="rotation-is-harder",
            statement="Pictures rotated by any angle are harder to classify than upright ones.",
            source="",
            of=SUITE,
            rule="holds where the mean accuracy over seeds is lower than the baseline's; no test",
            evidence=trial("sway_180"),
            verdict=harder,
            effect=cost,
            wording={
                HOLDS: "Rotated pictures are also harder to tell apart: the accuracy falls, on test pictures rotated in the"
                " same way, so that a dose changes more than the direction of up.",
                FAILS: "The accuracy does not fall, on test pictures rotated in the same way.",
            },
        )
    ),
)
