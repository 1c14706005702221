"""Groups of branches of a network: parallel paths, the units each makes, and the diagram of each group."""

from __future__ import annotations

from typing import Literal, TypeAlias

from wbsite.results.base import Record, Result, Table, integer, table, text, value

Kind: TypeAlias = Literal["concat", "dense", "groups", "towers", "residual"]
"""How branches meet: concatenated, in a dense block, as groups of a convolution, read by separate groups, added."""


class Node(Record):
    """A box of a diagram.

    Attributes:
        id: its place in the list of nodes.
        label: the layer's name, or what the reader calls the source, the join or what is left out.
        kind: "conv", "pool", "input" (what all branches read), "join" (where they meet), "more" (branches left out).
        kernel: (height, width); (0, 0) where it has none.
        units: channels it gives.
        branch: name of the branch it belongs to, "" for none.
    """

    id: int
    label: str
    kind: Literal["conv", "pool", "input", "join", "more"]
    kernel: tuple[int, int]
    units: int
    branch: str


class Graph(Record):
    """What lies between the source of a group and its join: boxes, and arrows from one node's id to another's."""

    nodes: list[Node]
    edges: list[tuple[int, int]]


class Group(Record):
    """Branches that meet at one place.

    Attributes:
        group: name of the place: a block, a convolution, a stage.
        kind: how they meet.
        branches, units: how many there are.
        graph: its diagram.
    """

    group: str
    kind: Kind
    branches: int
    units: int
    graph: Graph


class Branches(Result, analysis="branches"):
    """The groups of branches of a network, in order of execution."""

    groups: list[Group] = value("places where branches meet")
    none: str = value('a sentence on why there are no groups; "" where there are')
    passed_over: list[str] = value("sentences on what could not be followed")
    rows: Table = table(
        group=text("the place"),
        kind=text("how branches meet there"),
        branch=text("name of the branch"),
        units=integer("its units"),
        kernel=integer("largest side of a kernel or pooling window on its own path; 1 where there is none"),
        depth=integer("convolutions on its own path"),
    )
    members: Table = table(
        group=text("the place"),
        kind=text("how branches meet there"),
        branch=text("name of the branch"),
        layer=text("a convolution that makes units of the branch"),
        low=integer("the first of them, counted in the layer's output"),
        high=integer("the one after the last of them"),
    )

    @property
    def kinds(self) -> list[Kind]:
        """How branches meet in each group."""
        return [group.kind for group in self.groups]

    @property
    def reason(self) -> str:
        """Why there are no groups, with what could not be followed."""
        return " ".join(filter(None, [self.none, *self.passed_over]))


RESULTS = (Branches,)
