"""A residual network as it is drawn, and rewritten as branches whose outputs are added: a diagram without data."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene

from ._branch_data import branch_colour

BLOCKS = ("f₁", "f₂", "f₃")

READS = ("x", "x + f₁", "x + f₁ + f₂")
"""What each of them reads."""

WIDTH, HEIGHT = 300, 236
"""Units of either half."""

SHOWN = 390
"""Pixels that a half is wide, where there is room."""

STREAM, BLOCK, FIRST, STEP = 78, 178, 52, 66
"""As it is drawn: the stream and the blocks from the left, the first block from the top, and from one to the next."""

COLUMNS, BOX, SUM = (108, 178, 252), 118, 196
"""Rewritten: blocks from the left, their boxes from the top, and the sum."""

WHOLE = 40
"""Rewritten: the input itself, from the left."""


def draw(scene: Scene) -> Drawing:
    """Both forms side by side."""
    table = pd.DataFrame({"block": BLOCKS, "reads": READS, "adds to the output": BLOCKS})
    halves = ("As it is drawn", _series()), ("The same, rewritten", _parallel())
    body = joined(
        (
            html(
                '<div><p class="wb-charts-title">{}</p><div class="wb-scroll wb-diagram wb-branches" tabindex="0"><svg'
                ' viewBox="0 0 {} {}" width="{}" aria-hidden="true" style="max-width:100%">{}</svg></div></div>',
                title,
                WIDTH,
                HEIGHT,
                SHOWN,
                svg,
            )
            for title, svg in halves
        )
    )
    alt = (
        "Two diagrams of three residual blocks. As drawn, a stream x passes them one after another, and each reads the stream and"
        " adds to it. Rewritten, x and the three blocks stand side by side, and the output is x + f₁ + f₂ + f₃; the second block"
        " also reads the output of the first, and the third those of both."
    )
    return Drawing(
        "Blocks drawn one after another are branches beside each other; dashed, what a later block reads of earlier ones.",
        alt,
        table,
        body=html('<div class="wb-charts">{}</div>', body),
        width="wide",
        finding="A residual network adds up what its blocks contribute.",
        method="No network is measured here: both forms are the same function, whatever the blocks compute.",
    )


def _series() -> Markup:
    parts = [_text(STREAM, 12, "x"), _path(f"M{STREAM} 22V{HEIGHT - 24}")]
    for i, name in enumerate(BLOCKS):
        y = FIRST + STEP * i
        back = y + 24
        parts += [
            _path(f"M{STREAM} {y - 14}H{BLOCK - 26}", i),
            _path(f"M{BLOCK + 26} {y - 14}h22V{back}H{STREAM + 8}", i),
            _block(BLOCK, y - 14, name, i),
            html('<circle cx="{}" cy="{}" r="8"/>', STREAM, back),
            _text(STREAM, back, "+", "wb-strong"),
        ]
    return joined([*parts, _text(STREAM, HEIGHT - 10, "y")])


def _parallel() -> Markup:
    parts = [
        _text(WIDTH / 2, 12, "x"),
        _path(f"M{WHOLE} 34V{SUM - 10}"),
        _path(f"M{WHOLE} 34H{COLUMNS[-1]}M{WIDTH / 2:g} 22V34"),
    ]
    for i, (x, name) in enumerate(zip(COLUMNS, BLOCKS, strict=True)):
        parts.append(_path(f"M{x} 34V{BOX - 14}", i) + _path(f"M{x} {BOX + 14}V{SUM - 10}", i))
        for other in COLUMNS[i + 1 :]:
            down = f"M{x} {BOX + 26}C{x + 30} {BOX + 44} {other - 30} {BOX - 52} {other - 3} {BOX - 22}"
            parts.append(_path(down, i, dashed=True))
        parts += [_block(x, BOX, name, i), _text(x, 50, READS[i], "wb-name")]
    bar = html(
        '<g class="wb-lane"><rect x="{}" y="{}" width="{}" height="20" rx="4"/></g>',
        WHOLE - 24,
        SUM - 10,
        COLUMNS[-1] - WHOLE + 48,
    )
    middle = (WHOLE + COLUMNS[-1]) / 2
    return joined([*parts, bar, _text(middle, SUM, "+", "wb-strong"), _text(middle, SUM + 26, "y = x + f₁ + f₂ + f₃")])


def _path(path: str, block: int | None = None, dashed: bool = False) -> Markup:
    style = "" if block is None else html(' style="stroke:{}"', branch_colour(block))
    dashes = Markup(' stroke-dasharray="4 3"') if dashed else ""
    return html('<path d="{}"{}{}/>', path, style, dashes)


def _block(x: float, y: float, name: str, block: int) -> Markup:
    rect = html('<rect x="{}" y="{}" width="52" height="28" rx="4"/>', x - 26, y - 14)
    return html(
        '<g class="wb-lane" style="--wb-mark:{}">{}{}</g>', branch_colour(block), rect, _text(x, y, name, "wb-strong")
    )


def _text(x: float, y: float, text: str, kind: str = "") -> Markup:
    classes = html(' class="{}"', kind) if kind else ""
    return html('<text x="{:g}" y="{:g}"{}>{}</text>', x, y, classes, text)


FIGURES = (Figure("residual-sum", draw, "a residual network rewritten as branches", of="site"),)
