"""Whether branches divide colour from black and white in every training, and on pictures without colours."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import SEEDS, Effect
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.branches.branch_experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, BEYOND_CHANCE, IN_SOME, SUITE, certain, colour, first_setting, trials


@dataclass(frozen=True)
class Branched:
    """Networks with two and with four branches, and small AlexNets with their two towers where these were trained."""

    two: Experiment
    four: Experiment
    alexnet: Experiment | None


def branched(site: Site) -> Branched | Gap | None:
    """Of the first setting; None where either was not run."""
    setting = first_setting(site)
    if isinstance(setting, Gap):
        return setting
    two, four, alexnet = (setting.experiments.get(name) for name in ("two", "four", "alexnet_towers"))
    return Branched(two, four, alexnet) if two and four else None


FAILS_HERE = "fails here"
"""Not in this network, but small AlexNets were trained as well."""


def in_every_training(e: Branched) -> str:
    """In how many trainings two branches divide colour."""
    difference = colour(e.two)
    if difference.beyond_chance == e.two.seeds:
        return HOLDS
    if not difference.beyond_chance:
        return FAILS_HERE if e.alexnet else FAILS
    low = difference.proportion.low
    return SOME if low is not None and low > 0.05 else UNDECIDED


def more_with_four(e: Branched) -> str:
    """Whether four branches differ more, or in more trainings, than two."""
    two, four = colour(e.two), colour(e.four)
    larger = two.share.mean is not None and four.share.mean is not None and four.share.mean > two.share.mean
    return HOLDS if four.beyond_chance > two.beyond_chance or larger else FAILS


@dataclass(frozen=True)
class Pictures:
    """Networks with four branches on pictures as they are, without colour, and with hues permuted."""

    four: Experiment
    grey: Experiment
    hues: Experiment


def pictures(site: Site) -> Pictures | Gap | None:
    """Of the first setting."""
    names = ("four", "four_grey", "four_hues")
    experiments = trials(*names)(site)
    if experiments is None or isinstance(experiments, Gap):
        return experiments
    return Pictures(*(experiments[name] for name in names))


def four_against_two(e: Branched) -> Effect | None:
    """How far four branches differ, against two; so few values of a share that is 0 to 1 give no interval."""
    two, four = colour(e.two).share, colour(e.four).share
    what = "mean η² of four branches, against that of two"
    return None if four.mean is None else Effect(what, four.mean, null=two.mean, count=e.four.seeds, of=SEEDS)


BRIEF = (
    "In the experiments, colour gathered in one branch more than chance allows in {% if e.alexnet %}"
    "{{ e.alexnet.differences.chroma.beyond_chance | tally(e.alexnet.seeds) }} small AlexNets with two towers, {% endif %}"
    "{{ e.four.differences.chroma.beyond_chance | tally(e.four.seeds) }} smaller networks with four branches, and"
    " {{ e.two.differences.chroma.beyond_chance | tally(e.two.seeds) }} with two."
)
TWO = "Two branches of a smaller network divided colour from black and white in"
SOMETIMES = f"{TWO} {{{{ e.two.differences.chroma.beyond_chance | tally(e.two.seeds) }}}} trainings"
NEVER = (
    "**Two branches of a smaller network divided colour from black and white in"
    " {{ 0 | tally(e.two.seeds) }} trainings.** So the division does not come with every cut."
)
ALEXNET = (
    " Of small AlexNets with two towers, {{ e.alexnet.differences.chroma.beyond_chance | tally(e.alexnet.seeds) }} did."
)
FOUR = (
    "With four branches, colour gathered in some of them in"
    " {{ e.four.differences.chroma.beyond_chance | tally(e.four.seeds) }} trainings"
)
COLOURS = (
    "Where the pictures had no colour, the branches differed in it in"
    " {{ e.grey.differences.chroma.beyond_chance | tally(e.grey.seeds) }} trainings: filters keep no more colour than they"
    " were started with at random. Where the three colour channels of each picture were shuffled, so that colour was there and"
    " no hue meant anything, they differed in {{ e.hues.differences.chroma.beyond_chance | tally(e.hues.seeds) }}, though"
    " {{ e.hues.colour_units | map('sum') | sum }} filters in all have half of their weight in colour or more, against"
    " {{ e.four.colour_units | map('sum') | sum }} with the hues kept."
)

CLAIMS = (
    optional(
        Claim(
            name="two-branches-divide-colour",
            statement="When the first layers are divided into two branches, these divide colour from black and white in every"
            " training.",
            source=ARTICLE,
            place="text on the same specializations occurring again, in retrained and other networks",
            of=SUITE,
            rule=f"{BEYOND_CHANCE}; holds where every training is, fails where none is; between, the exact interval of their"
            " proportion decides whether they are more than the one in twenty that chance gives",
            evidence=branched,
            verdict=in_every_training,
            effect=lambda e: certain(colour(e.two), e.two.seeds, "colour"),
            wording={
                HOLDS: f"{TWO} every training.",
                SOME: f"{SOMETIMES}: more often than chance would, and less than always.",
                UNDECIDED: f"{SOMETIMES}, as often as chance alone may.",
                FAILS: NEVER,
                FAILS_HERE: NEVER + ALEXNET,
            },
            meaning={**IN_SOME, FAILS_HERE: (FAILS, "")},
            brief=dict.fromkeys((HOLDS, SOME, UNDECIDED, FAILS, FAILS_HERE), BRIEF),
        )
    ),
    optional(
        Claim(
            name="four-branches-divide-colour-more",
            statement="Four branches divide colour more than two.",
            source="",
            of=SUITE,
            rule=f"{BEYOND_CHANCE}; holds where more trainings with four branches are, or where their mean η² is larger",
            evidence=branched,
            verdict=more_with_four,
            effect=four_against_two,
            wording={
                HOLDS: f"{FOUR}, which is more than two branches show.",
                FAILS: f"{FOUR}, which is no more than two branches show.",
            },
        )
    ),
    optional(
        Claim(
            name="no-colour-to-divide",
            statement="Branches do not divide colour where pictures have none.",
            source="",
            of=SUITE,
            rule=f"{BEYOND_CHANCE}, here in chroma; holds where no training with four branches on pictures without colour is",
            evidence=pictures,
            verdict=lambda e: FAILS if colour(e.grey).beyond_chance else HOLDS,
            effect=lambda e: certain(colour(e.grey), e.grey.seeds, "colour"),
            wording=dict.fromkeys((HOLDS, FAILS), COLOURS),
        )
    ),
)
