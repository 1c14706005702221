"""A residual network as it is drawn, and rewritten as branches whose outputs are added: a diagram without data."""

from __future__ import annotations

import pandas as pd

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
    body = "".join(
        f'<div><p class="wb-charts-title">{title}</p><div class="wb-scroll wb-diagram wb-branches" tabindex="0"><svg'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" width="{SHOWN}" aria-hidden="true" style="max-width:100%">{svg}</svg></div></div>'
        for title, svg in halves
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
        body=f'<div class="wb-charts">{body}</div>',
        width="wide",
        finding="A residual network adds up what its blocks contribute.",
        method="No network is measured here: both forms are the same function, whatever the blocks compute.",
    )


def _series() -> str:
    parts = [_text(STREAM, 12, "x"), _path(f"M{STREAM} 22V{HEIGHT - 24}")]
    for i, name in enumerate(BLOCKS):
        y = FIRST + STEP * i
        back = y + 24
        parts += [
            _path(f"M{STREAM} {y - 14}H{BLOCK - 26}", i),
            _path(f"M{BLOCK + 26} {y - 14}h22V{back}H{STREAM + 8}", i),
            _block(BLOCK, y - 14, name, i),
            f'<circle cx="{STREAM}" cy="{back}" r="8"/>',
            _text(STREAM, back, "+", "wb-strong"),
        ]
    return "".join([*parts, _text(STREAM, HEIGHT - 10, "y")])


def _parallel() -> str:
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
    bar = f'<g class="wb-lane"><rect x="{WHOLE - 24}" y="{SUM - 10}" width="{COLUMNS[-1] - WHOLE + 48}" height="20" rx="4"/></g>'
    middle = (WHOLE + COLUMNS[-1]) / 2
    return "".join([*parts, bar, _text(middle, SUM, "+", "wb-strong"), _text(middle, SUM + 26, "y = x + f₁ + f₂ + f₃")])


def _path(path: str, block: int | None = None, dashed: bool = False) -> str:
    style = "" if block is None else f' style="stroke:{branch_colour(block)}"'
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{path}"{style}{dashes}/>'


def _block(x: float, y: float, name: str, block: int) -> str:
    rect = f'<rect x="{x - 26}" y="{y - 14}" width="52" height="28" rx="4"/>'
    return f'<g class="wb-lane" style="--wb-mark:{branch_colour(block)}">{rect}{_text(x, y, name, "wb-strong")}</g>'


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{classes}>{text}</text>'


FIGURES = (Figure("residual-sum", draw, "a residual network rewritten as branches", of="site"),)
