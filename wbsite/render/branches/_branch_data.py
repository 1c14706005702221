"""The `branches` result as figures need it: groups with their branches, colours, and which groups are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from wbsite.core.errors import unknown
from wbsite.render.charts import SERIES
from wbsite.render.figure import Scene
from wbsite.results.branches.branches import Branches, Graph, Kind
from wbsite.results.site import Gap

KINDS: Mapping[Kind, str] = {
    "concat": "concatenated",
    "groups": "groups of a convolution",
    "towers": "read by separate groups",
    "dense": "in a dense block",
    "residual": "added to one stream",
}
"""Kind of a group → its words."""

FIRST: tuple[tuple[Kind, ...], ...] = ("concat", "groups", "towers"), ("dense",), ("residual",)
"""Kinds in the order in which one is chosen to be drawn."""


def branch_colour(number: int) -> str:
    """The colour of the branch with this number in its group, from 0; colours come again after eight."""
    return SERIES[number % len(SERIES)]


def kernel_text(kernel: Sequence[int] | int) -> str:
    """(1, 7) → "1×7", 3 → "3×3"."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    return "×".join(map(str, sides))


def names_text(names: Sequence[str], limit: int = 3) -> str:
    """ "mixed3b, mixed4a, mixed4b and 5 more"."""
    listed = list(names)
    if len(listed) <= limit + 1:
        return " and ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))
    return f"{', '.join(listed[:limit])} and {len(listed) - limit} more"


def short(name: str, group: str) -> str:
    """A branch's name without its group's: "mixed3a_5x5" in mixed3a is "5x5"."""
    rest = name[len(group) :].lstrip("._") if name.startswith(group) else name
    return rest or name


class Branch(NamedTuple):
    """A branch of a group: its name, units, largest kernel or pooling window, and convolutions."""

    name: str
    units: int
    kernel: int
    depth: int


@dataclass(frozen=True)
class BranchGroup:
    """A group, with its branches in order, and its diagram."""

    name: str
    kind: Kind
    branches: Sequence[Branch]
    graph: Graph

    @property
    def spread(self) -> tuple[Any, ...]:
        """The same for groups whose branches have the same kernels and numbers of units."""
        return self.kind, *(branch[1:] for branch in self.branches)

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        """The same for graphs that differ in names and numbers of units alone."""
        order = {name: i for i, name in enumerate(dict.fromkeys(node.branch for node in self.graph.nodes))}
        nodes = [(node.kind, *node.kernel, order[node.branch]) for node in self.graph.nodes]
        return self.kind, tuple(nodes), tuple(self.graph.edges)


def branches_or_gap(scene: Scene) -> Branches | Gap:
    """The branches of the scene's model; the gap says why there are none."""
    result = scene.result_or_gap(Branches)
    if isinstance(result, Gap) or result.groups:
        return result
    return Gap(result.reason, failed=False)


def may_have_branches(scene: Scene) -> bool:
    """Whether the model has branches, or its result does not tell (the figure says why)."""
    branches = scene.model.result(Branches) if scene.model else None
    return branches is None or bool(branches.groups)


def has_branches(scene: Scene) -> bool:
    """Whether the model's result has branches."""
    branches = scene.model.result(Branches) if scene.model else None
    return branches is not None and bool(branches.groups)


def groups_of(result: Branches) -> list[BranchGroup]:
    """Its groups with their branches, in order of execution."""
    branches = {
        name: [Branch(*row) for row in rows[["branch", "units", "kernel", "depth"]].itertuples(index=False, name=None)]
        for name, rows in result.rows.groupby("group", sort=False)
    }
    return [BranchGroup(group.group, group.kind, branches[group.group], group.graph) for group in result.groups]


def chosen(groups: Sequence[BranchGroup], name: str = "") -> BranchGroup:
    """The group of this name; of none, the first that branches rather than adds.

    Raises:
        WbsiteError: there is none of this name.
    """
    if not name:
        return next(group for kinds in FIRST for group in groups if group.kind in kinds)
    for group in groups:
        if group.name == name:
            return group
    raise unknown("group of branches", name, [group.name for group in groups])
