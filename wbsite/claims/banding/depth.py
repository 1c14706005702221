"""How the banding index goes through the depth of the site's networks."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.verdicts import description
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.site import Model, Site

EARLY, LATE = "mixed3a_3x3", "mixed5b_3x3"
"""Layers of InceptionV1 between which its banding is followed."""


@dataclass(frozen=True)
class Course:
    """H on full weights through one network.

    Attributes:
        model, title: id and title of the network.
        layers: number of convolutions with rows and columns.
        undefined: of these, those whose H is not defined.
        first, last, largest: names of layers, of those whose H is.
        start, end, most: H of these.
        incomplete: whether later convolutions are missing from the weights file.
    """

    model: str
    title: str
    layers: int
    undefined: int
    first: str
    start: float
    last: str
    end: float
    largest: str
    most: float
    incomplete: bool

    @property
    def ends_largest(self) -> bool:
        """Whether H is largest at the last of its layers."""
        return self.largest == self.last


def course(model: Model) -> Course | None:
    """Of a network with several such layers whose H is defined; else None."""
    layers = [layer.name for layer in model.having("banding")]
    bandings = {name: model.result(Banding, name) for name in layers}
    index = {name: banding.index for name, banding in bandings.items() if banding is not None}
    defined = {name: value for name, value in index.items() if value is not None}
    if len(defined) < 2:
        return None
    (first, start), *_, (last, end) = defined.items()
    largest = max(defined, key=lambda name: defined[name])
    planar = [layer.name for layer in model.layers if layer.planar]
    return Course(
        model=model.id,
        title=model.title,
        layers=len(layers),
        undefined=len(layers) - len(defined),
        first=first,
        start=start,
        last=last,
        end=end,
        largest=largest,
        most=defined[largest],
        incomplete=planar[-1] != layers[-1],
    )


def courses(site: Site) -> list[Course] | None:
    """Of all networks of the site."""
    return list(filter(None, map(course, site.networks))) or None


@dataclass(frozen=True)
class Inception:
    """An InceptionV1 of the site: its id, and the banding of an early and of its last 3×3 convolution."""

    model: str
    early: Index
    late: Index


def inceptions(site: Site) -> list[Inception] | None:
    """All networks with the architecture of InceptionV1 that have both layers."""
    networks = []
    for model in site.networks:
        if model.last_pictured and model.architecture.name == "inceptionv1":
            early, late = model.result(Banding, EARLY), model.result(Banding, LATE)
            if early and late:
                networks.append(Inception(model.id, early.weights, late.weights))
    return networks or None


CLAIMS = (
    description(
        "banding-through-depth",
        "Where banding begins and is largest in each network, to be held against its being said to belong to the end.",
        courses,
        "{% set end, inside = e | selectattr('ends_largest') | list, e | rejectattr('ends_largest') | list %}"
        "{% if end %}In {{ end | map(attribute='title') | listing }} it is strongest in the very last layer. {% endif %}"
        "{% if inside %}In {{ inside | map(attribute='title') | listing }} it is strongest before the end"
        "{% for c in inside if inside | length <= 8 %}{{ ' (' if loop.first }}in [`{{ c.largest }}`]"
        "({{ link(c.model, c.largest) }}index.md){{ ')' if loop.last else ', ' }}{% endfor %}.{% endif %}"
        "{% set cut = e | selectattr('incomplete') | map(attribute='title') | list %}"
        "{% if cut %} The later convolutions of {{ cut | listing }} are missing from {{ 'its' if cut | length == 1 else 'their' }}"
        " weights file{{ 's' if cut | length > 1 }}.{% endif %}",
    ),
    description(
        "inceptionv1-through-depth",
        f"R and C of InceptionV1, the network in which banding was first shown, in {EARLY} and {LATE}.",
        inceptions,
        '{% for n in e %}{% set name = "banding-" ~ n.model %}'
        "InceptionV1 is the network in which banding was first shown. {{ ref(name) }} takes $H$ apart: from"
        f" `{EARLY}` to `{LATE}`, $R$ goes from {{{{ n.early.row_share | fixed }}}} to {{{{ n.late.row_share | fixed }}}}"
        " and $C$ from {{ n.early.column_share | fixed }} to {{ n.late.column_share | fixed }}.\n\n"
        '{{ figure("banding-by-depth", model=n.model, as_=name) }}\n{% endfor %}',
    ),
)
