"""Whether units read through a bottleneck, across which their kernels can be expanded."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, NOTHING, Claim
from wbsite.results.expanded.examples import Bottleneck
from wbsite.results.site import Site

from ._network import ARTICLE, example_finding, network


@dataclass(frozen=True)
class Squeezed:
    """A network, and the bottleneck that a unit of it reads through, if any does."""

    network: str
    bottleneck: Bottleneck | None


def evidence(site: Site) -> Squeezed:
    """Of the example network, or of none."""
    model, behind = network(site), example_finding(site, "bottleneck")
    return Squeezed(model.title if model else "these networks", behind.examples.bottleneck if behind else None)


CLAIMS = (
    Claim(
        name="bottleneck",
        statement="Wide convolutions read through bottlenecks, across which their kernels can be expanded.",
        source=ARTICLE,
        place="text after Figure 10",
        rule="holds where some spatial convolution reads through a bottleneck.",
        evidence=evidence,
        verdict=lambda e: HOLDS if e.bottleneck else FAILS,
        wording={
            HOLDS: "The shortest case is that of a {{ term('bottleneck') }}. Before its wide convolutions {{ e.network }}"
            " squeezes {{ e.bottleneck.wide }} channels into {{ e.bottleneck.channels }}, so that a unit of the bottleneck"
            " has to stand for several things at once, and has no simple name. Expanded weights go around it, to the"
            ' channels before. {{ ref("bottleneck") }} shows both sides; whether the wider one is easier to read, as the'
            " original article finds, is for the eye to say and was not measured.",
            FAILS: "No spatial convolution of {{ e.network }} reads through a bottleneck. Networks with Inception blocks or"
            " residual bottlenecks do, and their pages show the kernels on both sides of it.",
        },
        meaning={FAILS: (NOTHING, "there is no bottleneck")},
    ),
)
