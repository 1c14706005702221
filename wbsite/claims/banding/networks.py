"""Which of the site's networks are banded in their last convolution, by the article's threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import of_one
from wbsite.claims.verdicts import SOME, description, optional
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE
from ._networks import LastLayer, index, last_layers

HEADS = {
    "pooled": "global pooling, then fully connected",
    "convolutional": "convolution to classes, no fully connected layer",
    "maps": "no pooling: outputs at every position",
}
"""What follows the last convolution → how the table puts it; a head of positions gives their number."""

SIDES = {
    "horizontal": "clearly banded",
    "vertical": "clearly banded vertically",
    "unsafe": "too close to the threshold to call",
    "none": "not banded",
    "unknown": "without an interval, since fewer than two different units vary over space",
}
"""Verdict on a network → how the article puts it."""

SMALL = ("simplified_32", "inceptionv1_32", "alexnet_32")
"""Networks trained by this project on pictures of 32 pixels."""


def threshold(site: Site) -> Banding | None:
    """The banding of the first network's last layer, for what it says of the threshold."""
    model = next((model for model in site.working if model.last_pictured), None)
    layer = model.last_pictured if model else None
    return model.result(Banding, layer.name) if model and layer else None


@dataclass(frozen=True)
class SideBySide:
    """The table of networks.

    Attributes:
        rows: one a network.
        left_out: (title of the network, layer, reason) of those whose last convolution has no index.
    """

    rows: Sequence[Row]
    left_out: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Row:
    """A network, and what follows its last convolution, as the table puts it."""

    network: LastLayer
    head: str


def side_by_side(site: Site) -> SideBySide | Gap:
    """The table of networks."""
    networks = last_layers(site)
    left_out = [
        (model.title, layer.name, reason)
        for model in site.networks
        for layer, reason in filter(None, [model.last_undefined])
    ]
    if not networks and not left_out:
        return Gap("no network on this site has pictures of its last convolution with rows and columns", failed=False)
    return SideBySide([Row(network, _head(network)) for network in networks], left_out)


def _head(network: LastLayer) -> str:
    if network.head == "positions":
        return f"fully connected over {network.positions} positions"
    return HEADS.get(network.head, "not known")


@dataclass(frozen=True)
class Sides:
    """Networks by the side of the threshold that they are on.

    Attributes:
        networks: all of them.
        banded: share of networks that are banded horizontally.
        unsafe: whether for some of them, and none is banded, neither verdict is safe.
        titles: words of `SIDES` → titles of networks, where there are any.
    """

    networks: list[LastLayer]
    banded: float
    unsafe: bool
    titles: dict[str, list[str]]


def sides(site: Site) -> Sides | None:
    """The networks by the verdict on them."""
    networks = last_layers(site)
    if not networks:
        return None
    groups = {words: [n.title for n in networks if n.verdict == side] for side, words in SIDES.items()}
    banded = sum(network.verdict == "horizontal" for network in networks) / len(networks)
    unsafe = not banded and any(network.unsafe for network in networks)
    return Sides(networks, banded, unsafe, {words: titles for words, titles in groups.items() if titles})


def by_side(e: Sides) -> str:
    """Whether all networks are banded, some or none; where none is, whether that is safe to say."""
    if e.banded:
        return HOLDS if e.banded == 1 else SOME
    return UNDECIDED if e.unsafe else FAILS


def small_networks(site: Site) -> Sequence[str] | None:
    """Titles of the networks for small pictures."""
    return [model.title for model in site.networks if model.architecture.name in SMALL] or None


SENTENCE = (
    "By that measure,{% for words, titles in e.titles.items() %} {{ titles | listing }}"
    " {{ 'is' if titles | length == 1 else 'are' }} {{ words }}{{ '.' if loop.last else ';' }}{% endfor %}"
)

CLAIMS = (
    description(
        "article-threshold",
        "On the NMF pictures, |H| above a threshold agrees with the article's verdict on the layers that it was chosen on.",
        threshold,
        "Over the {{ e.article_layers }} layers published there, $|H| > {{ e.article_threshold }}$ on the pictures agrees"
        " with the authors' verdict. The threshold was chosen on those same layers, so it is a convention and not a test. We"
        " call a layer banded where the whole interval of its $H$, and not the number alone, lies beyond it, and give the"
        " number with every verdict.",
    ),
    description(
        "networks-side-by-side",
        "The networks of this site side by side: their heads, and the banding of their last convolution.",
        side_by_side,
        '{% if e.rows %}<div class="wb-scroll wb-wide" tabindex="0">\n<table>\n'
        "<caption>Heads of networks, and banding of their last layer</caption>\n"
        '<thead><tr><th scope="col">Network</th><th scope="col">What follows the last convolution</th>'
        '<th scope="col">Layer</th><th scope="col">H on pictures (95 %)</th>'
        '<th scope="col">H on full weights (95 %)</th></tr></thead>\n<tbody>\n'
        "{% for row in e.rows %}{% set n = row.network %}"
        '<tr><td><a href="{{ link(n.model) }}">{{ n.title }}</a></td><td>{{ row.head }}</td>'
        '<td><a href="{{ link(n.model, n.layer) }}">{{ n.layer }}</a></td>'
        "{% for index in (n.pictures, n.weights) %}"
        "<td>{{ index | index }}</td>"
        "{% endfor %}</tr>\n{% endfor %}</tbody>\n</table>\n</div>{% endif %}"
        "{% for title, layer, reason in e.left_out %}{{ '\n\n' if loop.first }}{{ title }}"
        " has no index in its last convolution with rows and columns, `{{ layer }}`: {{ reason }}. {% endfor %}",
    ),
    optional(
        Claim(
            name="last-layers-are-banded",
            statement="In the last convolution of many vision networks almost every unit's kernel is a stack of"
            " horizontal stripes.",
            source=ARTICLE,
            place="first paragraph, Figures 1 and 2",
            rule="a network is banded where the 95 % bootstrap interval of H over units, on the NMF pictures of its last"
            " convolution with rows and columns, lies wholly above the article's threshold; not where it lies wholly"
            " below; neither verdict is safe where it reaches across. Holds where all networks are banded.",
            evidence=sides,
            verdict=by_side,
            effect=lambda e: of_one(index)(e.networks),
            wording=dict.fromkeys((HOLDS, SOME, UNDECIDED, FAILS), SENTENCE),
            meaning={SOME: (UNDECIDED, "holds for some of the networks here")},
        )
    ),
    description(
        "small-networks",
        "Networks for pictures of 32 pixels are no stand-in for networks trained on large photographs.",
        small_networks,
        'The networks called "32 px" were trained by this project on the small pictures of'
        ' CIFAR-10,{{ cite("krizhevsky2009learning") }} which mostly show one centred object. They are here so that the'
        " site can be built anywhere, and are no stand-in for networks trained on large photographs.",
    ),
)
