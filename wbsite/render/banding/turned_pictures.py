"""What turning the pictures does to kernels, unit by unit: an ordinary layer, a banded one, and it with turned pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.sprites import sheet
from wbsite.render.text import fixed_text, share_text
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap

from ._laboratory import Laboratory, written
from ._outcomes import LOST, TURNED, outcome
from ._panels import Panels
from .ordinary_and_banded import banded_layers, even_sample, most_banded_network

SIDE = 4
"""Units in a row and in a column of a panel."""

TITLES = {"baseline": "Upright pictures", "rotated": "Pictures turned by 90°"}
"""Experiment → heading of its panel."""

PANEL = Markup(
    '<div class="wb-kernels"><p><strong>{title}</strong> {layer}</p>'
    '<img class="wb-sprite" src="{file}" alt="{alt}" width="{width}" height="{height}"><span>H = {index}</span></div>'
)


@dataclass(frozen=True)
class Panel:
    """A layer that is shown.

    Attributes:
        title, layer: heading and name.
        index: H of the layer's pictures.
        pictures: (units, kh, kw, 3), 0 to 1.
    """

    title: str
    layer: str
    index: float
    pictures: np.ndarray


def ordinary(scene: Scene) -> Panel | None:
    """The least banded layer of the network with the most banded one; None where no network has two to compare."""
    model = most_banded_network(scene.site)
    if isinstance(model, Gap):
        return None
    layer = banded_layers(model)[0][1]
    nmf, banding = model.result(Nmf, layer.name), model.result("banding", layer.name)
    assert nmf is not None and banding is not None
    return Panel("An ordinary layer", f"{layer.name} of {model.title}", banding.nmf.index, even_sample(nmf, SIDE**2))


def trained(panels: Panels) -> list[Panel]:
    """The last layer of the baseline, and of the network that saw turned pictures where it was run."""
    layers = []
    for name, title in TITLES.items():
        if name in panels.laboratory.experiments:
            row, pictures = panels.row(panels.pictured, name, "last"), panels.sample(name, "last", SIDE**2)
            layers.append(Panel(title, f"{row['layer']} of a small network", row["index"], pictures))
    return layers


def draw(scene: Scene) -> Drawing | Gap:
    """Panels side by side."""
    panels = Panels.open(scene)
    if isinstance(panels, Gap):
        return panels
    if "baseline" not in panels.laboratory.experiments:
        return Gap("no run of the baseline is there", failed=False)
    plain = ordinary(scene)
    shown = [*([plain] if plain else []), *trained(panels)]
    parts, files = [], {}
    for i, panel in enumerate(shown):
        file = f"turned-pictures-{panels.laboratory.setting}-{i}.png"
        files[file], columns = sheet(panel.pictures.astype(np.float32), SIDE, gap=1)
        units, kh, kw, _ = panel.pictures.shape
        parts.append(
            PANEL.format(
                title=panel.title,
                layer=panel.layer,
                file=file,
                alt=f"{units} units of {panel.layer}",
                width=columns * (kw + 1) - 1,
                height=math.ceil(units / columns) * (kh + 1) - 1,
                index=fixed_text(panel.index),
            )
        )
    table = pd.DataFrame(
        [{"panel": p.title, "layer": p.layer, "shown": len(p.pictures), "index": p.index} for p in shown]
    )
    caption = "Squares are kernels in three colours, with the H of these pictures."
    if len(shown) > bool(plain) + 1:
        caption += " Only the training pictures differ between the last two"
        caption += "; the first is another network's." if plain else "."
    method = html(
        "The banded kernels are of the last convolution of the simplified network, {}. A panel has"
        " up to {} units, an even sample of its layer in order of similarity, of all seeds together; none is chosen"
        " by eye. The colours are the three factors of a one-sided NMF and mean something else in every unit. H is that of"
        " the pictures of the whole layer, averaged over seeds.",
        panels.laboratory.setup_text,
        SIDE**2,
    ) + (
        html(
            " The ordinary layer, {}, has the smallest |H| in the network of this site that has the most banded layer.",
            plain.layer,
        )
        if plain
        else ""
    )
    alt = "; ".join(f"{p.title}, {p.layer}: {len(p.pictures)} units, H {share_text(p.index)}" for p in shown)
    body = html('<div class="wb-trials wb-three wb-large">{}</div>', joined(parts))
    return Drawing(
        caption, f"Kernels as pictures. {alt}.", written(table), body=body, files=files, width="full",
        finding=finding(panels.laboratory), method=method,
    )  # fmt: skip


def finding(laboratory: Laboratory) -> str:
    """What turning the pictures did, in one sentence."""
    baseline = laboratory.experiments["baseline"].last.index
    if "rotated" not in laboratory.experiments:
        return f"The last layer of a small network has a banding index of {fixed_text(baseline.mean)}."
    state = outcome(laboratory, "rotated")
    if state == TURNED:
        return "Turn the pictures that a network learns from, and the stripes in its last layer turn with them."
    if state == LOST:
        return "Turn the pictures that a network learns from, and most of the stripes in its last layer go."
    rotated = laboratory.experiments["rotated"].last.index
    return (
        "Turning the pictures that a network learns from takes the banding index of its last layer from"
        f" {fixed_text(baseline.mean)} to {fixed_text(rotated.mean)}."
    )


FIGURES = (Figure("turned-pictures", draw, "what turning the pictures does", of="site", options=("setting",)),)
