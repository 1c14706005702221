"""Categories by branches: how many units of each category lie in each branch, against chance and against other checks."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import breakable
from wbsite.render.text import number_text
from wbsite.results.branches._examples import concatenated
from wbsite.results.branches.branches import Branches
from wbsite.results.site import Gap

from ._branch_data import has_branches, kernel_text, short
from ._enrichment_data import SOURCES, Enriched, marked, p_text

MOST_GROUPS, OPEN, MOST_BRANCHES = 6, 2, 8
"""Places that are shown, that are shown unfolded, and branches of each: more are in the file."""

FULL = math.log(32)
"""Logarithm of the odds ratio, or of its inverse, at which a cell has its full colour."""

COLUMNS = [
    "group", "source", "category", "branch", "in_branch", "in_layer", "branch_units", "layer_units", "expected",
    "odds_ratio", "low", "high", "p", "q", "permutation_p", "same_kernel_p", "same_kernel", "untrained_in_branch",
    "untrained_in_layer", "untrained_p",
]  # fmt: skip

MARKS = {
    "●": "q ≤ 0.05 by chance, more than expected; of these",
    "◆": "p ≤ 0.05 among branches of equal kernel size alone",
    "▲": "p ≤ 0.05 against untrained copies",
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
    body = _legend() + "".join(_table(enriched, name, rows, i < OPEN) for i, (name, rows) in enumerate(first))
    table = enriched.rows[COLUMNS].round(dict.fromkeys(("expected", "odds_ratio", "low", "high"), 3))
    best = enriched.rows[enriched.rows["q"].map(marked) & (enriched.rows["odds_ratio"] > 1)].sort_values("p")
    strongest = [_cell_text(enriched, row) for row in best.head(6).to_dict("records")]
    alt = (
        f"Categories by branches in {len(groups)} places of {enriched.model.title}, {len(enriched.rows)} cells;"
        f" {len(best)} hold more units of a category than chance allows (q ≤ 0.05){': ' if strongest else ''}{'; '.join(strongest)}."
    )
    return Drawing(_caption(enriched, len(groups), len(first), len(best)), alt, table, body=body, width="wide")


def _cell_text(enriched: Enriched, row: dict[str, Any]) -> str:
    title, _ = enriched.category(row["category"], row["source"])
    return f"{title} in {row['branch']}, {row['in_branch']} of {row['in_layer']}"


def _legend() -> str:
    marks = " · ".join(f"<b>{mark}</b> {text}" for mark, text in MARKS.items())
    return f'<p class="wb-enrichlegend">Units of the category in the branch, of those in the layer. {marks}</p>'


def _table(enriched: Enriched, group: str, rows: pd.DataFrame, unfolded: bool) -> str:
    least = rows.groupby("branch", sort=False)["p"].min()
    kept = set(least.nsmallest(MOST_BRANCHES).index)
    branches = [name for name in least.index if name in kept]
    kernels = _kernels(enriched, group)
    head = "".join(_head(group, name, rows, kernels) for name in branches)
    hidden = len(least) - len(branches)
    more = f" ({hidden} branches with larger p are in the file)" if hidden else ""
    lines = "".join(_lines(enriched, source, part, branches) for source, part in rows.groupby("source", sort=False))
    units = number_text(int(rows["layer_units"].max()))
    return (
        f"<details{' open' if unfolded else ''}><summary><code>{escape(group)}</code>, {units} units{more}</summary>"
        f'<div class="wb-scroll" tabindex="0"><table class="wb-enrichment"><thead><tr><th scope="col">category</th>{head}'
        f"</tr></thead><tbody>{lines}</tbody></table></div></details>"
    )


def _kernels(enriched: Enriched, group: str) -> dict[str, int]:
    branches = enriched.model.result(Branches)
    if branches is None:
        return {}
    rows = branches.rows[branches.rows["group"] == group]
    return dict(zip(rows["branch"], rows["kernel"].tolist(), strict=True))


def _head(group: str, name: str, rows: pd.DataFrame, kernels: dict[str, int]) -> str:
    row = rows[rows["branch"] == name].iloc[0]
    kernel = f"{kernel_text(kernels[name])}, " if name in kernels else ""
    alone = str(row["same_kernel"]).startswith("no other")
    alike = "no equal kernel" if alone else f"◆ with {row['same_kernel']}".replace(f"{group}_", "")
    return (
        f'<th scope="col">{breakable(short(name, group))}<small>{kernel}{number_text(int(row["branch_units"]))} units'
        f"<br>{escape(alike)}</small></th>"
    )


def _lines(enriched: Enriched, source: str, rows: pd.DataFrame, branches: list[str]) -> str:
    heading = f'<tr><th colspan="{len(branches) + 1}" class="wb-source">{SOURCES[source]}</th></tr>'
    lines = []
    for category, part in rows.groupby("category", sort=False):
        title, rule = enriched.category(str(category), source)
        cells = "".join(_cell(row) for row in part.set_index("branch").loc[branches].to_dict("records"))
        lines.append(f'<tr><th scope="row" title="{escape(rule, quote=True)}">{escape(title)}</th>{cells}</tr>')
    return heading + "".join(lines)


def _cell(row: dict[str, Any]) -> str:
    more = row["odds_ratio"] > 1
    marks = ""
    if more and marked(row["q"]):
        marks = "●" + ("◆" if marked(row["same_kernel_p"]) else "") + ("▲" if marked(row["untrained_p"]) else "")
    strength = 0.0 if pd.isna(row["odds_ratio"]) else min(1.0, abs(math.log(row["odds_ratio"])) / FULL)
    copies = ""
    if not pd.isna(row["untrained_in_layer"]):
        copies = f"; untrained copies {row['untrained_in_branch']:.0f} of {row['untrained_in_layer']:.0f}"
    text = (
        f"{row['expected']:.1f} by chance; odds ratio {row['odds_ratio']:.2g} ({row['low']:.2g} to {row['high']:.2g});"
        f" p {p_text(row['p'])}, q {p_text(row['q'])}; equal kernels p {p_text(row['same_kernel_p'])}{copies}"
    ).replace("nan", "–")
    return (
        f'<td class="wb-{"more" if more else "fewer"}" style="--wb-odds:{100 * strength:.0f}%" title="{escape(text, quote=True)}">'
        f"{row['in_branch']} of {row['in_layer']}"
        f"{f' <b>{marks}</b>' if marks else ''}<small>{row['expected']:.1f} by chance</small></td>"
    )


def _caption(enriched: Enriched, groups: int, drawn: int, best: int) -> str:
    rows = enriched.rows
    lonely = rows["same_kernel_p"].isna().groupby([rows["group"], rows["branch"]]).all()
    alone, branches = int(lonely.sum()), len(lonely)
    text = (
        f"What lies in which branch of {escape(enriched.model.title)}: units of each category in each branch, with the number that"
        " assigning the layer's units to its branches at random would give on average. Colour is the odds ratio (half a unit added to"
        " every count), full at 32 or 1/32, violet for more and brown for fewer than by chance. q: hypergeometric upper tail,"
        f" Benjamini–Hochberg over all {number_text(enriched.result.tests.rows)} tests of the network; {best} of {len(rows)} cells hold"
        f" more than by chance with q ≤ 0.05. Kernel size goes with the branch: {alone} of {branches} branches have no other with"
        " equal kernels to be compared with. Rules of categories were fixed before any network was tested; dead units are left out."
        f"{enriched.copies_text}"
    )
    if drawn < groups:
        text += f" The first {drawn} of {groups} places are shown."
    return text


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
