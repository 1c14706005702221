"""How pictures were made and which photographs were shown: what the article's appendix says of the example network."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import Claim
from wbsite.claims.verdicts import DESCRIBED, description
from wbsite.results.expanded.long_tail import LongTail
from wbsite.results.network.unit_pictures import PictureSettings, UnitPictures
from wbsite.results.site import Site

from ._network import example_result, network

NOT_GIVEN = "not given"
"""No photographs were shown to the example network."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a network's units."""

    network: str
    settings: PictureSettings


def pictures(site: Site) -> Pictures | None:
    """Of the first layer of the example network, if units of it have some."""
    model = network(site)
    layers = model.having("unit_pictures") if model else []
    result = model.result(UnitPictures, layers[0].name) if model and layers else None
    return Pictures(model.title, result.settings) if model and result and result.shown else None


@dataclass(frozen=True)
class Photographs:
    """What photographs there were, in words; "" where none were shown."""

    what: str


def photographs(site: Site) -> Photographs:
    """Those that inputs were measured on."""
    pair = example_result(site, LongTail)
    return Photographs(pair[1].photographs.what if pair else "")


CLAIMS = (
    description(
        "picture-settings",
        "How large the pictures of units are, and how they were made.",
        pictures,
        " Those of {{ e.network }} have {{ e.settings.pixels }} and took {{ e.settings.steps }} steps.",
    ),
    Claim(
        name="photographs",
        statement="Which photographs the networks were shown.",
        source="",
        rule="description: nothing is decided",
        evidence=photographs,
        verdict=lambda e: DESCRIBED if e.what else NOT_GIVEN,
        wording={DESCRIBED: "{{ e.what }}", NOT_GIVEN: "those given with `--photographs`"},
        decides=False,
    ),
)
