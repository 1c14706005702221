"""Categories by branches: how many units of each category lie in each branch, against chance and against other checks."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import breakable
from wbsite.render.text import number_text
from wbsite.results.branches._examples import concatenated
from wbsite.results.branches.branches import Branches
from wbsite.results.site import Gap

from ._branch_data import has_branches, kernel_text, short
from ._enrichment_data import SOURCES, Enriched, marked

MOST_GROUPS, OPEN, MOST_BRANCHES = 4, 2, 8
"""Places that are shown, that are shown unfolded, and branches of each: more are in the file."""

FULL = math.log(32)
"""Logarithm of the odds ratio, or of its inverse, at which a cell has its full colour."""

COLUMNS = [
    "group", "source", "category", "branch", "in_branch", "in_layer", "branch_units", "layer_units", "expected",
    "odds_ratio", "low", "high", "p", "q", "permutation_p", "same_kernel_p", "same_kernel", "untrained_in_branch",
    "untrained_in_layer", "untrained_p",
]  # fmt: skip

MARKS = {
    "●": "more than chance gives; of these",
    "◆": "also among branches of equal kernel size",
    "▲": "also beyond untrained copies",
}


def draw(scene: Scene) -> Drawing | Gap:
    """A table a group. Options: group, the place where branches meet; kind, as in the table of branches."""
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    if enriched.rows.empty:
        return Gap("none of its units in branches belong to a category", failed=False)
    groups = [(str(name), rows) for name, rows in enriched.rows.groupby("group", sort=False)]
    first = groups[:MOST_GROUPS]
    body = _legend() + joined((_table(enriched, name, rows, i < OPEN) for i, (name, rows) in enumerate(first)))
    table = enriched.rows[COLUMNS].round(dict.fromkeys(("expected", "odds_ratio", "low", "high"), 3))
    best = enriched.rows[enriched.rows["q"].map(marked) & (enriched.rows["odds_ratio"] > 1)].sort_values("p")
    strongest = [_cell_text(enriched, row) for row in best.head(6).to_dict("records")]
    alt = (
        f"Categories by branches in {len(groups)} places of {enriched.model.title}, {len(enriched.rows)} cells;"
        f" {len(best)} hold more units of a category than chance allows (q ≤ 0.05){': ' if strongest else ''}{'; '.join(strongest)}."
    )
    caption = "Units of each category by branch: violet, more than at random; brown, fewer."
    if len(first) < len(groups):
        caption += f" {len(first)} of {len(groups)} places are shown; the file has all."
    return Drawing(
        caption,
        alt,
        table,
        body=body,
        width="wide",
        finding=_finding(enriched, best),
        method=_method(enriched, len(best)),
    )


def _finding(enriched: Enriched, best: pd.DataFrame) -> str:
    """How many cells hold more than chance gives, and how many of these more than untrained copies too."""
    title = enriched.model.title
    if best.empty:
        return f"In {title}, no branch holds more units of a category than chance gives."
    pairs = f"{len(best)} of {len(enriched.rows)} pairs of a category and a branch"
    text = f"In {title}, {pairs} hold{'s' if len(best) == 1 else ''} more units than chance gives"
    compared = best["untrained_p"].dropna()
    if compared.empty:
        return f"{text}."
    beyond = int(compared.map(marked).sum()) or "none"
    if len(compared) < len(best):
        return f"{text}; {beyond} of the {len(compared)} compared with untrained copies, more than these."
    return f"{text}; {beyond} of them, more than untrained copies."


def _cell_text(enriched: Enriched, row: dict[str, Any]) -> str:
    title, _ = enriched.category(row["category"], row["source"])
    return f"{title} in {row['branch']}, {row['in_branch']} of {row['in_layer']}"


def _legend() -> Markup:
    marks = joined((html("<b>{}</b> {}", mark, text) for mark, text in MARKS.items()), " · ")
    return html('<p class="wb-enrichlegend">{}</p>', marks)


def _table(enriched: Enriched, group: str, rows: pd.DataFrame, unfolded: bool) -> Markup:
    least = rows.groupby("branch", sort=False)["p"].min()
    kept = set(least.nsmallest(MOST_BRANCHES).index)
    branches = [name for name in least.index if name in kept]
    kernels = _kernels(enriched, group)
    head = joined(_head(group, name, rows, kernels) for name in branches)
    hidden = len(least) - len(branches)
    more = f" ({hidden} branches with larger p are in the file)" if hidden else ""
    lines = joined((_lines(enriched, source, part, branches) for source, part in rows.groupby("source", sort=False)))
    units = number_text(int(rows["layer_units"].max()))
    return html(
        "<details{}><summary><code>{}</code>, {} units{}</summary>"
        '<div class="wb-scroll" tabindex="0"><table class="wb-enrichment"><thead><tr><th scope="col">category</th>{}'
        "</tr></thead><tbody>{}</tbody></table></div></details>",
        " open" if unfolded else "",
        group,
        units,
        more,
        head,
        lines,
    )


def _kernels(enriched: Enriched, group: str) -> dict[str, int]:
    branches = enriched.model.result(Branches)
    if branches is None:
        return {}
    rows = branches.rows[branches.rows["group"] == group]
    return dict(zip(rows["branch"], rows["kernel"].tolist(), strict=True))


def _head(group: str, name: str, rows: pd.DataFrame, kernels: dict[str, int]) -> Markup:
    row = rows[rows["branch"] == name].iloc[0]
    kernel = f"{kernel_text(kernels[name])}, " if name in kernels else ""
    alone = str(row["same_kernel"]).startswith("no other")
    alike = "no equal kernel" if alone else f"◆ with {row['same_kernel']}".replace(f"{group}_", "")
    return html(
        '<th scope="col">{}<small>{}{} units<br>{}</small></th>',
        breakable(short(name, group)),
        kernel,
        number_text(int(row["branch_units"])),
        alike,
    )


def _lines(enriched: Enriched, source: str, rows: pd.DataFrame, branches: list[str]) -> Markup:
    heading = html('<tr><th colspan="{}" class="wb-source">{}</th></tr>', len(branches) + 1, SOURCES[source])
    lines = []
    for category, part in rows.groupby("category", sort=False):
        title, rule = enriched.category(str(category), source)
        cells = joined(_cell(row) for row in part.set_index("branch").loc[branches].to_dict("records"))
        lines.append(html('<tr><th scope="row" title="{}">{}</th>{}</tr>', rule, title, cells))
    return heading + joined(lines)


def _cell(row: dict[str, Any]) -> Markup:
    more = row["odds_ratio"] > 1
    marks = ""
    if more and marked(row["q"]):
        marks = "●" + ("◆" if marked(row["same_kernel_p"]) else "") + ("▲" if marked(row["untrained_p"]) else "")
    strength = 0.0 if pd.isna(row["odds_ratio"]) else min(1.0, abs(math.log(row["odds_ratio"])) / FULL)
    style = html(' style="--wb-odds:{:.0f}%"', 100 * strength) if strength >= 0.005 else ""
    return html(
        '<td class="wb-{}"{}>{} of {}{}<small>{:.1f} at random</small></td>',
        "more" if more else "fewer",
        style,
        row["in_branch"],
        row["in_layer"],
        html(" <b>{}</b>", marks) if marks else "",
        row["expected"],
    )


def _method(enriched: Enriched, best: int) -> Markup:
    rows = enriched.rows
    lonely = rows["same_kernel_p"].isna().groupby([rows["group"], rows["branch"]]).all()
    alone, branches = int(lonely.sum()), len(lonely)
    return html(
        "A cell has the units of the category in the branch, of those in the layer, and below the mean if the layer's units were"
        " assigned to its branches at random. Colour is the odds ratio (half a unit added to every count), full at 32 or 1/32."
        " ●: q ≤ 0.05, hypergeometric upper tail, Benjamini and Hochberg over all"
        " {} tests of categories of the network, shown here or not: {} of"
        " {} cells. ◆ and ▲: p ≤ 0.05. Kernel size goes with the branch: {} of {} branches have no other"
        " with equal kernels to be compared with. Rules of categories were fixed before any network was tested; dead units are"
        " left out. The file has odds ratios with intervals, p and q.{}",
        number_text(enriched.result.tests.rows),
        best,
        len(rows),
        alone,
        branches,
        enriched.copies_text,
    )


FIGURES = (
    Figure(
        "enrichment",
        draw,
        "what lies in which branch",
        of="model",
        options=("group", "kind"),
        section="Branches",
        order=60,
        belongs=has_branches,
        example=concatenated,
    ),
)
