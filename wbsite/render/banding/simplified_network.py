"""The simplified network as a diagram, with marks where the suite's experiments change it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import listing
from wbsite.results.banding.simplified_network import Network, SimplifiedNetwork
from wbsite.results.site import Gap

from ._laboratory import SUITE, Laboratory

WIDTH, MIDDLE, ROW, STEP, BETWEEN = 358, 138, 22, 27, 9
"""Pixels: the whole width, the middle of the boxes, a box's height, from one to the next, more between groups."""

COLUMNS = {"units": 240, "kernel": 292, "map": 354}
"""The numbers beside the boxes → where their columns end."""

PARTS = {
    "pictures": "What the network sees",
    "size": "Poolings and kernels",
    "layers": "The last two convolutions",
    "head": "What follows the last convolution",
}
"""The parts that experiments change, from input to output → what the legend calls them."""

PICTURES, SIZES, INSIDE = {"turn", "sway", "vertical_flip", "textures"}, {"poolings", "kernel"}, {"coordconv", "film"}
"""Parameters that change the pictures, parameters that change sizes, experiments that change single layers."""


def part(experiment: str, parameters: Mapping[str, Any]) -> str:
    """Which of PARTS an experiment of the simplified network changes."""
    if PICTURES & parameters.keys():
        return "pictures"
    if SIZES & parameters.keys():
        return "size"
    return "layers" if experiment in INSIDE else "head"


def folded(titles: Sequence[str]) -> list[str]:
    """Titles that differ in one number alone become one: "3 masks" and "16 masks" are "3 and 16 masks"."""
    families: dict[str, list[str]] = {}
    for title in titles:
        numbers = re.findall(r"\d+", title)
        shape = re.sub(r"\d+", "{}", title) if len(numbers) == 1 else title
        families.setdefault(shape, []).extend(numbers if shape != title else [])
    return [shape.replace("{}", listing(numbers)) for shape, numbers in families.items()]


def wide(side: int, largest: int) -> int:
    """Width of a box in pixels for a map of so many positions a side: the same step for every halving."""
    return max(36, 124 - round(18 * math.log2(largest / side)))


class Diagram:
    """SVG elements from the top to the bottom of the network.

    Args:
        size: side of the pictures.
        numbers: part that experiments change → the number of its mark.
    """

    def __init__(self, size: int, numbers: Mapping[str, int]) -> None:
        self.size, self.numbers, self.y = size, numbers, 20
        self.elements = [self._text(x, 8, name, "wb-head wb-end") for name, x in COLUMNS.items()]

    def _text(self, x: float, y: float, text: str, kind: str) -> Markup:
        return html('<text x="{:g}" y="{:g}" class="{}">{}</text>', x, y, kind, text)

    def box(self, side: int, label: str, shade: int, beside: Mapping[str, str], kept: bool = False) -> None:
        """A box as wide as its map, and text in the columns beside it."""
        w, y = wide(side, self.size), self.y
        self.elements.append(
            html(
                '<g class="wb-box wb-shade{}{}"><rect x="{:g}" y="{}" width="{}" height="{}" rx="3"/>{}</g>',
                shade,
                " wb-kept" if kept else "",
                MIDDLE - w / 2,
                y,
                w,
                ROW,
                self._text(MIDDLE, y + ROW / 2, label, ""),
            )
        )
        self.elements += [self._text(COLUMNS[column], y + ROW / 2, text, "wb-end") for column, text in beside.items()]
        self.y += STEP

    def funnel(self, side: int, to: int, label: str) -> None:
        """What makes a map smaller."""
        top, bottom, y = wide(side, self.size) / 2, wide(to, self.size) / 2, self.y
        corners = ((-top, y), (top, y), (bottom, y + ROW), (-bottom, y + ROW))
        points = " ".join(f"{MIDDLE + x:g},{y}" for x, y in corners)
        self.elements.append(html('<polygon points="{}"/>', points))
        self.elements.append(self._text(COLUMNS["units"] - 26, y + ROW / 2, label, "wb-start"))
        self.y += STEP

    def mark(self, name: str, y: float) -> None:
        """The number of a part, where experiments change it."""
        if name in self.numbers:
            number = self._text(12, y, str(self.numbers[name]), "")
            self.elements.append(html('<g class="wb-mark"><circle cx="12" cy="{:g}" r="9.5"/>{}</g>', y, number))

    def group(self, name: str, top: int) -> None:
        """A group's name beside its layers, which began at `top`."""
        self.elements.append(self._text(27, (top + self.y - STEP + ROW) / 2, name, "wb-group wb-start"))


