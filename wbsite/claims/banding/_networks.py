"""The last convolutions that claims about the networks of a site rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wbsite.claims.effect import UNITS, Effect
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.site import Site


@dataclass(frozen=True)
class LastLayer:
    """The last convolution with rows and columns of a network, where there are pictures of it.

    Attributes:
        model, title, architecture: id, title and name of the network.
        layer: its name.
        head: what follows it, see `results.network.architecture.Head`.
        positions: that the first fully connected layer reads of each channel; 0 where unknown.
        weights, pictures: banding of the full weights and of the NMF pictures.
        threshold: |H| of pictures above which the article sees banding.
    """

    model: str
    title: str
    architecture: str
    layer: str
    head: Literal["pooled", "positions", "convolutional", "maps", "unknown"]
    positions: int
    weights: Index
    pictures: Index
    threshold: float

    @property
    def verdict(self) -> Literal["horizontal", "vertical", "unsafe", "none", "unknown"]:
        """On which side of the article's threshold the interval of H against chance lies, on the pictures. Against
        chance, H of kernels of every shape can be held against a threshold found on square ones, for which it is H."""
        low, high = self.pictures.adjusted_low, self.pictures.adjusted_high
        if low is None or high is None:
            return "unknown"
        if low > self.threshold:
            return "horizontal"
        if high < -self.threshold:
            return "vertical"
        return "unsafe" if high >= self.threshold or low <= -self.threshold else "none"

    @property
    def unsafe(self) -> bool:
        """Whether the interval reaches across the threshold, or there is none."""
        return self.verdict in ("unsafe", "unknown")


def last_layers(site: Site) -> list[LastLayer]:
    """One for each network of the site that has pictures of its last convolution with rows and columns."""
    layers = []
    for model in site.networks:
        layer = model.last_pictured
        banding = model.result(Banding, layer.name) if layer else None
        if layer is None or banding is None or banding.nmf is None:
            continue
        architecture = model.architecture
        layers.append(
            LastLayer(
                model=model.id,
                title=model.title,
                architecture=architecture.name,
                layer=layer.name,
                head=architecture.head.kind,
                positions=architecture.head.positions,
                weights=banding.weights,
                pictures=banding.nmf,
                threshold=banding.article_threshold,
            )
        )
    return layers


def index(network: LastLayer) -> Effect | None:
    """H of the pictures of a network's last convolution, against chance, held against the article's threshold."""
    pictures = network.pictures
    if pictures.index_adjusted is None:
        return None
    return Effect(
        f"H of the NMF pictures of {network.layer}",
        pictures.index_adjusted,
        pictures.adjusted_low,
        pictures.adjusted_high,
        null=network.threshold,
        count=pictures.shaped,
        of=UNITS,
    )
