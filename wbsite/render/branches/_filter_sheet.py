"""Filters as picture files beside the page: a grid of them in a given order, or one cut out where a figure shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from wbsite.core.markup import Markup, html, joined
from wbsite.render.page import slug
from wbsite.render.sprites import sheet
from wbsite.results.site import Model

GAP = 1
"""Empty pixels between filters, which scaling may reach into."""

SIDE = 52
"""Pixels of the page that a filter of a grid takes at most, where there is room."""


class Link(NamedTuple):
    """Where a filter of a grid leads, and what it is called."""

    href: str
    text: str


def grid(file: str, pictures: np.ndarray, alt: str, links: Sequence[Link] = ()) -> tuple[bytes, str]:
    """The file that goes beside the page, and its HTML: filters row by row in their order, each a link where given.

    Args:
        pictures: (N, kh, kw, 3) in [0, 1].
        alt: plain text.
    """
    count, kh, kw, _ = pictures.shape
    columns = _columns(count)
    rows = math.ceil(count / columns)
    data, _ = sheet(pictures, columns, GAP)
    width, height = columns * (kw + GAP) - GAP, rows * (kh + GAP) - GAP
    scale = max(1, SIDE // max(kh, kw))
    picture = html('<img src="{}" width="{}" height="{}" alt="{}">', file, scale * width, scale * height, alt)
    over = joined((html('<a href="{}" title="{}"></a>', href, text) for href, text in links))
    if over:  # one cell for each filter and the gap behind it
        size = f"width:{100 * (width + GAP) / width:.2f}%;height:{100 * (height + GAP) / height:.2f}%"
        over = html('<span style="grid-template:repeat({},1fr)/repeat({},1fr);{}">{}</span>', rows, columns, size, over)
    return data, html('<div class="wb-grid" style="max-width:{}px">{}{}</div>', scale * width, picture, over)


def _columns(count: int) -> int:
    """For a grid about twice as wide as tall, with few places left empty."""
    ideal = math.sqrt(2 * count)
    return min(range(1, count + 1), key=lambda columns: -count % columns + abs(columns - ideal), default=1)


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

    def cut(self, unit: int, side: int) -> Markup:
        """A unit's filter, so many pixels wide; what it is has to be said by what it stands in."""
        count, kh, kw, _ = self.pictures.shape
        columns = self._sheet[1]
        rows = -(-count // columns)
        y, x = unit // columns * (kh + GAP), unit % columns * (kw + GAP)
        width, height = columns * (kw + GAP) - GAP, rows * (kh + GAP) - GAP
        image = html('<image href="{}" width="{}" height="{}"/>', self.name, width, height)
        box = html('viewBox="{} {} {} {}" width="{}" height="{}"', x, y, kw, kh, side, side * kh // kw)
        return html('<svg class="wb-cut" {} aria-hidden="true">{}</svg>', box, image)
