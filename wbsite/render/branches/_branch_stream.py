"""Draws a dense block or a residual stage: a row a block, beside the stream that it reads and gives to."""

from __future__ import annotations

from wbsite.core.markup import html
from wbsite.render.text import number_text
from wbsite.results.branches.branches import Node

from ._branch_data import short
from ._branch_drawing import BranchDrawing, Centres, units_text

STREAM, GAP, APART, ROW, BESIDE = 44.0, 7.0, 84.0, 52.0, 84.0
"""Pixels: the stream from the left, between lines of a dense block, from the last line to the boxes, a row's height,
and from one box to the next."""


class Stream(BranchDrawing):
    """Of a dense block, every layer's units become one more line; of a stage, they are added."""

    def draw(self) -> None:
        rows, dense = self.names, self.group.kind == "dense"
        more = next((node for node in self.nodes if node.kind == "more"), None)
        self.first = STREAM + APART + (GAP * (len(rows) + 1) if dense else 0)
        self.width = max(264.0, self.first + 200)
        self.bar(16, units_text(self.nodes[0]), 4, self.width - 4)
        y, line = 28.0, STREAM
        lines = [(line, y, "")]
        for name in rows:
            if more is not None and name == rows[-1]:
                self.text(self.first - 30, y + 24, f"… {more.label}", "wb-start wb-quiet")
                y += 40
                if dense:
                    line += GAP
                    lines.append((line, y, ""))
            line += GAP if dense else 0
            y = self._row(name, y, line, dense)
            if dense:
                lines.append((line, y, name))
        for x, top, name in lines:
            self.lines.insert(0, self.path(html("M{:g} {:g}V{:g}", x, top, y + 22), name))
        join = [node for node in self.nodes if node.kind == "join"][-1]
        label = f"{number_text(join.units)} units {'side by side' if dense else 'in the stream'}"
        self.text(4, y + 36, f"{self.group.name}: {label}", "wb-start")
        self.height = y + 48

    def _row(self, name: str, top: float, line: float, dense: bool) -> float:
        """A block from `top` on; where its line goes back to the stream."""
        columns: dict[int, list[Node]] = {}
        for node in self.nodes:
            if node.branch == name:
                columns.setdefault(self.level[node.id], []).append(node)
        tall = ROW * max(map(len, columns.values()))
        middle, back = top + 20 + tall / 2, top + tall + 34
        centres: dict[int, tuple[float, float]] = {}
        for place, level in enumerate(sorted(columns)):
            for i, node in enumerate(columns[level]):
                x, y = self.first + 10 + place * BESIDE, middle + (i - (len(columns[level]) - 1) / 2) * ROW
                centres[node.id] = (x, y)
                self.box(node, x, y)
        right = max(x for x, _ in centres.values()) + 42
        self.width = max(self.width, right + 10)
        self.text(self.first - 30, top + 14, short(name, self.group.name), "wb-name wb-start")
        self._inside(centres, name, middle, right)
        self.line(f"M{right:g} {middle:g}h6V{back:g}H{line:g}", name)
        if not dense:
            self._sum(centres, middle, back)
        return back + 8

    def _inside(self, centres: Centres, name: str, middle: float, right: float) -> None:
        """Lines between the boxes of a row, and from and to the stream."""
        ends = {node: self.size(self.nodes[node])[0] / 2 for node in centres}
        inner = [(a, b) for a, b in self.edges if a in centres and b in centres]
        for node, (x, y) in centres.items():
            if node not in {b for _, b in inner}:
                self.line(f"M{STREAM:g} {y:g}H{x - ends[node]:g}", name)
            if node not in {a for a, _ in inner}:
                self.line(f"M{x + ends[node]:g} {y:g}H{right:g}V{middle:g}", name)
        for a, b in inner:
            x1, y1, x2, y2 = centres[a][0] + ends[a], centres[a][1], centres[b][0] - ends[b], centres[b][1]
            self.line(f"M{x1:g} {y1:g}C{(x1 + x2) / 2:g} {y1:g} {(x1 + x2) / 2:g} {y2:g} {x2:g} {y2:g}", name)

    def _sum(self, centres: Centres, middle: float, back: float) -> None:
        """The sum at the end of a row, and a convolution that the stream itself passes there."""
        sums = {b for a, b in self.edges if a in centres and self.nodes[b].kind == "join"}
        for a, b in self.edges:
            if b in sums and self.nodes[a].kind == "conv" and not self.nodes[a].branch:
                self.box(self.nodes[a], STREAM, middle + 15)
        self.boxes.append(html('<circle cx="{:g}" cy="{:g}" r="8"/>', STREAM, back))
        self.text(STREAM, back, "+", "wb-strong")
