"""What branches of a network are made of: groups of parallel paths, their units, and the small graph of a diagram."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["concat", "dense", "groups", "towers", "residual"]

SOURCE, JOIN, MORE = "input", "join", "more"
"""Kinds of the nodes that are no convolution and no pool; "more" stands for branches that are omitted."""


@dataclass(frozen=True)
class Member:
    """Units low … high − 1 of a convolution."""

    layer: str
    low: int
    high: int


@dataclass(frozen=True)
class Branch:
    """One of several parallel paths.

    Attributes:
        name: short, as in "mixed3a_5x5", "tower 1".
        members: the units that are the branch's.
        kernel: largest side of a kernel or pooling window on its own path; 1 where there is none.
        depth: convolutions on its own path.
    """

    name: str
    members: tuple[Member, ...]
    kernel: int
    depth: int

    @property
    def units(self) -> int:
        """Units of all its members."""
        return sum(member.high - member.low for member in self.members)


@dataclass(frozen=True)
class Node:
    """A box of a diagram.

    Attributes:
        label: the layer's name, or that of the source, the join or the omitted branches.
        kind: "conv", "pool", "input" (what all branches read), "join" (where they meet), "more" (omitted branches).
        kernel: (height, width); (0, 0) where it has none.
        units: channels it gives.
        branch: name of the branch it belongs to, "" for none.
    """

    id: int
    label: str
    kind: str
    kernel: tuple[int, int]
    units: int
    branch: str


@dataclass
class Graph:
    """What lies between the source of a group and its join, as boxes and arrows."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, label: str, kind: str, units: int, branch: str = "", kernel: tuple[int, int] = (0, 0)) -> int:
        """A new box; its number."""
        self.nodes.append(Node(len(self.nodes), label, kind, kernel, units, branch))
        return len(self.nodes) - 1

    def link(self, start: int, end: int) -> None:
        """An arrow, once."""
        if start != end and (start, end) not in self.edges:
            self.edges.append((start, end))


@dataclass(frozen=True)
class Group:
    """Branches that meet at one place.

    Attributes:
        name: of the place: a block, a convolution, a stage.
        order: number of the call at which they first meet, in order of execution.
    """

    name: str
    kind: Kind
    branches: tuple[Branch, ...]
    graph: Graph
    order: int


MOST_DRAWN = 8
"""More branches than these are not all drawn: the first three and the last stand for them."""


def drawn_branches(count: int) -> tuple[list[int], int]:
    """Numbers of the branches that a diagram shows, and how many are omitted before the last of them."""
    if count <= MOST_DRAWN:
        return list(range(count)), 0
    return [0, 1, 2, count - 1], count - 4