def diagram(network: Network, layers: pd.DataFrame, numbers: Mapping[str, int]) -> tuple[str, int]:
    """The SVG elements of the network, and their height."""
    d = Diagram(network.size, numbers)
    d.mark("pictures", d.y + ROW / 2)
    d.box(network.size, "picture", 0, {"units": str(network.channels), "map": f"{network.size}×{network.size}"})
    kept = (network.before, network.last)
    for number, group in layers.groupby("group"):
        d.y, side = d.y + BETWEEN, int(group["side"].iloc[0])
        top = d.y
        for x in group.to_dict("records"):
            beside = {"units": str(x["units"]), "kernel": "{0}×{0}".format(x["kernel"]), "map": f"{side}×{side}"}
            d.box(side, x["layer"], 4 if x["kernel"] > 5 else 3, beside, x["layer"] in kept)
        d.group(f"group {number}", top)
        if kept[-1] in set(group["layer"]):
            d.mark("layers", (top + d.y - STEP + ROW) / 2)
        if int(str(number)) < network.pools:
            d.mark("size", d.y + ROW / 2)
            d.funnel(side, side // 2, "L2 pooling over 2×2")
    d.y += BETWEEN
    d.mark("head", d.y + STEP - (STEP - ROW) / 2)
    d.funnel(side, 1, "global average pooling")
    d.box(1, "FC", 0, {})
    d.elements.append(d._text(COLUMNS["units"] - 26, d.y - STEP + ROW / 2, "one output a class", "wb-start"))
    return joined(d.elements), d.y


def changes(laboratory: Laboratory) -> dict[str, list[str]]:
    """Part → titles of the experiments with this network that change it."""
    titles: dict[str, list[str]] = {name: [] for name in PARTS}
    for name in laboratory.ordered:
        experiment = laboratory.experiments[name]
        if experiment.network == "simplified" and not name.startswith("baseline"):
            titles[part(name, experiment.parameters)].append(experiment.title)
    return {name: changed for name, changed in titles.items() if changed}


def draw(scene: Scene) -> Drawing | Gap:
    """The network of a setting, from the picture down to the classes."""
    networks = scene.site.suite(SUITE).result_or_gap(SimplifiedNetwork)
    if isinstance(networks, Gap):
        return networks
    laboratory = Laboratory.open(scene, networks.settings)
    if isinstance(laboratory, Gap):
        return laboratory
    network = networks.settings[laboratory.setting]
    layers = laboratory.rows(networks.rows)
    changed = changes(laboratory)
    numbers = {name: i for i, name in enumerate(changed, 1)}
    elements, height = diagram(network, layers, numbers)
    groups = layers["group"].nunique()
    side = int(layers["side"].iloc[-1])
    alt = (
        f"Diagram of the simplified network, from a picture of {network.size} by {network.size} pixels through"
        f" {len(layers)} convolutions in {groups} groups, of which the first {network.pools} end in L2 pooling, to a last map"
        f" of {side} by {side} positions, global average pooling and one fully connected layer."
    )
    items = joined(
        (
            html(
                "<li><span>{}</span><div><strong>{}</strong><br>{}</div></li>",
                numbers[name],
                PARTS[name],
                "; ".join(folded(titles)),
            )
            for name, titles in changed.items()
        )
    )
    legend = html('<ol class="wb-changes">{}</ol>', items) if items else ""
    body = html(
        '<div class="wb-network"><div class="wb-scroll wb-diagram" tabindex="0"><svg viewBox="0 0 {} {}"'
        ' width="{}" height="{}" role="img" aria-label="{}">{}</svg></div>{}</div>',
        WIDTH,
        height,
        WIDTH,
        height,
        alt,
        elements,
        legend,
    )
    finding = f"Up to its last map of {side}×{side} positions the network keeps track of place; global average pooling then drops it."
    caption = (
        "The simplified network from picture to classes. This article looks at the kernels of the two outlined layers."
        + (" Numbers mark what experiments change." if items else "")
    )
    method = html(
        "Every convolution with its units, kernel and map in positions a side, followed by batch norm and ReLU; networks"
        " {}. Boxes are as wide as their map, by halvings. Experiments change one thing at a time. Drawn"
        " from what the runs record and from their preset; nothing in it is an estimate.",
        laboratory.setup_text,
    )
    return Drawing(caption, alt, layers, body=body, width="wide", finding=finding, method=method)


FIGURES = (
    Figure("simplified-network", draw, "the diagram of the simplified network", of="site", options=("setting",)),
)
