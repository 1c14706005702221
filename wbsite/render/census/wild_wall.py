"""The wall: kernels of the last convolution of every network of the census, in order of their banding."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.core.markup import Markup, html
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text, number_text
from wbsite.results.site import Gap

from ._networks import BANDED, anchor, first_trainings, opened

SIDE = 4
"""Units in a row and in a column of a panel."""

COLUMNS = 12
"""Panels in a row of the file that holds all of them."""

GAP = 4
"""Pixels between them."""

CELL = 46
"""Pixels of a panel's place in the file: panels of small kernels are enlarged, by whole numbers."""

FILE = "wild-wall.png"

PANEL = Markup(
    '<a class="wb-tile" href="#{anchor}"><svg viewBox="{x} {y} {width} {height}" role="img" aria-label="{alt}">'
    '<image href="{file}" width="{whole}" height="{rows}"/></svg><span>{title}</span><b>{index}</b></a>'
)


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a trained network, horizontal bands first, vertical ones last."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    networks = first_trainings(census.networks[census.networks["network"].isin(census.pictures)])
    networks = networks[networks["last_nmf"].notna()].sort_values("last_nmf", ascending=False, ignore_index=True)
    if networks.empty:
        return Gap("the census has no pictures of kernels", failed=False)
    panels = [enlarged(panel(census.pictures[name])) for name in networks["network"]]
    cell = (max(p.shape[0] for p in panels) + GAP, max(p.shape[1] for p in panels) + GAP)
    height, width = -(-len(panels) // COLUMNS) * cell[0], min(len(panels), COLUMNS) * cell[1]
    sheet = np.zeros((height, width, 4), np.uint8)
    parts = []
    for place, (picture, row) in enumerate(zip(panels, networks.to_dict("records"), strict=True)):
        y, x = place // COLUMNS * cell[0], place % COLUMNS * cell[1]
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        parts.append(
            PANEL.format(
                anchor=anchor(row["network"]),
                x=x,
                y=y,
                width=picture.shape[1],
                height=picture.shape[0],
                file=FILE,
                whole=width,
                rows=height,
                alt=f"Kernels of {row['last_layer']} of {row['title']}, {BANDED[row['banded']]}",
                title=row["title"],
                index=fixed_text(row["last_nmf"]),
            )
        )
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG", optimize=True)
    columns = ["network", "title", "task", "package", "last_layer", "last_shape", "last_nmf", "banded"]
    alone = int(networks["weights_alone"].sum())
    unseen = census.networks["training"].nunique() - len(networks)
    method = (
        f"Up to {SIDE * SIDE} units of a network, spread evenly over the last layer whose kernels have rows and columns; none is"
        " chosen by eye. The colours are the three factors of a one-sided NMF and mean something else in every unit. H is that of"
        " the pictures of all its units. A layer is called banded where the 95 % bootstrap interval of that H over units, against"
        " chance, lies wholly beyond the original article's threshold. Files with the same trained weights are shown once. Of"
        f" {counted(alone, 'file')} that hold weights without a network, the last layer is the last in the file."
        f" {counted(unseen, 'training')} are in the table alone: the licence allows no pictures of them, or there are none."
    )
    return Drawing(
        "A panel shows units of a network's last convolution with rows and columns, and the H of its pictures.",
        f"{len(networks)} panels of kernels in order of H, from {fixed_text(networks['last_nmf'].max())} to"
        f" {fixed_text(networks['last_nmf'].min())}.",
        networks[columns],
        body=html('<div class="wb-wall">{}</div>', Markup().join(parts)),
        files={FILE: buffer.getvalue()},
        width="full",
        finding=finding(networks),
        method=method,
    )


def finding(networks: pd.DataFrame) -> str:
    """How many end in bands."""
    counts = networks["banded"].value_counts()
    across, along, neither = (int(counts.get(name, 0)) for name in ("horizontal", "vertical", "none"))
    return (
        f"Of {number_text(len(networks))} trained networks, {number_text(across)} end in clear horizontal bands,"
        f" {number_text(along)} in vertical ones, {number_text(neither)} clearly in neither; the rest are undecided."
    )


def panel(pictures: np.ndarray) -> np.ndarray:
    """uint8 (rows, columns, 4): an even sample of (units, kh, kw, 3) pictures, a pixel a weight, a pixel between them."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, SIDE * SIDE).round().astype(int))
    units, (kh, kw) = pictures[chosen], pictures.shape[1:3]
    columns = min(SIDE, len(units))
    rows = -(-len(units) // columns)
    canvas = np.zeros((rows * (kh + 1) - 1, columns * (kw + 1) - 1, 4), np.uint8)
    for place, unit in enumerate(units):
        y, x = place // columns * (kh + 1), place % columns * (kw + 1)
        canvas[y : y + kh, x : x + kw, :3] = unit
        canvas[y : y + kh, x : x + kw, 3] = 255
    return canvas


def enlarged(picture: np.ndarray) -> np.ndarray:
    """The picture in the middle of a clear square, each pixel as many times as fit into a panel's place."""
    height, width = picture.shape[:2]
    side = max(height, width)
    square = np.zeros((side, side, picture.shape[2]), picture.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = picture
    times = max(1, CELL // side)
    return square.repeat(times, 0).repeat(times, 1)


FIGURES = (Figure("wild-wall", draw, "the last kernels of all networks", of="site"),)
