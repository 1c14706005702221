"""Table of every experiment of the branch laboratory: seeds, parting against chance, when, and accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_text, seeds_text
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._branch_runs import HEADINGS, Lab

COLUMNS = {"chroma": "chroma", "frequency beyond colour": "beyond"}
"""Property → how its columns begin."""

NUMBERS = [
    *("share", "low", "high", "split", "split_low", "split_high", "difference", "difference_low", "difference_high"),
    *("parting", "above_from"),
]
ACCURACY = [f"{name}{end}" for name in ("accuracy", "accuracy_difference") for end in ("", "_low", "_high")]
HEADS = (
    *("Experiment", "Seeds", "η² chroma", "split<br>at random", "difference", "seeds beyond<br>chance"),
    *("above chance<br>from epoch", "η² frequency<br>beyond colour", "seeds beyond<br>chance"),
    *("Test accuracy", "minus<br>undivided"),
)


def table_rows(summary: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row an experiment and data set, in the order of the suite."""
    key = ["setting", "experiment"]
    about = summary[summary["property"] == "chroma"].sort_values(["setting", "order"], kind="stable")
    table = about[[*key, "group", "title", "branches", "seeds", *ACCURACY]]
    for name, short in COLUMNS.items():
        columns = summary[summary["property"] == name].set_index(key)[NUMBERS].add_prefix(f"{short}_")
        table = table.join(columns, on=key)
    table.insert(1, "dataset", table["setting"].map(labels))
    return table.round(4).reset_index(drop=True)


def draw(scene: Scene) -> Drawing | Gap:
    """The table, with a heading for each data set and group."""
    lab = Lab.of(scene)
    if isinstance(lab, Gap):
        return lab
    summary = lab.rows(lab.result.summary)
    table = table_rows(summary, lab.datasets)
    head = "".join(f'<th scope="col">{text}</th>' for text in HEADS)
    parts, group = [], None
    for row in table.to_dict("records"):
        if (row["setting"], row["group"]) != group:
            group = (row["setting"], row["group"])
            title = HEADINGS.get(row["group"], row["group"])
            title = f"{row['dataset']}: {title}" if len(lab.settings) > 1 else title
            parts.append(
                f'<tr class="wb-group"><th scope="colgroup" colspan="{len(HEADS)}"><span>{escape(title)}</span></th></tr>'
            )
        parts.append(_row(row))
    body = (
        '<div class="wb-scroll wb-lab-scroll" tabindex="0"><table class="wb-experiments">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(parts)}</tbody></table></div>"
    )
    caption = (
        f"Every experiment, {seeds_text(table)} each, networks {lab.setup}. η² is the share of the ranks' variance, of chroma"
        " or of what a line through the ranks of chroma leaves of frequency, that lies between the branches of the first"
        " layer: means over seeds with 95 % Student t intervals in brackets (none for a single seed). Split at random:"
        " the mean of η² when units of the undivided network, trained on the same pictures, are assigned to as many branches,"
        " and the range of 95 % of such deals; the difference from it has Welch's interval. A seed is beyond chance where"
        f" p ≤ 0.05 in {lab.result.draws} permutations of its own units; one in twenty would be by chance. From an epoch on: the mean over"
        " seeds stays above the 95 % limit of chance until the end. Accuracy on test pictures is held against the undivided"
        " network's. No correction is made for the number of comparisons."
    )
    descriptions = [
        f"{row['title']} on {row['dataset']} {interval_text(_part(row, 'chroma'), 'share')},"
        f" {row['chroma_parting']:.0f} of {row['seeds']} seeds beyond chance"
        for row in table.to_dict("records")
        if row["branches"] > 1
    ]
    alt = (
        f"Table of {len(table)} experiments. Parting in chroma: {'; '.join(descriptions) or 'no network in branches'}."
    )
    return Drawing(caption, alt, table, body=body, width="full")


def _part(row: Mapping[str, Any], short: str) -> dict[str, Any]:
    return {name.removeprefix(f"{short}_"): value for name, value in row.items() if name.startswith(f"{short}_")}


def _row(row: Mapping[str, Any]) -> str:
    chroma, beyond, accuracy = _part(row, "chroma"), _part(row, "beyond"), _part(row, "accuracy")
    accuracy["accuracy"] = row["accuracy"]
    cells = [
        str(row["seeds"]),
        _cell(chroma, "share", ""),
        _cell(chroma, "split", "split_"),
        _cell(chroma, "difference", "difference_", signed=True),
        _seeds(chroma, row["seeds"]),
        "–" if math.isnan(chroma["above_from"]) else f"{chroma['above_from']:g}",
        _cell(beyond, "share", ""),
        _seeds(beyond, row["seeds"]),
        _cell(accuracy, "accuracy", "", percent=True),
        _cell(accuracy, "difference", "difference_", percent=True, signed=True),
    ]
    return f'<tr><th scope="row">{escape(str(row["title"]))}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _seeds(part: Mapping[str, Any], seeds: int) -> str:
    return "–" if math.isnan(part["parting"]) else f"{part['parting']:.0f} of {seeds}"


def _cell(part: Mapping[str, Any], middle: str, ends: str, percent: bool = False, signed: bool = False) -> str:
    """A number with its bounds below it."""

    def text(value: float) -> str:
        sign = "+" if signed and round(value, 3) > 0 else ""
        return sign + (f"{100 * value:.1f}".replace("-", "−") if percent else share_text(value))

    if math.isnan(part[middle]):
        return "–"
    low, high = part[f"{ends}low"], part[f"{ends}high"]
    interval = "" if math.isnan(low) else f"<small>({text(low)} to {text(high)})</small>"
    return f"{text(part[middle])}{' %' if percent else ''}{interval}"


FIGURES = (Figure("branch-lab", draw, "the table of the branch laboratory", of="site", options=("setting",)),)
