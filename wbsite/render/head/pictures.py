"""Pictures that stand for a page elsewhere: in the site's own indexes, and where its address is shared.

Both are cut from a picture that a figure of the page shows: nothing is drawn for them alone.
"""

from __future__ import annotations

import io
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from wbsite.core.markup import visible
from wbsite.render import sources

TEASER, CARD = (640, 360), (1200, 630)
"""Width and height in pixels of a picture in an index, and of one that is shared."""

PICTURE = 400
"""Height of the picture in a card; its words stand below."""

MARGIN, TITLE, SITE = 60, 58, 30
PAPER, INK, MUTED, ACCENT = "#ffffff", "#1c1f24", "#5b6270", "#0f766e"
BANDS = ("#93cfc3", "#1d7468", "#4aa596")
FONT = "assets/fonts/source-serif-4-latin-wght-normal.woff2"

KERNELS = 2
"""Enlarged at least so many times, a picture's pixels are weights and keep their edges."""

SMALL = 32
"""A picture of fewer pixels a side is shown beside the others of its figure."""

MOST = 8
"""Most small pictures side by side."""

WIDTH = 560
"""Of a chart that takes its page's width, in pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        image: with transparent lines between the units of a sheet, where it is one.
        chart: a chart has words at its edges and is never cut.
        parts: what the image shows side by side, where that is several pictures, none of which may be missing.
    """

    image: Image.Image
    chart: bool = False
    parts: tuple[Image.Image, ...] = ()


def of_figures(drawn: Mapping[str, Mapping[str, bytes]]) -> Picture | None:
    """What the first figure with a picture shows: that picture, several small ones side by side, or its chart.

    Args:
        drawn: figure → its files, in the page's order.
    """
    for files in drawn.values():
        pictures = [opened(data) for name, data in files.items() if PurePath(name).suffix in (".png", ".webp")]
        if pictures:
            if len(pictures) == 1 or max(pictures[0].size) > SMALL:
                return Picture(pictures[0])
            return Picture(_side_by_side(pictures[:MOST]), parts=tuple(pictures[:MOST]))
        for name, data in files.items():
            if name.endswith(".vl.json"):
                return Picture(_chart(json.loads(data), files), chart=True)
    return None


def teaser(picture: Picture | None) -> bytes:
    """The picture as an index shows it (WebP); the site's mark where a page has none."""
    return _encoded(_fitted(picture or Picture(_mark()), TEASER), "WEBP", quality=82, method=6)


