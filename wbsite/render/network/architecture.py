"""A network as a diagram of its layers, drawn from the traced graph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import counted, number_text
from wbsite.results.site import Gap, LayerInfo, Model

CELL_X, CELL_Y, BOX_W, BOX_H, COLUMNS = 44, 30, 36, 20, 26
"""Pixels from one box to the next, a box's size, and boxes in a row before the diagram wraps."""

GAP, MARGIN, RISE = CELL_X - BOX_W, 10, 13
"""Pixels between boxes, beside them, and from a box's middle up to a line that goes past it."""

NAMED = 300
"""Layers of which each has its kernel's size and a link; of more the diagram shows the shape alone."""

TALL = 1200
"""Pixels beyond which the diagram scrolls in a box."""

APART = 4
"""Layers read by another each of which has a line of its own, wherever else they are read."""


@dataclass(frozen=True)
class Line:
    """What a layer reads.

    Attributes:
        start: layer whose output it is; or that reads all of what this line stands for, past which it goes.
        end: layer that reads it.
        past: whether `start` reads it too.
    """

    start: str
    end: str
    past: bool = False


def levels(layers: Sequence[LayerInfo]) -> dict[str, int]:
    """Layer → its column: one more than the farthest of the layers that feed it."""
    level: dict[str, int] = {}
    for layer in layers:
        known = [level[name] for name in layer.inputs if name in level]
        level[layer.name] = 1 + max(known) if known else 0
    return level


def lanes(layers: Sequence[LayerInfo], level: Mapping[str, int]) -> dict[str, int]:
    """Layer → its row among those of the same column; a layer stays beside the one that feeds it."""
    taken: dict[int, set[int]] = {}
    lane: dict[str, int] = {}
    for layer in layers:
        used = taken.setdefault(level[layer.name], set())
        before = [name for name in layer.inputs if level.get(name) == level[layer.name] - 1]
        wish = lane[before[0]] if len(before) == 1 else 0
        free = [i for i in range(len(used) + wish + 1) if i not in used]
        lane[layer.name] = wish if wish in free else min(free, key=lambda i: (abs(i - wish), i))
        used.add(lane[layer.name])
    return lane


def lines(layers: Sequence[LayerInfo]) -> list[Line]:
    """What feeds what, in lines: where all that a layer reads is read again with more, as sums and concatenations of
    residual and dense blocks are, one line goes past it, so that their number grows with the layers and not with the
    pairs of them. A line that would run behind boxes goes past them, too.
    """
    found: list[Line] = []
    first: dict[frozenset[str], str] = {}
    level = levels(layers)
    for layer in layers:
        read, base = frozenset(name for name in layer.inputs if name in level), frozenset[str]()
        for known in reversed(first):
            if len(known) > 1 and (known < read or (known == read and len(read) > APART)):
                base = known
                found.append(Line(first[base], layer.name, past=True))
                break
        for name in (name for name in layer.inputs if name in read - base):
            reader = first.get(frozenset({name}))
            far = reader is not None and level[layer.name] - level[name] > 1
            found.append(Line(reader if far and reader else name, layer.name, past=far))
        first.setdefault(read, layer.name)
    return found


def draw(scene: Scene) -> Drawing | Gap:
    """Boxes for layers, left to right in order of depth, curves for what feeds what."""
    model = scene.model
    assert model is not None
    layers = model.layers
    if not layers:
        return Gap("no layer was found", failed=False)
    if model.architecture.alone:
        return Gap("the file holds weights without a network, so what feeds what is not known", failed=False)
    level = levels(layers)
    steps = max(level.values()) + 1
    place, width, height = _places(level, lanes(layers, level))
    drawn = lines(layers)
    ways = "".join((_past if line.past else _edge)(place, level, line.start, line.end) for line in drawn)
    named = len(layers) <= NAMED
    boxes = (
        joined(_box(model, layer, *place[layer.name], scene.up) for layer in layers)
        if named
        else _shapes(layers, place)
    )
    kinds = pd.Series([layer.kernel_text for layer in layers]).value_counts()
    kernels = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    alt = f"Diagram of {model.title}: {len(layers)} layers in {steps} steps from input to output ({kernels})."
    body = html(
        '<div class="wb-scroll wb-diagram{}" tabindex="0" role="group" aria-label="{}">'
        '<svg viewBox="0 0 {} {}" width="{}" height="{}"><path d="{}"/>{}</svg></div>',
        " wb-tall" if height > TALL else "",
        alt,
        width,
        height,
        width,
        height,
        ways,
        boxes,
    )
    table = pd.DataFrame(
        [
            {
                "layer": x.name,
                "kind": x.kind,
                "kernel": x.kernel_text,
                "inputs": " ".join(x.inputs),
                "step": level[x.name],
                "parameters": x.parameters,
            }
            for x in layers
        ]
    )
    finding = html(
        "{} has {} in {} from input to output.", model.title, counted(len(layers), "layer"), counted(steps, "step")
    )
    past = "; what passes over a box is read by it and again behind it" if any(line.past for line in drawn) else ""
    sizes = "Darker boxes have larger kernels" + ("; FC is a fully connected layer" if named else "")
    pages = "Choose a box for its page." if named else "The table of layers leads to their pages."
    caption = f"{sizes}. Lines show what feeds what{past}. {pages}"
    method = "The layers stand as a forward pass meets them, left to right, traced from the network itself" + (
        f"; the diagram wraps after {COLUMNS} steps." if steps > COLUMNS else "."
    )
    return Drawing(caption, alt, table, body=body, width="full", finding=finding, method=method)


