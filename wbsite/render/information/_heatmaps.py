"""Histograms through training as pictures: a column a record, a row a bin, many pictures in one sheet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from wbsite.core.markup import Markup, html, joined, script_data

from ._html import menu

SCALE = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
"""Viridis: equal steps look equally far apart, and lightness rises throughout."""

SHADES = 64
"""More cannot be told apart, and fewer bytes hold them."""

NONE = 255
"""Index of the colour of records without activations: none."""

MARKS = (0.001, 0.01, 0.1, 1.0)
"""Shares that the legend names."""

TICKS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
APART = 9.0
"""Least distance between two epochs on the axis, in per cent."""


def sheet(pictures: Sequence[np.ndarray]) -> bytes:
    """A PNG with all pictures below each other, the lowest bin of each at its bottom.

    Colours go by the cube root of the share that a bin has of its record: an even spread over 30 bins is then still
    well apart from nothing. A record without activations is transparent.

    Args:
        pictures: (records, bins) counts each, of one shape.
    """
    rows = []
    for counts in pictures:
        total = counts.sum(1, keepdims=True, dtype=np.float64)
        share = counts / np.maximum(total, 1)
        shade = np.rint(np.cbrt(share) * (SHADES - 1)).astype(np.uint8)
        rows.append(np.where(total > 0, shade, NONE).astype(np.uint8).T[::-1])
    stops = np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in SCALE], np.float64)
    positions = np.linspace(0, len(stops) - 1, SHADES)
    palette = np.zeros((256, 3), np.uint8)
    for channel in range(3):
        palette[:SHADES, channel] = np.rint(np.interp(positions, range(len(stops)), stops[:, channel]))
    picture = Image.fromarray(np.concatenate(rows), "P")
    picture.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=NONE)
    return buffer.getvalue()


def ticks(epochs: Sequence[int]) -> list[tuple[int, float]]:
    """Epochs to write below a picture and where they are, between their nearest records, in per cent from the left."""
    written: list[tuple[int, float]] = []
    for tick in TICKS:
        position = 100 * (float(np.interp(tick, epochs, range(len(epochs)))) + 0.5) / len(epochs)
        if tick <= epochs[-1] and (not written or position - written[-1][1] >= APART):
            written.append((tick, round(position, 1)))
    return written


def panel(
    title: str, file: str, index: int, shape: tuple[int, int], pictures: int, span: tuple[str, str], alt: str,
    epochs: Sequence[int],
) -> Markup:  # fmt: skip
    """HTML of one picture of a sheet with its axes.

    Args:
        title: HTML above it.
        index: of the picture in the sheet, from 0.
        shape: records and bins.
        pictures: in the sheet.
        span: lowest and highest activation, as text.
        alt: plain text.
    """
    records, bins = shape
    axis = joined((html('<i style="left:{}%">{}</i>', position, epoch) for epoch, position in ticks(epochs)))
    return html(
        '<div class="wb-heatmap"><p>{}</p><div><b>{}</b><b>{}</b>'
        '<svg viewBox="0 {} {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><image href="{}" width="{}"'
        ' height="{}"/></svg></div><span>{}</span></div>',
        title,
        span[1],
        span[0],
        index * bins,
        records,
        bins,
        alt,
        file,
        records,
        pictures * bins,
        axis,
    )


def legend() -> Markup:
    """HTML of the scale of colours."""
    marks = joined(html('<i style="left:{:.1f}%">{:.3g}</i>', 100 * share ** (1 / 3), 100 * share) for share in MARKS)
    return html(
        '<div class="wb-heatmaps-key"><span>share of the activations, %</span><div>'
        '<div style="background:linear-gradient(90deg,{})"></div>{}</div></div>',
        ",".join(SCALE),
        marks,
    )


def controls(
    configurations: Mapping[str, str], first: str, layers: Sequence[str], facts: Mapping[str, object]
) -> Markup:
    """HTML of the menus, shown by the script that serves them, and what it needs.

    Args:
        configurations: name → title.
        first: the one that is shown at first.
        layers: of that one.
        facts: for the script.
    """
    units = {"": "layers, all units together"} | {layer: f"units of {layer}" for layer in layers}
    networks = menu("Network", configurations, first, name="configuration", autocomplete="off")
    return html(
        '<p class="wb-heatmaps-controls" hidden>{}{}</p><script type="application/json">{}</script>',
        networks if len(configurations) > 1 else "",
        menu("Show", units, "", name="units", autocomplete="off"),
        script_data(facts),
    )
