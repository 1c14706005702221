"""Table of every experiment of a suite: seeds, accuracy, banding index of the last two layers, difference from the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_text, seeds_text
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._laboratory import HEADINGS, Laboratory, layer_names

NUMBERS = ["index", "low", "high", "difference", "difference_low", "difference_high"]
ACCURACY = ["accuracy", "accuracy_low", "accuracy_high"]
PLACES = ("before", "last")
"""In the order of the network, as columns."""

BODY = Markup(
    '<div class="wb-scroll wb-lab-scroll" tabindex="0"><table class="wb-experiments">'
    "<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
)
COLUMN = Markup('<th scope="col">{}</th>')
GROUP = Markup('<tr class="wb-group"><th scope="colgroup" colspan="{}"><span>{}</span></th></tr>')


def table_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """One row an experiment, in the order of the suite: what stands in the table, for both layers."""
    key = ["setting", "group", "experiment", "title", "order", "seeds", *ACCURACY]
    table = summary[summary["place"] == "last"].sort_values("order", kind="stable")[key]
    for place in PLACES:
        layers = summary[summary["place"] == place].set_index("experiment")[["layer", *NUMBERS]]
        table = table.join(layers.add_prefix(f"{place}_"), on="experiment")
    return table.drop(columns="order").reset_index(drop=True)


def draw(scene: Scene) -> Drawing | Gap:
    """The table of a setting, with a heading for each group."""
    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return laboratory
    summary = laboratory.summary
    table = table_rows(summary)
    names = layer_names(summary[summary["group"] != "architecture"])
    heads = ["Experiment", "Seeds", "Test accuracy"]
    for place in PLACES:
        name = names.get(place) or {"before": "before last", "last": "last"}[place]
        heads += [f"H({name})", "minus baseline"]
    lines, group = [], None
    for row in table.to_dict("records"):
        if row["group"] != group:
            group = row["group"]
            lines.append(GROUP.format(len(heads), HEADINGS.get(group, group)))
        lines.append(_row(row))
    body = BODY.format(head=Markup().join(map(COLUMN.format, heads)), rows=Markup().join(lines))
    caption = "Accuracy, and the banding index H of the last convolution and of the one before it, on full weights."
    method = html(
        "{} an experiment, networks {}. Means over seeds with 95 % Student t intervals in"
        " brackets (none for a single seed). Differences are experiment minus baseline with Welch's interval; an"
        " architecture is compared with its own baseline. Nothing is corrected for the number of comparisons.",
        seeds_text(table),
        laboratory.setup_text,
    )
    last = table.set_index("experiment")
    texts = [
        f"{row['title']} {interval_text(row, *(f'last_{name}' for name in NUMBERS[:3]))}"
        for name, row in last.to_dict("index").items()
        if row["group"] == "main"
    ]
    alt = f"Table of {len(table)} experiments. H of the last convolution: {'; '.join(texts)}."
    return Drawing(caption, alt, table, body=body, width="full", finding=_finding(laboratory), method=method)


def _finding(laboratory: Laboratory) -> str:
    """How many experiments are more or less accurate than their baseline, beyond what seeds explain."""
    differences = [experiment.accuracy_difference for experiment in laboratory.experiments.values()]
    certain = [difference for difference in differences if difference.excludes_zero is not None]
    if not certain:
        return "With one training of each, no experiment can be told from the baseline in accuracy."
    higher, lower = sum(d.positive for d in certain), sum(d.negative for d in certain)
    return (
        f"Of {len(certain)} experiments, {higher or 'none'} {'raise' if higher > 1 else 'raises'} the accuracy beyond what seeds"
        f" explain, and {lower or 'none'} {'lower' if lower > 1 else 'lowers'} it."
    )


def _row(row: Mapping[str, Any]) -> Markup:
    cells = [row["seeds"], _cell(row, ACCURACY, percent=True)]
    for place in PLACES:
        names = [f"{place}_{name}" for name in NUMBERS]
        cells += [_cell(row, names[:3]), _cell(row, names[3:], signed=True)]
    columns = Markup().join(map(Markup("<td>{}</td>").format, cells))
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(row["title"], columns)


def _cell(row: Mapping[str, Any], names: Sequence[str], percent: bool = False, signed: bool = False) -> Markup:
    """A mean with its interval below it, from the columns of these names."""
    middle, low, high = names

    def text(value: float) -> str:
        if percent:
            return f"{100 * value:.1f}"
        return ("+" if signed and round(value, 3) > 0 else "") + share_text(value)

    if math.isnan(row[middle]):
        return Markup("–")
    unit = " %" if percent else ""
    interval = (
        "" if math.isnan(row[low]) else Markup("<small>({} to {})</small>").format(text(row[low]), text(row[high]))
    )
    return Markup("{}{}{}").format(text(row[middle]), unit, interval)


FIGURES = (Figure("experiments-table", draw, "the table of all experiments", of="site", options=("setting",)),)
