"""Small drawings of the information plane, as SVG: for pages, where styles colour them, and for pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from wbsite.core.markup import Markup, html, joined

from ._plane_data import Planes
from ._planes import colours_by_layer

if TYPE_CHECKING:
    import pandas as pd

LEFT, TOP, RIGHT, BOTTOM = 25, 9, 27, 19
"""Margins around the plane, for the numbers on its axes and the names of layers."""

APART = 13, 10
"""Within how many units across and down the names of two layers would cover each other."""


@dataclass(frozen=True)
class Frame:
    """A drawing whose plane reaches to `across` bits of I(X;T) and `down` bits of I(T;Y).

    Attributes:
        width, height: in the units of the drawing.
        across, down: in bits.
    """

    width: int
    height: int
    across: float
    down: float

    def x(self, bits: float) -> float:
        """Distance of an I(X;T) from the left."""
        return LEFT + bits / self.across * (self.width - LEFT - RIGHT)

    def y(self, bits: float) -> float:
        """Distance of an I(T;Y) from the top."""
        return self.height - BOTTOM - bits / self.down * (self.height - TOP - BOTTOM)


@dataclass(frozen=True)
class Key:
    """Colour and short name of each layer, from first to output."""

    colours: Mapping[str, str]
    names: Mapping[str, str]


def key_of(p: Planes) -> Key:
    """The colours of a study's layers, and their numbers: "1", "2", …, "out"."""
    colours = colours_by_layer(p.trajectories.configurations)
    return Key(colours, {name: "out" if name == "output" else name.removeprefix("layer ") for name in colours})


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to `most`, or just above it: four to eight steps of 1, 2 or 5 times a power of ten."""
    step = next(
        step
        for power in range(math.floor(math.log10(most)) - 1, 9)
        for step in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if most / step < 8
    )
    return [round(count * step, 10) for count in range(int(most / step + 0.01) + 1)]


def plane_svg(
    paths: pd.DataFrame, frame: Frame, key: Key, caps: tuple[float, float], until: float = math.inf
) -> Markup:
    """The inside of an `svg` element of the frame's size: axes, caps, and each layer's path up to an epoch.

    Args:
        paths: layer, epoch, i_xt and i_ty in bits; one configuration under one estimator, in the order of depth.
        caps: the largest I(X;T) and I(T;Y), in bits.
    """
    lines, ends = [], []
    for layer, path in paths[paths["epoch"] <= until].groupby("layer", sort=False):
        points = [(frame.x(x), frame.y(y)) for x, y in zip(path["i_xt"], path["i_ty"], strict=True)]
        colour = key.colours[layer]
        lines.append(html('<path d="{}" stroke="{}"/>', _line(points), colour))
        lines.append(html('<circle cx="{:.1f}" cy="{:.1f}" r="2.2" stroke="{}"/>', points[0][0], points[0][1], colour))
        ends.append((layer, *points[-1]))
    dots = [
        html('<circle cx="{:.1f}" cy="{:.1f}" r="3.2" fill="{}"/>', x, y, key.colours[layer]) for layer, x, y in ends
    ]
    return html(
        '{}<g class="wb-paths">{}</g><g>{}</g><g>{}</g>',
        _axes(frame, caps),
        joined(lines),
        joined(dots),
        joined(_names(ends, frame, key)),
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    """Path data in whole tenths, each point relative to the one before; points that do not move are left out."""
    tenths = [(round(10 * x), round(10 * y)) for x, y in points]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(tenths) if a != b]
    if not steps:
        return ""
    moved = " ".join(f"{x / 10:g} {y / 10:g}" for x, y in steps)
    return f"M{tenths[0][0] / 10:g} {tenths[0][1] / 10:g}l{moved}"


def _axes(frame: Frame, caps: tuple[float, float]) -> Markup:
    left, right, top, bottom = frame.x(0), frame.x(frame.across), frame.y(frame.down), frame.y(0)
    cap_x, cap_y = frame.x(caps[0]), frame.y(caps[1])
    across, down = ticks(frame.across), ticks(frame.down)
    # The ends, and what lies halfway: small drawings have no room for more.
    across, down = ([values[i] for i in _halves(len(values))] for values in (across, down))
    numbers = [html('<text x="{:.1f}" y="{:.1f}">{:g}</text>', frame.x(bits), bottom + 11, bits) for bits in across]
    numbers += [
        html('<text class="wb-beside" x="{:.1f}" y="{:.1f}">{:g}</text>', left - 4, frame.y(bits) + 3.2, bits)
        for bits in down
    ]
    return html(
        '<path class="wb-axes" d="M{:.1f} {:.1f}V{:.1f}H{:.1f}"/>'
        '<path class="wb-caps" d="M{:.1f} {:.1f}H{:.1f}V{:.1f}"/>'
        '<g class="wb-numbers">{}</g>',
        left,
        top,
        bottom,
        right,
        left,
        cap_y,
        cap_x,
        bottom,
        joined(numbers),
    )


def _halves(count: int) -> list[int]:
    """The first index, the last, and the middle one where there is one."""
    return sorted({0, count - 1, (count - 1) // 2 if count % 2 else 0})


def _names(ends: Sequence[tuple[str, float, float]], frame: Frame, key: Key) -> list[Markup]:
    """Names at the ends of paths; layers whose ends lie together share one, as in "1–3"."""
    groups: list[list[tuple[str, float, float]]] = []
    for end in ends:
        if groups and all(abs(a - b) < apart for a, b, apart in zip(end[1:], groups[-1][-1][1:], APART, strict=True)):
            groups[-1].append(end)
        else:
            groups.append([end])
    texts = []
    for group in groups:
        layer, x, y = group[0]
        last = group[-1][0]
        name = key.names[layer] + (f"–{key.names[last]}" if last != layer else "")
        if layer == "output" and len(ends) > 1:  # the leftmost, and has room on its left
            position = html('class="wb-name wb-beside" x="{:.1f}" y="{:.1f}"', x - 5, y + 3)
        elif x > 0.93 * frame.x(frame.across):  # right of the cap no path goes
            position = html('class="wb-name" x="{:.1f}" y="{:.1f}"', x + 4.5, y + 9)
        else:  # paths come from below
            position = html('class="wb-name" x="{:.1f}" y="{:.1f}"', x + 2, y - 5)
        texts.append(html('<text {} fill="{}">{}</text>', position, key.colours[layer], name))
    return texts