def card(picture: Picture | None, title: str, site: str) -> bytes:
    """The picture with the page's title and the site's name (PNG)."""
    canvas, title = Image.new("RGB", CARD, PAPER), visible(title)
    serif = _fonts(title + site)
    height = CARD[1] if serif is None else PICTURE
    canvas.paste(_fitted(picture or Picture(_mark()), (CARD[0], height)))
    if serif is not None:
        draw = ImageDraw.Draw(canvas)
        face, lines = _lines(title, serif)
        draw.rectangle((MARGIN, PICTURE + 34, MARGIN + 90, PICTURE + 38), ACCENT)
        draw.text((MARGIN, PICTURE + 52), "\n".join(lines), INK, serif[face])
        draw.text((MARGIN, CARD[1] - MARGIN // 2), site, MUTED, serif["site"], anchor="ls")
    return _encoded(canvas, "PNG", optimize=True)


def _lines(title: str, fonts: Mapping[str, ImageFont.FreeTypeFont]) -> tuple[str, list[str]]:
    """The face of a title, and its one line or two, which fit between the margins."""
    width = CARD[0] - 2 * MARGIN
    if fonts["title"].getlength(title) <= width:
        return "title", [title]
    for letters in range(len(title), 1, -1):
        lines = textwrap.wrap(title, letters, max_lines=2, placeholder=" …")
        if all(fonts["long"].getlength(line) <= width for line in lines):
            return "long", lines
    return "long", [title[:1]]


@cache
def _font_file() -> bytes:
    return sources.templates()[FONT].read_bytes()


def _fonts(text: str) -> dict[str, ImageFont.FreeTypeFont] | None:
    """The site's face in the sizes of a card; None where it lacks a letter of the text."""
    sizes = {"title": (TITLE, 600), "long": (TITLE - 12, 600), "site": (SITE, 400)}
    fonts = {}
    for name, (size, weight) in sizes.items():
        fonts[name] = ImageFont.truetype(io.BytesIO(_font_file()), size)
        fonts[name].set_variation_by_axes([weight])
    missing = bytes(fonts["site"].getmask("\uffff"))
    letters = {letter for letter in text if not letter.isspace()}
    return None if any(bytes(fonts["site"].getmask(letter)) == missing for letter in letters) else fonts


def opened(data: bytes) -> Image.Image:
    """An encoded picture."""
    return Image.open(io.BytesIO(data)).convert("RGBA")


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Small pictures in two rows, or in one if their number is odd; further apart than the units within them."""
    gap = max(1, max(pictures[0].size) // 8)
    width, height = (max(picture.size[axis] for picture in pictures) + gap for axis in (0, 1))
    rows = 1 if len(pictures) % 2 else 2
    columns = len(pictures) // rows
    canvas = Image.new("RGBA", (columns * width - gap, rows * height - gap))
    for i, picture in enumerate(pictures):
        canvas.paste(picture, (i % columns * width, i // columns * height))
    return canvas


def _chart(specification: dict[str, Any], files: Mapping[str, bytes]) -> Image.Image:
    """A chart as Vega draws it, twice as large."""
    import vl_convert

    def with_data(node: Any) -> Any:
        if isinstance(node, dict) and node.get("url") in files:
            return {"values": files[node["url"]].decode(), "format": {**node.get("format", {}), "type": "csv"}}
        if isinstance(node, dict):
            return {key: with_data(value) for key, value in node.items()}
        return [with_data(item) for item in node] if isinstance(node, list) else node

    width = specification.get("width", "container")
    whole = with_data({**specification, "width": WIDTH if width == "container" else width})
    return opened(vl_convert.vegalite_to_png(json.dumps(whole), scale=2))


def _fitted(picture: Picture, size: tuple[int, int]) -> Image.Image:
    """The middle of the picture, so large that it fills the size; a sheet of units is cut between them.

    A chart is shown whole on white. Of pictures side by side each is there; sheets among them may lose units.
    """
    image = picture.image
    if picture.chart:
        return ImageOps.pad(_opaque(image, PAPER), size, Image.Resampling.LANCZOS, PAPER)
    scale = max(size[0] / image.width, size[1] / image.height)
    gaps = _gaps(image)
    if picture.parts or (scale >= KERNELS and any(axis.any() for axis in gaps)):
        if picture.parts:
            image = _narrowed(picture, size[0] / size[1])
        else:
            (left, right), (top, bottom) = (_middle(axis, side / scale) for axis, side in zip(gaps, size, strict=True))
            image = image.crop((left, top, right, bottom))
        times = max(1, min(size[0] // image.width, size[1] // image.height))
        canvas = Image.new("RGB", size, "black")
        enlarged = ImageOps.scale(_opaque(image, "black"), times, Image.Resampling.NEAREST)
        canvas.paste(enlarged, ((size[0] - enlarged.width) // 2, (size[1] - enlarged.height) // 2))
        return canvas
    opaque = _opaque(image, "black")
    if scale < KERNELS:
        return ImageOps.fit(opaque, size, Image.Resampling.LANCZOS)
    times = math.ceil(scale)
    left, top = (image.width * times - size[0]) // 2, (image.height * times - size[1]) // 2
    return ImageOps.scale(opaque, times, Image.Resampling.NEAREST).crop((left, top, left + size[0], top + size[1]))


def _narrowed(picture: Picture, aspect: float) -> Image.Image:
    """Pictures side by side, of which sheets lose units at their sides where all are wider than the aspect."""
    image, parts = picture.image, picture.parts
    columns = image.width // parts[0].width
    width = max(aspect * image.height / columns, 1)
    pieces = [(part, _middle(_gaps(part)[0], width)) for part in parts]
    return _side_by_side([part.crop((left, 0, right, part.height)) for part, (left, right) in pieces])


def _opaque(image: Image.Image, color: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, color), image).convert("RGB")


def _gaps(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Which columns and which rows are empty."""
    empty = np.asarray(image.getchannel("A")) == 0
    return np.all(empty, axis=0), np.all(empty, axis=1)


def _middle(empty: np.ndarray, length: float) -> tuple[int, int]:
    """Start and end of the longest piece of at most so many lines that lies between two empty ones, or at an end; of
    several the one nearest to the middle. All lines where no piece is so short."""
    ends = [-1, *np.flatnonzero(empty).tolist(), len(empty)]
    pieces = [(low + 1, high) for low in ends for high in ends if 0 < high - low - 1 <= length]
    return max(pieces, key=lambda piece: (piece[1] - piece[0], -abs(sum(piece) - len(empty))), default=(0, len(empty)))


def _mark() -> Image.Image:
    """Three bands."""
    mark = Image.new("RGBA", (16, len(BANDS)))
    for row, color in enumerate(BANDS):
        mark.paste(color, (0, row, mark.width, row + 1))
    return mark


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
