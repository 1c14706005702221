"""All groups of branches of a network: where paths meet, and what each branch brings."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, number_text
from wbsite.results.site import Gap

from ._branch_data import (
    KINDS,
    BranchGroup,
    branch_colour,
    branches_or_gap,
    groups_of,
    has_branches,
    kernel_text,
    names_text,
    short,
)

SINGLE = 2
"""More branches than these are written one by one only where they differ."""


def draw(scene: Scene) -> Drawing | Gap:
    """A row a group; groups with the same kernels and numbers of units share one."""
    result = branches_or_gap(scene)
    if isinstance(result, Gap):
        return result
    assert scene.model is not None
    groups = groups_of(result)
    alike: dict[tuple, list[BranchGroup]] = {}
    for group in groups:
        alike.setdefault(group.spread, []).append(group)
    rows = joined(_row(same) for same in alike.values())
    head = joined(
        html('<th scope="col">{}</th>', name) for name in ("Place", "Branches: kernel, units", "How they meet")
    )
    body = html(
        '<div class="wb-scroll wb-branchlist" tabindex="0"><table class="wb-layers">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        rows,
    )
    most = max(groups, key=lambda group: len(group.branches))
    finding = (
        f"{counted(len(groups), 'place')} where branches meet, with {number_text(len(result.rows))} branches in all."
    )
    caption = f"In order of execution; up to {number_text(len(most.branches))} branches meet in one place."
    method = (
        "Places with the same kernels and units share a row. The kernel is the largest, or largest pooling window, on a"
        " branch's own path; of a residual block, units are those of its last rectified convolution, because a sum has no"
        " units of its own." + joined(html(" {}", sentence) for sentence in result.passed_over)
    )
    alt = f"{counted(len(groups), 'group')} of branches of {scene.model.title}: " + "; ".join(
        f"{names_text([group.name for group in same])}, {len(same[0].branches)} branches"
        for same in list(alike.values())[:12]
    )
    return Drawing(caption, f"{alt}.", result.rows, body=body, width="wide", finding=finding, method=method)


def _row(groups: Sequence[BranchGroup]) -> Markup:
    group, names = groups[0], [group.name for group in groups]
    place = names_text(names, 2) + (f" ({len(names)} places)" if len(names) > 1 else "")
    return html(
        '<tr><th scope="row" title="{}">{}</th><td>{}</td><td>{} {}</td></tr>',
        ", ".join(names),
        place,
        _branches(group),
        len(group.branches),
        KINDS[group.kind],
    )


def _branches(group: BranchGroup) -> Markup:
    """Every branch with its colour; those that are alike, once."""
    runs: list[list[int]] = []
    for number, branch in enumerate(group.branches):
        same = bool(runs) and branch[1:] == group.branches[runs[-1][-1]][1:]
        if same and len(group.branches) > SINGLE:
            runs[-1].append(number)
        else:
            runs.append([number])
    return joined(_chip(group, run) for run in runs)


def _chip(group: BranchGroup, run: Sequence[int]) -> Markup:
    branch = group.branches[run[0]]
    names = [short(group.branches[number].name, group.name) for number in (run[0], run[-1])]
    name = names[0] if len(run) == 1 else " to ".join(names)
    passed_on = branch.kernel == 1 and not branch.depth
    kernel = "" if passed_on else f"{kernel_text(branch.kernel)}, "
    units = f"{kernel}{number_text(branch.units)}"
    colour = html(' style="--wb-mark:{}"', branch_colour(run[0])) if len(run) == 1 else ""
    return html("<span{}><b>{}</b> {}</span>", colour, name, units)


FIGURES = (
    Figure(
        "branch-table", draw, "the table of branches", of="model", section="Branches", order=50, belongs=has_branches
    ),
)
