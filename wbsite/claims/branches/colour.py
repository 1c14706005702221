"""Whether branches divide colour from black and white in every training, and on pictures without colours."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import SOME, description, optional
from wbsite.results.branches.branch_experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, BEYOND_CHANCE, IN_SOME, SUITE, certain, colour, first_setting, settings, trials


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
    """How far four branches differ, against two."""
    two, four = colour(e.two).share, colour(e.four).share
    return estimated("η² of four branches, against that of two", four, e.four.seeds, null=two.mean)


BRIEF = (
    "- **Consistency**: in the small networks trained here, {{ e.two.differences.chroma.beyond_chance }} of"
    " {{ e.two.seeds }} with two branches and {{ e.four.differences.chroma.beyond_chance }} of {{ e.four.seeds }} with four"
    " part in colour{% if e.alexnet %}, and {{ e.alexnet.differences.chroma.beyond_chance }} of {{ e.alexnet.seeds }} small"
    " AlexNets with their two towers{% endif %}."
)
SOMETIMES = (
    "So two branches of this network divided colour from black and white in"
    " {{ e.two.differences.chroma.beyond_chance }} of {{ e.two.seeds }} trainings"
)
NEVER = (
    "**So in none of {{ e.two.seeds }} trainings did two branches of this network divide colour from black and white.**"
    " That it happens consistently does not hold for this network and these pictures."
)
ALEXNET = (
    " It is not that small networks cannot: of small AlexNets with their two towers,"
    " {{ e.alexnet.differences.chroma.beyond_chance }} of {{ e.alexnet.seeds }} part, with an area under the curve of"
    " {{ e.alexnet.differences.chroma.area | share }} on average."
)
FOUR = "{{ e.four.differences.chroma.beyond_chance }} of {{ e.four.seeds }}"
KERNELS = '{{ ref("branch-kernels") }} shows the run in the middle.'
COLOURS = (
    "Without colour in the pictures, filters keep only what colour the random numbers had from which they started."
    " {{ e.grey.differences.chroma.beyond_chance }} of {{ e.grey.seeds }} networks with four branches part in it. With hues"
    " permuted, {{ e.hues.differences.chroma.beyond_chance }} of {{ e.hues.seeds }} do. Filters that are colour by half or"
    " more number {{ e.hues.colour_units | map('sum') | join(', ') }}, against"
    " {{ e.four.colour_units | map('sum') | join(', ') }} with hues kept."
)

CLAIMS = (
    description(
        "colour-by-experiment",
        "How far branches differ in colour, in every experiment, and how far by chance.",
        settings,
        "{% for setting in e %}**{{ setting.facts.dataset or 'pictures' }}**"
        "{% if setting.facts.training_pictures %} ({{ setting.facts.training_pictures | number }} training pictures)"
        "{% endif %}. Colour, in runs of each kind:\n\n"
        "{% for x in setting.experiments %}{% set c = x.differences.chroma %}- {{ x.title }}: {{ c.beyond_chance }} of"
        " {{ x.seeds }} part beyond chance, $\\eta^2$ = {{ c.share | interval(3) }}, by chance {{ c.expected | share }}"
        "{% if c.split.mean is not none %}; the undivided network split at random {{ c.split | interval(3) }}{% endif %}.\n"
        "{% endfor %}{{ '\n' if not loop.last }}{% endfor %}",
    ),
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
                HOLDS: "So two branches of this network divided colour from black and white in every training.",
                SOME: f"{SOMETIMES}: more often than the one in twenty that chance would call so, and less than always.",
                UNDECIDED: f"{SOMETIMES}, which chance alone may give.",
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
                HOLDS: f"With four branches, {FOUR} part: {KERNELS}",
                FAILS: f"With four branches it is {FOUR}: {KERNELS}",
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
