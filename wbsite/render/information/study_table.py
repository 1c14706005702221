"""Table of a study's configurations: what differs, runs that lived, accuracy, information and compression by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.results.site import Gap

from ._plane_parts import (
    absent_text,
    chosen_estimator,
    estimator_titles,
    interval_text,
    lived,
    mean_interval,
    measured_text,
    nothing,
    shown,
)
from ._planes import alive, layers_of, measured

Numbers = tuple[float, float, float]

HINT = '<p class="wb-scroll-hint" aria-hidden="true">The table scrolls sideways →</p>'


def draw(scene: Scene) -> Drawing | Gap:
    """A row a configuration, and below what they share."""
    both = measured(scene)
    if isinstance(both, Gap):
        return both
    trajectories, plane = both
    chosen, missing = shown(scene, trajectories)
    if not chosen:
        return nothing(missing)
    token = chosen_estimator(scene, plane)
    table = table_rows(chosen, trajectories, plane, token)
    hidden = layers_of(chosen)[:-1]
    numbers = ["train_accuracy", "test_accuracy", "final_xt", "final_ty", *hidden]
    parts = []
    for row in table.to_dict("records"):
        cells = [_cell(_numbers(row, name), percent=name.endswith("accuracy")) for name in numbers]
        cells.insert(0, f"{row['alive']} of {row['runs']}")
        cells = [f"<td>{cell}</td>" for cell in cells]
        parts.append(f'<tr><th scope="row">{escape(str(row["title"]))}</th>{"".join(cells)}</tr>')
    body = (
        f'{HINT}<div class="wb-scroll wb-lab-scroll wb-study" tabindex="0"><table class="wb-experiments">'
        f"<thead>{_head(hidden)}</thead><tbody>{''.join(parts)}</tbody></table></div>"
        f'<p class="wb-common">{common_text(trajectories.values["common"])}</p>'
    )
    counts = {of["token"]: of["seeds"] for of in plane.values["estimators"]}
    few = f" ({counts[token]} seeds)" if counts[token] < len(trajectories.values["seeds"]) else ""
    caption = (
        "Every configuration at the end of training: means over the runs that lived, with 95 % Student t intervals over seeds in"
        " brackets (none for a single run). Information in bits, estimated by"
        f" {escape(estimator_titles(plane)[token])}{few}, at most {plane.values['cap']:.3g} for I(X;T) and"
        f" {plane.values['label_entropy']:.3f}, the entropy of the labels, for I(T;Y). Compression is the largest I(X;T) over"
        f" the recorded epochs minus the last. Data: {measured_text(trajectories)}.{absent_text(missing)}"
    )
    told = [
        f"{row['title']}: {row['alive']} of {row['runs']} runs lived, test accuracy"
        f" {interval_text(_numbers(row, 'test_accuracy'), percent=True)}"
        for row in table.to_dict("records")
    ]
    alt = f"Table of {len(table)} configuration{'s' if len(table) > 1 else ''}. {'; '.join(told)}."
    return Drawing(caption, alt, table, body=body, width="full")


def table_rows(chosen: Sequence[Mapping[str, Any]], trajectories: Entry, plane: Entry, token: str) -> pd.DataFrame:
    """One row a configuration: name, title, alive, runs, and of each number the mean, NAME_low and NAME_high: accuracies,
    `final_xt` and `final_ty` of the last hidden layer, and under each hidden layer's name its compression."""
    runs, final = trajectories.table("runs"), plane.table("final")
    runs, final = runs[lived(trajectories, runs)], final[final["estimator"] == token]
    counts = alive(trajectories)
    rows = []
    for of in chosen:
        *hidden, _ = of["layers"]
        own = runs[runs["configuration"] == of["name"]]
        layers = final[final["configuration"] == of["name"]].set_index("layer")
        values = {name: own[name] for name in ("train_accuracy", "test_accuracy")}
        values |= {name: layers.loc[layers.index == hidden[-1], name] for name in ("final_xt", "final_ty")}
        values |= {name: layers.loc[layers.index == name, "compression"] for name in hidden}
        numbers = {
            f"{name}{end}": number
            for name, column in values.items()
            for end, number in zip(("", "_low", "_high"), mean_interval(column), strict=True)
        }
        living, count = counts[of["name"]]
        rows.append({"configuration": of["name"], "title": of["title"], "alive": living, "runs": count, **numbers})
    return pd.DataFrame(rows).round(4)


def common_text(common: Mapping[str, Any]) -> str:
    """What all configurations share, as a sentence (HTML)."""

    def said(value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value is None:
            return "none"
        return (
            "-".join(map(str, value))
            if isinstance(value, list)
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )

    # "as initialised" rather than none: the initialisation sets a bias where the study does not.
    renamed = {**common, **({"initial bias": "as initialised"} if common.get("initial bias", 0) is None else {})}
    told = [f"{escape(name)} {escape(said(value).replace('_', ' '))}" for name, value in renamed.items()]
    return f"In all of them: {'; '.join(told)}." if told else ""


def _head(hidden: Sequence[str]) -> str:
    """Two rows: what is measured, and where (HTML)."""
    groups = {
        "Accuracy": ("training", "test"),
        "Last hidden layer, bits": ("I(X;T)", "I(T;Y)"),
        "Compression, bits": hidden,
    }
    above = "".join(f'<th scope="colgroup" colspan="{len(of)}">{name}</th>' for name, of in groups.items())
    below = "".join(f'<th scope="col">{escape(name)}</th>' for of in groups.values() for name in of)
    first = "".join(f'<th scope="col" rowspan="2">{name}</th>' for name in ("Configuration", "Runs lived"))
    return f"<tr>{first}{above}</tr><tr>{below}</tr>"


def _numbers(row: Mapping[str, Any], name: str) -> Numbers:
    nan = float("nan")
    return row.get(name, nan), row.get(f"{name}_low", nan), row.get(f"{name}_high", nan)


def _cell(numbers: Numbers, percent: bool) -> str:
    """A mean with its interval below it."""
    middle, _, interval = interval_text(numbers, percent).partition(" (")
    return f"{middle}<small>({interval}</small>" if interval else middle


FIGURES = (
    Figure("study-table", draw, "the table of configurations", of="site", options=("configurations", "estimator")),
)
