"""Whether banding goes with what follows a network's last convolution: pooling, or a head that reads positions."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import of_one
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.site import Site

from ._laboratory import ARTICLE
from ._networks import LastLayer, index, last_layers


@dataclass(frozen=True)
class Networks:
    """Networks with one kind of head, and the titles of those that are banded horizontally."""

    networks: list[LastLayer]
    banded: list[str]

    @property
    def titles(self) -> list[str]:
        """Of all."""
        return [network.title for network in self.networks]

    @property
    def single(self) -> bool:
        """Whether there is only one."""
        return len(self.networks) == 1

    @property
    def unsafe(self) -> bool:
        """Whether none is banded and for some of them that is not safe to say."""
        return not self.banded and any(network.unsafe for network in self.networks)


def with_head(site: Site, *kinds: str) -> Networks | None:
    """The networks whose head is of these kinds."""
    networks = [network for network in last_layers(site) if network.head in kinds]
    banded = [network.title for network in networks if network.verdict == "horizontal"]
    return Networks(networks, banded) if networks else None


def pooled(e: Networks) -> str:
    """Whether all, some or none are banded."""
    if e.banded:
        return HOLDS if len(e.banded) == len(e.networks) else SOME
    return UNDECIDED if e.unsafe else FAILS


def vgg19(site: Site) -> list[str] | None:
    """Titles of networks with VGG19's architecture and its head."""
    networks = [n for n in last_layers(site) if n.head == "positions" and n.architecture == "vgg19"]
    return [network.title for network in networks] or None


POOLED = (
    '{{ e.titles | listing }} {{ "pools" if e.single else "pool" }} position away before the outputs, and the original'
    " article reports banding in all such networks that it shows.\n"
)
POSITIONS = "In {{ e.titles | listing }} the first fully connected layer reads a map of positions, as in the original AlexNet.\n"
NOT_BANDED = (
    POOLED + '{{ "It is not" if e.single else "None of them is" }} clearly banded here. One training of each'
    " cannot tell why: the effect may be less general than a few large networks suggest, or depend on the training."
)
ALIKE = (
    POSITIONS + '{{ "It is not" if e.single else "None of them is" }} clearly banded, as the original'
    " article found for AlexNet."
)
BANDED = (
    POOLED + '{{ "It is not" if e.single else "None of them is" }} clearly banded here: the network or'
    " its pictures may be too small for banding to form fully, the training too short, or the effect less"
    " general than a few large networks suggest. One training of each cannot tell."
)
ALIKE = (
    POSITIONS + '{{ "It is not" if e.single else "None of them is" }} clearly banded, as the original'
    " article found for AlexNet."
)
BANDED = (
    "banded where the 95 % interval of H over units lies wholly above the article's threshold, on the NMF pictures;"
    " undecided where none is banded and the interval of one reaches across the threshold"
)

CLAIMS = (
    optional(
        Claim(
            name="pooled-networks-are-banded",
            statement="Networks that pool position away before their outputs are banded in their last convolution.",
            source=ARTICLE,
            place="Figure 2",
            rule=f"holds where all of the site's networks of this kind are banded; {BANDED}",
            evidence=lambda site: with_head(site, "pooled", "convolutional"),
            verdict=pooled,
            effect=lambda e: of_one(index)(e.networks),
            wording={
                HOLDS: POOLED + '{{ "It is" if e.single else "All of them are" }} banded here as well.',
                SOME: POOLED
                + "Of these, {{ e.banded | listing }} {{ 'is' if e.banded | length == 1 else 'are' }} clearly"
                " banded here.",
                FAILS: NOT_BANDED,
                UNDECIDED: NOT_BANDED,
            },
            meaning={SOME: (UNDECIDED, "holds for some of the networks here")},
        )
    ),
    optional(
        Claim(
            name="networks-that-read-positions-are-not-banded",
            statement="A network whose first fully connected layer reads a map of positions, as AlexNet's does, is not"
            " banded in its last convolution.",
            source=ARTICLE,
            place="Figure 3",
            rule=f"holds where none of the site's networks of this kind is banded; {BANDED}",
            evidence=lambda site: with_head(site, "positions"),
            verdict=lambda e: FAILS if e.banded else UNDECIDED if e.unsafe else HOLDS,
            effect=lambda e: of_one(index)(e.networks),
            wording={
                HOLDS: ALIKE,
                UNDECIDED: ALIKE,
                FAILS: POSITIONS + "{{ e.banded | listing }} {{ 'is' if e.banded | length == 1 else 'are' }} banded all"
                " the same.",
            },
        )
    ),
    optional(
        Claim(
            name="vgg19-counts-as-pooled",
            statement="VGG19 is a network with pooling, and keeps its bands without it.",
            source=ARTICLE,
            rule="description: said wherever a site has VGG19; the experiments with VGG19 put it to the test",
            evidence=vgg19,
            verdict=lambda _: "reported",
            wording={
                "reported": "In the original article VGG19 counts among the networks with pooling, for the local maximum before"
                " its fully connected layers; AlexNet has such a maximum too, so what separates the two is not settled"
                " here. When that pooling was taken out of VGG19 and the network trained anew, its bands stayed."
                '{{ cite("petrov2021weight") }}'
            },
            decides=False,
        )
    ),
)
