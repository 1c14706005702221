"""Filters of a first layer as one picture file, and each cut out of it where a figure shows it."""

from __future__ import annotations

from functools import cached_property
from html import escape

import numpy as np

from wbsite.render.page import slug
from wbsite.render.sprites import sheet
from wbsite.results.site import Model

GAP = 1
"""Empty pixels between filters, which scaling may reach into."""


class FilterSheet:
    """Of a model's layer; nothing is shown inside the page's text, so that many filters cost it little.

    Args:
        pictures: (N, kh, kw, 3) in [0, 1].
    """

    def __init__(self, model: Model, layer: str, pictures: np.ndarray) -> None:
        self.name = f"{slug(model.id)}-{slug(layer)}-filters.png"
        self.pictures = pictures

    @cached_property
    def _sheet(self) -> tuple[bytes, int]:
        return sheet(self.pictures, gap=GAP)

    @property
    def files(self) -> dict[str, bytes]:
        """The file that goes beside the page."""
        return {self.name: self._sheet[0]}

    def cut(self, unit: int, side: int) -> str:
        """A unit's filter, so many pixels wide; what it is has to be said by what it stands in."""
        count, kh, kw, _ = self.pictures.shape
        columns = self._sheet[1]
        rows = -(-count // columns)
        y, x = unit // columns * (kh + GAP), unit % columns * (kw + GAP)
        width, height = columns * (kw + GAP) - GAP, rows * (kh + GAP) - GAP
        image = f'<image href="{escape(self.name)}" width="{width}" height="{height}"/>'
        box = f'viewBox="{x} {y} {kw} {kh}" width="{side}" height="{side * kh // kw}"'
        return f'<svg class="wb-cut" {box} aria-hidden="true">{image}</svg>'
