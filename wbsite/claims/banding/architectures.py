"""The two interventions that mattered, made on three common architectures."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, counted
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, laboratory

NAMES = ("inceptionv1", "resnet50", "vgg19")


@dataclass(frozen=True)
class Architecture:
    """A common architecture and its interventions, as far as they were run.

    Attributes:
        name: as its experiments begin.
        baseline: as it is.
        rotated: with pictures rotated by 90°.
        positions: without the pooling before its head.
    """

    name: str
    baseline: Experiment
    rotated: Experiment | None
    positions: Experiment | None

    @property
    def title(self) -> str:
        """Of the network."""
        return self.baseline.title.partition(",")[0]

    @property
    def turned(self) -> bool | None:
        """Whether H of the last layer is certainly positive, and certainly negative with rotated pictures."""
        if self.rotated is None or self.rotated.last.index.high is None or self.baseline.last.index.low is None:
            return None
        return self.rotated.last.index.negative and self.baseline.last.index.positive

    @property
    def weakened(self) -> bool | None:
        """Whether H of the last layer is certainly lower without the pooling."""
        if self.positions is None or self.positions.last.difference.excludes_zero is None:
            return None
        return self.positions.last.difference.negative


def architectures(site: Site) -> list[Architecture] | Gap:
    """Those whose baseline was run."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    runs = setting.experiments
    return [
        Architecture(name, baseline, runs.get(f"{name}_rotated"), runs.get(f"{name}_positions"))
        for name in NAMES
        if (baseline := runs.get(f"{name}_baseline"))
    ]


@dataclass(frozen=True)
class Outcome:
    """Whether common architectures show an effect; only those with both interventions count.

    Attributes:
        tested: titles of those for which it could be tested.
        positive: of these, titles of those that show it.
        unbanded: titles of those that do not show it and have no certain banding to begin with.
    """

    tested: list[str]
    positive: list[str]
    unbanded: list[str]

    @property
    def others(self) -> list[str]:
        """Titles of those that are banded and do not show it."""
        return [title for title in self.tested if title not in self.positive + self.unbanded]


def outcome(effect: str, site: Site) -> Outcome | Gap | None:
    """Of the effect "turned" or "weakened"."""
    networks = architectures(site)
    if isinstance(networks, Gap):
        return networks
    complete = [network for network in networks if network.rotated and network.positions]
    effects = {network.title: getattr(network, effect) for network in complete}
    tested = [title for title, shows in effects.items() if shows is not None]
    banded = {network.title for network in complete if network.baseline.last.index.positive}
    positive = [title for title in tested if effects[title]]
    unbanded = [title for title in tested if not effects[title] and title not in banded]
    return Outcome(tested, positive, unbanded) if complete else None


def general(e: Outcome) -> str:
    """Whether all, some or none show the effect."""
    if not e.tested:
        return UNDECIDED
    return HOLDS if len(e.positive) == len(e.tested) else SOME if e.positive else FAILS


def shown(e: Outcome) -> Effect | None:
    """Of those for which it could be tested, the share that shows the effect."""
    return counted("share of architectures that show it", len(e.positive), len(e.tested), "architectures")


OTHERS = "{% if e.others %} In {{ e.others | listing }} they {{ others }}.{% endif %}"
TURNED = (
    "In {{ e.positive | listing }}, the last layer's bands turn with the pictures."
    "{% set others = 'do not' %}"
    + OTHERS
    + "{% if e.unbanded %} {{ e.unbanded | listing }} {{ 'has' if e.unbanded | length == 1 else 'have' }} no banding beyond what"
    " seeds explain, so that there is nothing to turn.{% endif %}"
)
WEAKENED = (
    "Without the pooling they are weaker in {{ e.positive | listing }}."
    "{% set others = 'are not' %}"
    + OTHERS
    + "{% if e.unbanded %} In {{ e.unbanded | listing }} there is nothing to weaken, so this does not test whether bands need"
    " the pooling there.{% endif %}"
)

CLAIMS = (
    optional(
        Claim(
            name="architectures-turn",
            statement="In common architectures, too, the bands turn with the pictures.",
            source=ARTICLE,
            place="text on training InceptionV1, ResNet50 and VGG19 from scratch",
            of=SUITE,
            rule="holds for an architecture where the 95 % Student t interval of the last layer's H over seeds lies above"
            " 0, and below 0 with pictures rotated by 90°; undecided with one seed",
            evidence=lambda site: outcome("turned", site),
            verdict=general,
            effect=shown,
            wording={
                HOLDS: TURNED,
                SOME: TURNED,
                FAILS: "In none of them do the last layer's bands clearly turn with the pictures.",
                UNDECIDED: "With one training of each, it cannot be said whether their bands turn.",
            },
            meaning={SOME: (UNDECIDED, "holds for some of them")},
        )
    ),
    optional(
        Claim(
            name="architectures-need-pooling",
            statement="In common architectures, too, the bands go with the pooling before the head.",
            source=ARTICLE,
            place="text on training InceptionV1, ResNet50 and VGG19 from scratch",
            of=SUITE,
            rule="holds for an architecture where the last layer's H is lower without the pooling, with a 95 % Welch"
            " interval over seeds that excludes 0; undecided with one seed",
            evidence=lambda site: outcome("weakened", site),
            verdict=general,
            effect=shown,
            wording={
                HOLDS: WEAKENED,
                SOME: WEAKENED,
                FAILS: "Without the pooling they are not weaker, beyond what seeds explain, in any of them.",
                UNDECIDED: "",
            },
            meaning={SOME: (UNDECIDED, "holds for some of them")},
        )
    ),
)
