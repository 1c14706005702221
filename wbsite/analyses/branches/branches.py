"""Branches: which units parallel paths make, found in the recorded forward pass. Weights play no part."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.graph.recording import Recorded
from wbsite.ops.branches.discovery import branches
from wbsite.ops.branches.groups import Group

ROWS = ["group", "kind", "branch", "units", "kernel", "depth"]
MEMBERS = ["group", "kind", "branch", "layer", "low", "high"]

NONE = (
    "No two paths of this network run side by side: nothing is concatenated, no convolution has groups, and no blocks"
    " add to a common stream."
)
UNKNOWN = "No branches were found whose units can be told."


def run(context: Context) -> Contents:
    """Tables: rows, one a branch: units, kernel (largest side of a window on its own path), depth (convolutions on
    it); members, the units low … high − 1 of a convolution that are a branch's.

    Values: groups (with a small graph each), none (a sentence, "" where there are groups), passed_over (sentences).
    """
    found = branches(Recorded.of(context.model), context.layers.names)
    rows, members = [], []
    for group in found.groups:
        for branch in group.branches:
            about = {"group": group.name, "kind": group.kind, "branch": branch.name}
            rows.append({**about, "units": branch.units, "kernel": branch.kernel, "depth": branch.depth})
            members += [{**about, "layer": m.layer, "low": m.low, "high": m.high} for m in branch.members]
    nothing = UNKNOWN if found.passed_over else NONE
    return Contents(
        values={
            "groups": [_about(group) for group in found.groups],
            "none": "" if found.groups else nothing,
            "passed_over": list(found.passed_over),
        },
        tables={"rows": pd.DataFrame(rows, columns=ROWS), "members": pd.DataFrame(members, columns=MEMBERS)},
    )


def _about(group: Group) -> dict[str, Any]:
    return {
        "group": group.name,
        "kind": group.kind,
        "branches": len(group.branches),
        "units": sum(branch.units for branch in group.branches),
        "graph": group.graph.as_json(),
    }


ANALYSES = (
    Analysis(
        name="branches",
        version=1,
        scope="model",
        summary="parallel paths and the units they make: concatenations, groups, towers, dense blocks, residual stages",
        run=run,
    ),
)
