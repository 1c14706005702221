"""The `branches` result as figures need it: groups, their branches, colours, and which groups are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.core.store import Entry
from wbsite.render.charts import SERIES
from wbsite.render.figure import Scene
from wbsite.results.site import Gap

KINDS: Mapping[str, str] = {
    "concat": "concatenated",
    "groups": "groups of a convolution",
    "towers": "read by separate groups",
    "dense": "in a dense block",
    "residual": "added to one stream",
}
"""Kind of a group → its words."""

FIRST = ("concat", "groups", "towers"), ("dense",), ("residual",)
"""Kinds in the order in which one is chosen to be drawn."""


def branch_colour(number: int) -> str:
    """Of the branch with this number in its group, from 0; colours come again after eight."""
    return SERIES[number % len(SERIES)]


def window_text(kernel: Sequence[int] | int) -> str:
    """(1, 7) → "1×7", 3 → "3×3"."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    return "×".join(str(int(side)) for side in sides)


def places_text(names: Sequence[str], shown: int = 3) -> str:
    """ "mixed3b, mixed4a, mixed4b and 5 more"."""
    listed = list(names)
    if len(listed) <= shown + 1:
        return " and ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))
    return f"{', '.join(listed[:shown])} and {len(listed) - shown} more"


def short(name: str, place: str) -> str:
    """A branch's name without its group's: "mixed3a_5x5" in mixed3a is "5x5"."""
    rest = name[len(place) :].lstrip("._") if name.startswith(place) else name
    return rest or name


@dataclass(frozen=True)
class BranchGroup:
    """A group, with its branches in order.

    Attributes:
        branches: rows of the result's table: branch, units, kernel, depth.
        graph: nodes and edges.
    """

    name: str
    kind: str
    branches: Sequence[Mapping[str, Any]]
    graph: Mapping[str, Any]

    @property
    def units(self) -> int:
        return sum(int(branch["units"]) for branch in self.branches)

    @property
    def spread(self) -> tuple[Any, ...]:
        """The same for groups whose branches have the same windows and numbers of units."""
        return self.kind, *((int(b["kernel"]), int(b["depth"]), int(b["units"])) for b in self.branches)

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        """The same for graphs that differ in names and numbers of units alone."""
        order = {name: i for i, name in enumerate(dict.fromkeys(node["branch"] for node in self.graph["nodes"]))}
        nodes = [(node["kind"], *node["kernel"], order[node["branch"]]) for node in self.graph["nodes"]]
        return self.kind, tuple(nodes), tuple(map(tuple, self.graph["edges"]))


class Branched:
    """The groups of the scene's model, in order of execution."""

    def __init__(self, entry: Entry) -> None:
        self.passed_over: list[str] = entry.values["passed_over"]
        rows = entry.table("rows")
        of = {name: part.to_dict("records") for name, part in rows.groupby("group", sort=False)}
        self.groups = [BranchGroup(g["group"], g["kind"], of[g["group"]], g["graph"]) for g in entry.values["groups"]]
        self.rows: pd.DataFrame = rows

    @classmethod
    def of(cls, scene: Scene) -> Branched | Gap:
        """The gap says why nothing was found."""
        assert scene.model is not None
        entry = scene.model.found("branches")
        if isinstance(entry, Gap):
            return entry
        if not entry.values["groups"]:
            return Gap(" ".join([entry.values["none"], *entry.values["passed_over"]]), failed=False)
        return cls(entry)

    def group(self, name: str = "") -> BranchGroup:
        """The group of this name; of none, the first that branches rather than adds.

        Raises:
            WbsiteError: there is none of this name.
        """
        if not name:
            return next(group for kinds in FIRST for group in self.groups if group.kind in kinds)
        for group in self.groups:
            if group.name == name:
                return group
        raise unknown("group of branches", name, [group.name for group in self.groups])


def may_have_branches(scene: Scene) -> bool:
    """Whether the model has branches, or its result does not tell (the figure says why)."""
    branches = scene.model.entry("branches") if scene.model else None
    return branches is None or bool(branches.values["groups"])


def has_branches(scene: Scene) -> bool:
    """Whether the model's result has branches."""
    branches = scene.model.entry("branches") if scene.model else None
    return branches is not None and bool(branches.values["groups"])
