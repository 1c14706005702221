"""What the experiments find otherwise than the article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import Effect
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import SUITE, laboratory
from .architectures import Architecture, architectures
from .baseline import most_banded
from .persistence import persistence

KEPT_BANDS = ("vgg19",)
"""Architectures that kept their bands without the pooling in the article; the others lost them."""


@dataclass(frozen=True)
class Differences:
    """Where the results contradict the article; every list may be empty.

    Attributes:
        pooling: the experiment without pooling, where some of its last layer's banding remains.
        axis_pooling: the experiment with pooling along x, where its last layer has not lost its banding.
        before: the layer before the last of the baseline, where it is the most banded.
        lost: experiments that banding was said to survive, and did not.
        weakened: architectures that kept their bands in the article, and do not here.
        kept: architectures that lost their bands in the article, and do not here.
    """

    baseline: Experiment
    pooling: list[Experiment]
    axis_pooling: list[Experiment]
    before: list[Experiment]
    lost: list[Experiment]
    weakened: list[Architecture]
    kept: list[Architecture]

    @property
    def count(self) -> int:
        """Experiments and architectures that differ, each by what it contradicts."""
        return sum(len(getattr(self, field.name)) for field in fields(self) if field.name != "baseline")

    @property
    def kinds(self) -> list[tuple[str, list[str]]]:
        """What differs: sentences with a place for the titles of those that differ so, and these."""
        kinds: tuple[tuple[str, Sequence[Experiment | Architecture]], ...] = (
            ("Without the pooling the original shows no bands, and here some are left", self.pooling),
            (
                "Pooling along x took the bands from the original's last layer, and here does not",
                self.axis_pooling,
            ),
            ("The original's bands were clearest in the last layer, and here they are in the one before", self.before),
            ("Bands survived {} in the original, and here most of them go", self.lost),
            ("{} kept its bands without the pooling in the original, and here they weaken", self.weakened),
            ("Bands went with the pooling in the original's {}, and here they do not", self.kept),
        )
        return [
            (text, [f"“{x.title}”" if isinstance(x, Experiment) else x.title for x in differing])
            for text, differing in kinds
            if differing
        ]


def differences(site: Site) -> Differences | Gap:
    """By the rules of the claims about each; what one seed cannot tell is no difference."""
    setting, networks, persisting = laboratory(site), architectures(site), persistence(site)
    if isinstance(setting, Gap):
        return setting
    baseline = setting.experiments["baseline"]
    pooling, axis_pooling = (
        [setting.experiments[name]] if name in setting.experiments else [] for name in ("fc_only", "x_pool")
    )
    networks = [] if isinstance(networks, Gap) else networks
    return Differences(
        baseline=baseline,
        pooling=[experiment for experiment in pooling if experiment.last.index.positive],
        axis_pooling=[experiment for experiment in axis_pooling if experiment.last.lost is False],
        before=[baseline] if most_banded(baseline) == FAILS else [],
        lost=persisting.lost if persisting and not isinstance(persisting, Gap) else [],
        weakened=[network for network in networks if network.name in KEPT_BANDS and network.weakened],
        kept=[network for network in networks if network.name not in KEPT_BANDS and network.weakened is False],
    )


def count(e: Differences) -> Effect:
    """How many there are."""
    return Effect("experiments and architectures that differ from the article", e.count, null=0)


def agrees(e: Differences) -> str:
    """Whether there is no difference."""
    return FAILS if e.count else HOLDS


CLAIMS = (
    Claim(
        name="nothing-contradicts-the-article",
        statement="Nothing that was tested here contradicts the article.",
        source="",
        of=SUITE,
        rule="fails where the claims about pooling, pooling along x, the most banded layer, changes that banding is said to"
        " survive, or common architectures come out, by their own rules, against the article; what one seed cannot tell"
        " does not count",
        evidence=differences,
        verdict=agrees,
        effect=count,
        wording={
            HOLDS: "Nothing that was tested contradicts the original.",
            FAILS: "Not everything came out as in the original:"
            " {{ e.count | counted('result') }} differ{{ 's' if e.count == 1 }}"
            "{{ ', in ' ~ (e.kinds | length | counted('way')) if e.count > e.kinds | length }}."
            "{% for text, titles in e.kinds %} {{ text.format(titles | listing) }}.{% endfor %}"
            " None of this refutes the original: the networks here are small, the pictures are small, and the training is"
            " short, whereas its verdicts come from one long training each.",
        },
        meaning={FAILS: (FAILS, "the article lists what contradicts it")},
    ),
)
