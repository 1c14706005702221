"""Branches: which units parallel paths make, found in the recorded forward pass. Weights play no part."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.graph.recording import Recorded
from wbsite.ops.branches.discovery import branches
from wbsite.ops.branches.groups import Group
from wbsite.results.branches import branches as results

NONE = (
    "No two paths of this network run side by side: nothing is concatenated, no convolution has groups, and no blocks"
    " add to a common stream."
)
UNKNOWN = "No branches were found whose units can be told."


def run(context: Context) -> results.Branches:
    """The groups of branches with their units and diagrams."""
    discovered = branches(Recorded.of(context.model), context.layers.names)
    rows, members = [], []
    for group in discovered.groups:
        for branch in group.branches:
            about = {"group": group.name, "kind": group.kind, "branch": branch.name}
            rows.append({**about, "units": branch.units, "kernel": branch.kernel, "depth": branch.depth})
            members += [{**about, "layer": m.layer, "low": m.low, "high": m.high} for m in branch.members]
    none = UNKNOWN if discovered.passed_over else NONE
    schema = results.Branches.fields
    return results.Branches(
        groups=[record(group) for group in discovered.groups],
        none="" if discovered.groups else none,
        passed_over=list(discovered.passed_over),
        rows=pd.DataFrame(rows, columns=list(schema["rows"].columns)),
        members=pd.DataFrame(members, columns=list(schema["members"].columns)),
    )


def record(group: Group) -> results.Group:
    """What the result says of a group."""
    return results.Group(
        group=group.name,
        kind=group.kind,
        branches=len(group.branches),
        units=sum(branch.units for branch in group.branches),
        graph=results.Graph.model_validate(asdict(group.graph)),
    )


ANALYSES = (
    Analysis(
        name="branches",
        scope="model",
        summary="parallel paths and the units they make: concatenations, groups, towers, dense blocks, residual stages",
        run=run,
        result=results.Branches,
    ),
)
