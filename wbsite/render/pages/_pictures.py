"""Pictures that stand for a page, and units of a network's last convolution as one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wbsite.render.head.pictures import Picture, card, of_figures, opened, teaser
from wbsite.render.page import Files, Incomplete, Writing, defect
from wbsite.render.sprites import sheet
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Model


@dataclass(frozen=True)
class Sprite:
    """A PNG with a pixel for each weight, and its size."""

    data: bytes
    width: int
    height: int
    units: int


def units(model: Model, shown: int, columns: int) -> Sprite | None:
    """Units spread evenly over the order of similarity, as NMF pictures; None for a network that has none.

    Args:
        shown: most units.
        columns: units side by side.
    """
    layer = None if model.failed else model.last_pictured
    nmf = model.result(Nmf, layer.name) if layer else None
    if nmf is None:
        return None
    places = np.linspace(0, len(nmf.order) - 1, min(shown, len(nmf.order))).round().astype(int)
    pictures = nmf.per_unit[nmf.order[np.unique(places)]]
    data, columns = sheet(pictures, columns, gap=1)
    count, height, width = pictures.shape[:3]
    return Sprite(data, columns * (width + 1) - 1, -(-count // columns) * (height + 1) - 1, count)


def with_pictures(writing: Writing, files: Files, title: str, site_name: str, sprite: Sprite | None = None) -> Files:
    """A page's files with the pictures that stand for it: teaser.webp in indexes, card.png where it is shared.

    They show the sprite, else what the first of the page's figures does that has a picture. A chart that cannot be
    drawn for them is a defect, as it is on the page.
    """
    try:
        picture = Picture(opened(sprite.data)) if sprite else of_figures(writing.drawn)
    except Exception as error:
        writing.defects["picture of the page"], picture = defect(error), None
    whole = {**files, "teaser.webp": teaser(picture), "card.png": card(picture, title, site_name)}
    return Incomplete(whole, writing.defects) if writing.defects else whole
