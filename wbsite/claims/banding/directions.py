"""Bands where the pictures lose part of their direction: flipped upside down, or without any."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import optional

from ._laboratory import SUITE, Trial, index, trial


def kept(e: Trial) -> str:
    """Whether most of the last layer's banding remains without a difference between up and down."""
    last = e.experiment.last
    return FAILS if last.lost else HOLDS if last.index.positive else UNDECIDED


def none(e: Trial) -> str:
    """Whether neither layer's H can be told from zero."""
    certain = e.experiment.last.index.excludes_zero, e.experiment.before.index.excludes_zero
    return FAILS if True in certain else HOLDS if certain == (False, False) else UNDECIDED


def clearest(e: Trial) -> Effect | None:
    """H of the last layer, or of the one before where that alone can be told from zero."""
    last, before = e.experiment.last, e.experiment.before
    layer = before if before.index.excludes_zero and not last.index.excludes_zero else last
    return estimated(f"H of {layer.layer}", layer.index, e.experiment.seeds)


FLIPPED = "Flip pictures upside down at random, and up and down are confused while the vertical axis stays."
TEXTURES = "The strictest control has no photographs at all, only textures without a preferred direction, and should give no bands."

CLAIMS = (
    optional(
        Claim(
            name="bands-need-the-axis-alone",
            statement="Bands need a vertical axis in the pictures, not a direction of it.",
            source="",
            of=SUITE,
            rule="with pictures flipped upside down at random: fails where the last layer has lost its banding (its H is"
            " less than half of the baseline's, and lower with a 95 % Welch interval that excludes 0); else holds where"
            " the 95 % Student t interval of its H lies above 0; else undecided",
            evidence=trial("vertical_flip"),
            verdict=kept,
            effect=index,
            wording={
                HOLDS: f"{FLIPPED} The bands remain: they need the axis, not its direction.",
                FAILS: f"{FLIPPED} Most of the banding goes: an axis without a direction is not enough for it.",
                UNDECIDED: f"{FLIPPED} Whether the bands remain, these seeds do not tell.",
            },
        )
    ),
    optional(
        Claim(
            name="textures-give-no-bands",
            statement="A network trained on textures without a preferred direction prefers neither axis.",
            source="",
            of=SUITE,
            rule="holds where the 95 % Student t intervals of H over seeds include 0 in both layers, fails where either"
            " excludes 0; undecided with one seed",
            evidence=trial("textures"),
            verdict=none,
            effect=clearest,
            wording={
                HOLDS: f"{TEXTURES} It gives none.",
                FAILS: f"{TEXTURES} $H$ of the last layer is {{{{ e.experiment.last.index.mean | fixed(3) }}}}. However"
                " small that is, our rule asks for intervals that include zero in both of the last layers, and one does not.",
                UNDECIDED: f"{TEXTURES} One training cannot tell whether it does.",
            },
        )
    ),
)
