"""Two branches side by side: medians of every index in both, and how far they part."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import fixed_text, number_text
from wbsite.results.branches._examples import towers
from wbsite.results.site import Gap

from ._enrichment_data import SOURCES, Enriched, marked, p_text

HEADS = ("index", "first branch", "second branch", "AUC", "p", "q", "untrained AUC", "p against these")


def draw(scene: Scene) -> Drawing | Gap:
    """A row an index of every place where two branches meet. Options: group; kind, as "groups" or "towers"."""
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    effects = enriched.effects[enriched.effects["kind"] != "residual"]
    two = effects.groupby("group", sort=False)["branch"].transform("nunique") == 2
    first = effects[two].groupby(["group", "source", "index"], sort=False).head(1)
    if first.empty:
        return Gap("no two branches that stand alone beside each other were measured", failed=False)
    rows, strongest = [], []
    for (group, source), part in first.groupby(["group", "source"], sort=False):
        names = list(dict.fromkeys(effects.loc[effects["group"] == group, "branch"]))
        place = f"<code>{escape(str(group))}</code>, {escape(' and '.join(names))}, {SOURCES[str(source)]}"
        rows.append(f'<tr><th colspan="{len(HEADS)}" class="wb-source">{place}</th></tr>')
        rows += [_row(enriched, row) for row in part.to_dict("records")]
        least = part.sort_values("p").iloc[0]
        strongest.append(
            f"{group} {SOURCES[str(source)]}, {enriched.index(least['index'], str(source))}: {_area(least)}"
        )
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = (
        '<div class="wb-scroll" tabindex="0"><table class="wb-enrichment wb-towers">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    small = int(first["q"].map(marked).sum())
    caption = (
        f"The two branches of {first['group'].nunique()} places of {escape(enriched.model.title)}: median of every index over the units"
        " of each, the chance that a unit of the first has the larger value than one of the second (AUC, ties half, 95&nbsp;%"
        " interval over units, the wider of DeLong's and Newcombe's), two-sided Mann–Whitney p, and q over all"
        f" {number_text(enriched.result.tests.effects)} tests of the network (Benjamini–Hochberg). {small} of the"
        f" {len(first)} have q ≤ 0.05. {_kernels(first)} Dead units and units"
        f" without the index are left out.{enriched.copies_text}"
    )
    alt = f"Table of {len(first)} indices; in each place that with the smallest p: {'; '.join(strongest)}."
    columns = ["group", "kind", "source", "index", "median_in", "median_out", "auc", "low", "high", "p", "q"]
    columns += ["units_in", "units_out", "untrained_auc", "untrained_sd", "untrained_p"]
    return Drawing(
        caption, alt, first[columns].round(dict.fromkeys(("auc", "low", "high"), 4)), body=body, width="wide"
    )


def _kernels(first: pd.DataFrame) -> str:
    unequal = first.loc[first["same_kernel"].str.startswith("no other"), "group"].unique()
    if not len(unequal):
        return "Both branches have kernels of one size, so that it explains nothing here."
    places = ", ".join(f"<code>{escape(str(name))}</code>" for name in unequal)
    return f"Kernel size is a confounder in {places}, where the branches differ in it."


def _area(row: Mapping[str, Any]) -> str:
    return f"AUC {fixed_text(row['auc'])} ({fixed_text(row['low'])} to {fixed_text(row['high'])}), p {p_text(row['p'])}"


def _row(enriched: Enriched, row: Mapping[str, Any]) -> str:
    area = f"<b>{fixed_text(row['auc'])}</b>" if marked(row["q"]) else fixed_text(row["auc"])
    spread = (
        "–"
        if pd.isna(row["untrained_auc"])
        else f"{fixed_text(row['untrained_auc'])} ± {fixed_text(row['untrained_sd'])}"
    )
    cells = (
        number_text(round(row["median_in"], 3) if not pd.isna(row["median_in"]) else None),
        number_text(round(row["median_out"], 3) if not pd.isna(row["median_out"]) else None),
        f"{area} ({fixed_text(row['low'])} to {fixed_text(row['high'])})",
        p_text(row["p"]),
        p_text(row["q"]),
        spread,
        p_text(row["untrained_p"]),
    )
    title = escape(enriched.index(row["index"], row["source"]))
    return f'<tr><th scope="row">{title}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


FIGURES = (
    Figure("tower-table", draw, "two branches side by side", of="model", options=("group", "kind"), example=towers),
)
