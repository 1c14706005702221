"""What the experiments find otherwise than the article."""

from __future__ import annotations

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
    number = sum(len(getattr(e, field.name)) for field in fields(e) if field.name != "baseline")
    return Effect("differences from the article", number, null=0)


def agrees(e: Differences) -> str:
    """Whether there is no difference."""
    return FAILS if count(e).value else HOLDS


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
            HOLDS: "Nothing that was tested contradicts the article.",
            FAILS: "{% for x in e.pooling %}- Without pooling the article's network showed no banding. Here"
            " {{ x.last.index | interval(3) }} is left in the last layer, against"
            " {{ e.baseline.last.index | interval(3) }} in the baseline.\n{% endfor %}"
            "{% for x in e.axis_pooling %}- Pooling along x alone took the bands from the article's last layer. Here it"
            " did not: H is {{ x.last.index | interval(3) }}.\n{% endfor %}"
            "{% for x in e.before %}- The article's bands were clearest in the last layer. Here they are clearest in the"
            " one before.\n{% endfor %}"
            "{% for x in e.lost %}- Banding survived “{{ x.title }}” in the article. Here the last layer's H is"
            " {{ x.last.index | interval(3) }}.\n{% endfor %}"
            "{% for x in e.weakened %}- {{ x.title }} kept its bands without the pooling in the article. Here H falls by"
            " {{ x.positions.last.difference | interval(3) }}.\n{% endfor %}"
            "{% for x in e.kept %}- {{ x.title }} lost its bands with the pooling in the article. Here the difference,"
            " {{ x.positions.last.difference | interval(3) }}, does not exclude zero, or is of the other sign."
            "\n{% endfor %}\n\n"  # Jinja takes the first
            "None of this refutes the article: the networks here are small, the pictures are small, and the training is"
            " short, whereas the article's verdicts come from one long training each.",
        },
        meaning={FAILS: (FAILS, "the article lists what contradicts it")},
    ),
)
