"""Where parallel paths divide and meet: the diagram of one group of branches, drawn from the recorded graph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.results.branches._examples import branched
from wbsite.results.branches.branches import Kind
from wbsite.results.site import Gap

from ._branch_data import BranchGroup, branches_or_gap, chosen, groups_of, kernel_text, may_have_branches, names_text
from ._branch_drawing import Columns
from ._branch_stream import Stream

WORDS: Mapping[Kind, str] = {
    "concat": "Parallel paths from {source} to {group}, where their units are put side by side",
    "groups": "{count} groups that do not see each other's units: {places}",
    "towers": "{count} towers, whose units separate groups further on read: {places}",
    "dense": "The dense block {group}: every layer reads all units before it and puts its own beside them",
    "residual": "The residual stage {group}: every block reads the stream and adds to it",
}
"""Kind → what the diagram shows."""


def draw(scene: Scene) -> Drawing | Gap:
    """The group that `group` names; without, the first of a kind that branches rather than adds."""
    result = branches_or_gap(scene)
    if isinstance(result, Gap):
        return result
    assert scene.model is not None
    groups = groups_of(result)
    group, model = chosen(groups, scene.options.get("group", "")), scene.model
    pages = {layer.name: f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/" for layer in model.layers}
    kind = Stream if group.kind in ("dense", "residual") else Columns
    drawing = kind(group, lambda layer: pages.get(layer, ""))
    drawing.draw()
    width, height = math.ceil(drawing.width), math.ceil(drawing.height)
    nodes = group.graph.nodes
    source = nodes[0].label
    what = WORDS[group.kind].format(
        source="the picture" if source == "input" else source,
        group=group.name,
        count=len(group.branches),
        places=names_text([other.name for other in groups if other.graph == group.graph], 4),
    )
    listed = "; ".join(
        f"{branch.name}, {branch.units} units, largest kernel {kernel_text(branch.kernel)}"
        for branch in group.branches[:8]
    )
    more = f"; and {len(group.branches) - 8} more" if len(group.branches) > 8 else ""
    alt = f"{what}, in {model.title}. {len(group.branches)} branches: {listed}{more}."
    body = html(
        '<div class="wb-scroll wb-diagram wb-branches" tabindex="0" role="group" aria-label="{}">'
        '<svg viewBox="0 0 {} {}" width="{}" height="{}">{}</svg></div>',
        alt,
        width,
        height,
        width,
        height,
        drawing.svg,
    )
    boxes = "Boxes are convolutions with kernel and units"
    if any(node.kind == "pool" for node in nodes):
        boxes += "; broken outlines are pools"
    method = (
        "Traced in one recorded forward pass; nothing in it is an estimate. Boxes are wider for more units and taller for larger"
        " kernels, and lead to their layers' pages."
    )
    if any(node.kind == "more" for node in nodes):
        method += " Branches like those drawn are left out and counted."
    return Drawing(
        html("{}.{}", boxes, _elsewhere(groups, group)),
        alt,
        _table(group),
        body=body,
        width="wide",
        finding=html("{}.", what),
        method=method,
    )


def _elsewhere(groups: Sequence[BranchGroup], group: BranchGroup) -> str:
    """Which groups are built like this one (HTML); "" where none are."""
    alike = [other.name for other in groups if other.graph != group.graph and other.shape == group.shape]
    if not alike:
        return ""
    return html(
        " {} {} built the same, with other numbers of units.", names_text(alike), "is" if len(alike) == 1 else "are"
    )


def _table(group: BranchGroup) -> pd.DataFrame:
    """A row a box: what it is, and what it reads."""
    nodes = group.graph.nodes
    reads: dict[int, list[str]] = {node.id: [] for node in nodes}
    for start, end in group.graph.edges:
        reads[end].append(" ".join(filter(None, (nodes[start].label, nodes[start].branch))))
    rows = [
        {
            "box": node.label or group.name,
            "kind": node.kind,
            "branch": node.branch,
            "kernel": kernel_text(node.kernel) if node.kernel[0] else "",
            "units": node.units,
            "reads": "; ".join(reads[node.id]),
        }
        for node in nodes
    ]
    return pd.DataFrame(rows)


FIGURES = (
    Figure(
        "branch-diagram",
        draw,
        "the diagram of branches",
        of="model",
        options=("group",),
        section="Branches",
        order=40,
        belongs=may_have_branches,
        example=branched,
    ),
)