def _places(level: Mapping[str, int], lane: Mapping[str, int]) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Layer → left and upper edge of its box, and the diagram's width and height."""
    tall: dict[int, int] = {}
    for name, step in level.items():
        tall[step // COLUMNS] = max(tall.get(step // COLUMNS, 1), 1 + lane[name])
    tops = [0, *accumulate(tall[row] * CELL_Y + 22 for row in sorted(tall))]
    place = {
        name: (step % COLUMNS * CELL_X + MARGIN, tops[step // COLUMNS] + lane[name] * CELL_Y + 4)
        for name, step in level.items()
    }
    return place, min(COLUMNS, max(level.values()) + 1) * CELL_X - GAP + 2 * MARGIN, tops[-1] - 18


def _edge(place: Mapping[str, tuple[int, int]], level: Mapping[str, int], a: str, b: str) -> str:
    """From a box to another, in SVG's words."""
    x1, y1 = place[a][0] + BOX_W, place[a][1] + BOX_H // 2
    x2, y2 = place[b][0], place[b][1] + BOX_H // 2
    if level[a] // COLUMNS != level[b] // COLUMNS:  # continues in the next row: a stub at either end
        return f"M{x1} {y1}h5M{x2 - 5} {y2}h5"
    if y1 == y2:
        return f"M{x1} {y1}H{x2}"
    middle = (x1 + x2) / 2 if level[b] - level[a] == 1 else x2 - 5
    return f"M{x1} {y1}C{middle:g} {y1} {middle:g} {y2} {x2} {y2}"


def _past(place: Mapping[str, tuple[int, int]], level: Mapping[str, int], a: str, b: str) -> str:
    """From before a box to before another, over those that lie between."""
    (x1, y1), (x2, y2) = ((x - GAP // 2, y + BOX_H // 2) for x, y in (place[a], place[b]))
    if level[a] // COLUMNS != level[b] // COLUMNS:
        away, back = f"V{y1 - RISE + 4}q0-4 4-4h{GAP // 2}", f"V{y2 - RISE + 4}q0-4-4-4h-{GAP // 2}"
        return f"M{x1} {y1}{away}M{x2} {y2}{back}"
    if x1 == x2:
        return f"M{x1} {y1}V{y2}"
    over = min(y1, y2) - RISE
    return f"M{x1} {y1}V{over + 4}q0-4 4-4H{x2 - 4}q4 0 4 4V{y2}"


def _shapes(layers: Sequence[LayerInfo], place: Mapping[str, tuple[int, int]]) -> Markup:
    """Boxes without words, all of one shade together."""
    alike: dict[tuple[int, bool], list[tuple[int, int]]] = {}
    for layer in layers:
        alike.setdefault((_shade(layer), layer.has_weights), []).append(place[layer.name])
    return joined(
        html(
            '<g class="wb-box wb-shade{}{}"><path d="{}"/></g>',
            shade,
            "" if there else " wb-missing",
            "".join(f"M{x} {y}h{BOX_W}v{BOX_H}h-{BOX_W}z" for x, y in places),
        )
        for (shade, there), places in alike.items()
    )


def _shade(layer: LayerInfo) -> int:
    """Darker for a larger kernel, 0 to 4."""
    area = layer.kernel[0] * layer.kernel[1] if layer.kind == "conv" else 0
    return 0 if area == 0 else min(4, 1 + int(math.log2(area) / 1.6)) if area > 1 else 1


def _box(model: Model, layer: LayerInfo, x: int, y: int, up: str) -> Markup:
    text = "FC" if layer.kind == "linear" else layer.kernel_text
    facts = f"{layer.name}: {layer.kernel_text}, {layer.in_channels} → {layer.out_channels}, {number_text(layer.parameters)} parameters"
    link = f"{up}models/{slug(model.id)}/{slug(layer.name)}/"
    missing = "" if layer.has_weights else " wb-missing"
    return html(
        '<a href="{}"><g class="wb-box wb-shade{}{}"><title>{}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="3"/>'
        '<text x="{:g}" y="{:g}">{}</text></g></a>',
        link,
        _shade(layer),
        missing,
        facts,
        x,
        y,
        BOX_W,
        BOX_H,
        x + BOX_W / 2,
        y + BOX_H / 2,
        text,
    )


FIGURES = (Figure("architecture", draw, "the diagram of the layers", of="model", section="Architecture", order=10),)
