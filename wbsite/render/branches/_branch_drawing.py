"""Draws the graph of a group of branches as columns between what they read and where they meet."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeAlias

from wbsite.core.markup import Markup, html, joined
from wbsite.render.text import number_text
from wbsite.results.branches.branches import Node

from ._branch_data import BranchGroup, branch_colour, kernel_text, short

Centres: TypeAlias = Mapping[int, tuple[float, float]]
"""Node → the middle of its box."""

LEVEL, SLOT, NARROW, WIDE = 66, 82, 38, 74
"""Pixels from one level to the next, of a place beside others, and of the narrowest and the widest box."""

LETTER = 6.2
"""Pixels a letter of the labels takes at most."""


class BranchDrawing(ABC):
    """SVG elements of a group; `draw` places them.

    Args:
        link: layer → address of its page, or "".
    """

    width, height = 0.0, 0.0

    @abstractmethod
    def draw(self) -> None:
        """Fills `lines` and `boxes`, and sets `width` and `height`."""

    def __init__(self, group: BranchGroup, link: Callable[[str], str]) -> None:
        self.group, self.link = group, link
        self.nodes: list[Node] = group.graph.nodes
        self.edges: list[tuple[int, int]] = group.graph.edges
        self.names = list(dict.fromkeys(node.branch for node in self.nodes if node.branch))
        listed = [branch.name for branch in group.branches]
        numbered = {f"{word} {i}": i - 1 for word in ("tower", "group", "block") for i in range(1, len(listed) + 1)}
        self.numbers = {**numbered, **{name: i for i, name in enumerate(listed)}}
        self.most = max((node.units for node in self.nodes if node.kind == "conv"), default=1)
        self.lines: list[str] = []
        self.boxes: list[str] = []
        self.level = self._levels()

    @property
    def svg(self) -> Markup:
        """All elements, lines behind boxes."""
        return joined([*self.lines, *self.boxes])

    def _levels(self) -> list[int]:
        """Node → the longest way to it from the source. Edges go from earlier nodes to later ones, but for the box
        that stands for branches left out."""
        level = [0] * len(self.nodes)
        for _ in self.nodes:
            for a, b in self.edges:
                level[b] = max(level[b], level[a] + 1)
        return level

    def colour(self, branch: str) -> str:
        return branch_colour(self.numbers.get(branch, 0))

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        classes = html(' class="{}"', kind) if kind else ""
        self.boxes.append(html('<text x="{:g}" y="{:g}"{}>{}</text>', x, y, classes, text))

    def path(self, path: str, branch: str = "") -> Markup:
        style = html(' style="stroke:{}"', self.colour(branch)) if branch else ""
        return html('<path d="{}"{}/>', path, style)

    def line(self, path: str, branch: str = "") -> None:
        """A line in the colour of a branch."""
        self.lines.append(self.path(path, branch))

    def box(self, node: Node, x: float, y: float) -> None:
        """A convolution or pool around (x, y): its window above its number of units."""
        if node.kind == "more":
            self.text(x, y, f"… {node.label}", "wb-quiet")
            return
        pool = node.kind == "pool"
        wide, tall = self.size(node)
        facts = f"{node.label}: {kernel_text(node.kernel)}, {number_text(node.units)} units"
        upper, lower = kernel_text(node.kernel), node.label if pool else number_text(node.units)
        inside = html(
            '<g class="wb-lane{}"{}><title>{}</title>'
            '<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" rx="4"/>'
            '<text x="{:g}" y="{:g}" class="wb-strong">{}</text>'
            '<text x="{:g}" y="{:g}">{}</text></g>',
            " wb-pool" if pool else "",
            self._paint(node),
            facts,
            x - wide / 2,
            y - tall / 2,
            wide,
            tall,
            x,
            y - 7,
            upper,
            x,
            y + 7,
            lower,
        )
        address = "" if pool else self.link(node.label)
        self.boxes.append(html('<a href="{}">{}</a>', address, inside) if address else inside)

    def _paint(self, node: Node) -> str:
        return html(' style="--wb-mark:{}"', self.colour(node.branch)) if node.branch else ""

    def size(self, node: Node) -> tuple[float, float]:
        """Width by the root of the units, height by the window."""
        if node.kind == "pool":
            return 66, 32
        return NARROW + (WIDE - NARROW) * math.sqrt(node.units / self.most), 28 + 2 * min(11, max(node.kernel))

    def bar(self, y: float, text: str, left: float, right: float) -> None:
        """What all branches read."""
        rect = html('<rect x="{:g}" y="{:g}" width="{:g}" height="24" rx="4"/>', left, y - 12, right - left)
        self.boxes.append(html('<g class="wb-lane">{}</g>', rect))
        self.text((left + right) / 2, y, text)


class Columns(BranchDrawing):
    """A column a branch, from the source above to the join below."""

    def draw(self) -> None:
        layered = self.group.kind != "concat"  # several layers in lanes: their names stand at the left
        convolutions = [node for node in self.nodes if node.kind == "conv"]
        gutter = 14 + LETTER * max(len(node.label) for node in convolutions) if layered else 4
        lanes = [node.branch or node.kind for node in self.nodes if node.kind not in ("input", "join")]
        columns = list(dict.fromkeys(lanes))
        last = max((self.numbers[name] for name in columns if name in self.numbers), default=0)
        columns.sort(key=lambda name: self.numbers.get(name, last - 0.5))  # what is left out before the last
        slots = {name: self._widest(name) for name in columns}
        slot = max(SLOT, min(120, 330 / max(1, sum(slots.values()))))
        x, centre = gutter, {}
        for name in columns:
            centre[name] = x + slots[name] * slot / 2
            x += slots[name] * slot
        self.width, bottom = x + 4, max(self.level)
        top = {level: 56 + (level - 1) * LEVEL + 38 for level in range(1, bottom + 1)}
        centres: dict[int, tuple[float, float]] = {}
        for name in columns:
            for level in range(1, bottom):
                beside = self._at(name, level)
                for i, node in enumerate(beside):
                    centres[node.id] = (centre[name] + (i - (len(beside) - 1) / 2) * slot, top[level])
        source, join = self.nodes[0], next(node for node in self.nodes if node.kind == "join")
        self.bar(16, units_text(source), gutter, x)
        end = 56 + (bottom - 1) * LEVEL + 16
        for a, b in self.edges:
            self._edge(self.nodes[a], self.nodes[b], centres, end)
        for node in self.nodes:
            if node.id in centres:
                self.box(node, *centres[node.id])
        for name in columns:
            if name in self.numbers:
                self.text(centre[name], 40, _fitted(short(name, self.group.name), slots[name] * slot), "wb-name")
        for level in range(1, bottom) if layered else ():
            label = next((node.label for node in convolutions if self.level[node.id] == level), "")
            self.text(gutter - 8, top[level], label, "wb-end wb-quiet")
        self._joined(join, centres, gutter, x, end)
        self.height = end + 44

    def _at(self, name: str, level: int) -> list[Node]:
        return [n for n in self.nodes if (n.branch or n.kind) == name and self.level[n.id] == level]

    def _widest(self, name: str) -> int:
        return max(len(self._at(name, level)) for level in range(max(self.level) + 1))

    def _edge(self, start: Node, end: Node, centres: Centres, bottom: float) -> None:
        x1, y1 = centres.get(start.id, (0, 0))
        x2, y2 = centres.get(end.id, (0, 0))
        lower, upper = y1 + self.size(start)[1] / 2 if y1 else 28, y2 - self.size(end)[1] / 2 if y2 else bottom
        x1, x2 = x1 or x2, x2 or x1
        middle = (lower + upper) / 2
        curve = f"V{upper:g}" if x1 == x2 else f"C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {upper:g}"
        self.line(f"M{x1:g} {lower:g}{curve}", end.branch or start.branch)

    def _joined(self, join: Node, centres: Centres, left: float, right: float, y: float) -> None:
        """The units side by side, every branch as wide as its share."""
        shares = [(branch.name, branch.units) for branch in self.group.branches]
        if self.group.kind != "concat":
            before = sorted((self.nodes[a] for a, b in self.edges if b == join.id), key=lambda node: centres[node.id])
            shares = [(node.branch, node.units) for node in before]
        total, x = sum(units for _, units in shares), left
        for name, units in shares:
            wide = (right - left) * units / total
            paint = html(' style="--wb-mark:{}"', self.colour(name)) if name else ""
            plain = "" if name else " wb-plain"
            rect = html('<rect x="{:g}" y="{:g}" width="{:.1f}" height="16"/>', x, y, wide)
            self.boxes.append(html('<g class="wb-lane wb-share{}"{}><title>{}</title>{}</g>', plain, paint, name, rect))
            x += wide
        named = f"{self.group.name}: {number_text(total)} units" if self.group.kind == "concat" else ""
        read = f"read by {join.label}" if join.label else f"{number_text(total)} units side by side"
        self.text((left + right) / 2, y + 30, named or read)


def units_text(node: Node) -> str:
    """ "conv2: 192 units"."""
    units = f"{number_text(node.units)} {'channels' if node.label == 'input' else 'units'}"
    return f"{node.label}: {units}" if node.label else units


def _fitted(text: str, wide: float) -> str:
    """A label cut where it would run into its neighbour's; the whole name is in the table."""
    room = max(4, int(wide / LETTER))
    return text if len(text) <= room else f"{text[: room - 1]}…"
