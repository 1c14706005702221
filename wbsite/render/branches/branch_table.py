"""All groups of branches of a network: where paths meet, and what each branch brings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import number_text
from wbsite.results.site import Gap

from ._branch_data import KINDS, Branched, BranchGroup, branch_colour, has_branches, places_text, short, window_text

SINGLE = 2
"""More branches than these are written one by one only where they differ."""


def draw(scene: Scene) -> Drawing | Gap:
    """A row a group; groups with the same windows and numbers of units share one."""
    branched = Branched.of(scene)
    if isinstance(branched, Gap):
        return branched
    assert scene.model is not None
    alike: dict[tuple, list[BranchGroup]] = {}
    for group in branched.groups:
        alike.setdefault(group.spread, []).append(group)
    rows = "".join(_row(groups) for groups in alike.values())
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Place", "Branches: window, units", "How they meet"))
    body = (
        '<div class="wb-scroll wb-branchlist" tabindex="0"><table class="wb-layers">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    count, branches = len(branched.groups), len(branched.rows)
    caption = (
        f"{_counted(count, 'group')} of branches with {number_text(branches)} branches, in order of execution; groups"
        " with the same windows and units share a row. The window is the largest kernel or pooling window on a branch's own path;"
        " of a residual block, units are those of its last rectified convolution, because a sum has no units of its own."
        + "".join(f" {escape(sentence)}" for sentence in branched.passed_over)
    )
    alt = f"{_counted(count, 'group')} of branches of {scene.model.title}: " + "; ".join(
        f"{places_text([group.name for group in groups])}, {len(groups[0].branches)} branches"
        for groups in list(alike.values())[:12]
    )
    return Drawing(caption, f"{alt}.", branched.rows, body=body, width="wide")


def _counted(count: int, word: str) -> str:
    return f"{number_text(count)} {word}" + ("" if count == 1 else "s")


def _row(groups: Sequence[BranchGroup]) -> str:
    group, names = groups[0], [group.name for group in groups]
    place = escape(places_text(names, 2)) + (f" ({len(names)} places)" if len(names) > 1 else "")
    return (
        f'<tr><th scope="row" title="{escape(", ".join(names), quote=True)}">{place}</th>'
        f"<td>{_branches(group)}</td><td>{len(group.branches)} {KINDS[group.kind]}</td></tr>"
    )


def _branches(group: BranchGroup) -> str:
    """Every branch with its colour; those that are alike, once."""
    runs: list[list[int]] = []
    for number, branch in enumerate(group.branches):
        before = group.branches[runs[-1][-1]] if runs else None
        same = before is not None and all(branch[key] == before[key] for key in ("kernel", "depth", "units"))
        if same and len(group.branches) > SINGLE:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "".join(_chip(group, run) for run in runs)


def _chip(group: BranchGroup, run: Sequence[int]) -> str:
    branch = group.branches[run[0]]
    names = [short(str(group.branches[number]["branch"]), group.name) for number in (run[0], run[-1])]
    name = names[0] if len(run) == 1 else " to ".join(names)
    passed_on = branch["kernel"] == 1 and not branch["depth"]
    window = "" if passed_on else f"{window_text(int(branch['kernel']))}, "
    units = f"{window}{number_text(int(branch['units']))}"
    colour = f' style="--wb-mark:{branch_colour(run[0])}"' if len(run) == 1 else ""
    return f"<span{colour}><b>{escape(name)}</b> {units}</span>"


FIGURES = (
    Figure(
        "branch-table", draw, "the table of branches", of="model", section="Branches", order=50, belongs=has_branches
    ),
)
