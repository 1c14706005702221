"""Table of a study's configurations: what differs, runs that lived, accuracy, information and compression by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
from markupsafe import Markup

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import interval_text
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import ConfigurationRecord, Setting, Trajectories
from wbsite.results.site import Gap
from wbsite.stats.intervals import Interval, t_interval

from ._html import scrolling_table
from ._plane_parts import (
    absent_text,
    chosen_configurations,
    chosen_estimator,
    measured_text,
    nothing_to_draw,
    percent_mean,
)
from ._planes import colours_by_layer, measured

ACCURACIES = ("train_accuracy", "test_accuracy")


def draw(scene: Scene) -> Drawing | Gap:
    """A row a configuration, and below what they share."""
    results = measured(scene)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    chosen, missing = chosen_configurations(scene, trajectories)
    if not chosen:
        return nothing_to_draw(missing)
    token = chosen_estimator(scene, plane)
    table = table_rows(chosen, trajectories, plane, token)
    *hidden, _ = colours_by_layer(chosen)
    rows = [
        (row["title"], [f"{row['alive']} of {row['runs']}", *(_cell(row, name) for name in (*COLUMNS, *hidden))])
        for row in table.to_dict("records")
    ]
    common = Markup('<p class="wb-common">{}</p>').format(common_text(trajectories.common))
    body = scrolling_table("", _head(hidden), rows) + common
    seeds = {estimator.token: estimator.seeds for estimator in plane.estimators}[token]
    few = f" ({seeds} seeds)" if seeds < len(trajectories.seeds) else ""
    caption = (
        "Every configuration at the end of training: means over the runs that lived, with 95 % Student t intervals over seeds in"
        " brackets (none for a single run). Information in bits, estimated by"
        f" {escape(plane.titles[token])}{few}, at most {plane.cap:.3g} for I(X;T) and"
        f" {plane.label_entropy:.3f}, the entropy of the labels, for I(T;Y). Compression is the largest I(X;T) over"
        f" the recorded epochs minus the last. Data: {measured_text(trajectories)}.{absent_text(missing)}"
    )
    texts = [
        f"{row['title']}: {row['alive']} of {row['runs']} runs lived, test accuracy {percent_mean(_mean(row, 'test_accuracy'))}"
        for row in table.to_dict("records")
    ]
    alt = f"Table of {len(table)} configuration{'s' if len(table) > 1 else ''}. {'; '.join(texts)}."
    return Drawing(caption, alt, table, body=str(body), width="full")


def table_rows(
    chosen: Sequence[ConfigurationRecord], trajectories: Trajectories, plane: InformationPlane, token: str
) -> pd.DataFrame:
    """One row a configuration: name, title, alive, runs, and of each number the mean, NAME_low and NAME_high:
    accuracies, `final_xt` and `final_ty` of the last hidden layer, and under each hidden layer's name its
    compression."""
    runs = trajectories.runs[trajectories.lived(trajectories.runs)]
    final = plane.final[plane.final["estimator"] == token]
    rows = []
    for each in chosen:
        of_name = runs[runs["configuration"] == each.name]
        layers = final[final["configuration"] == each.name].set_index("layer")
        values = {name: of_name[name] for name in ACCURACIES}
        values |= {name: layers.loc[layers.index == each.hidden[-1], name] for name in ("final_xt", "final_ty")}
        values |= {name: layers.loc[layers.index == name, "compression"] for name in each.hidden}
        numbers = {
            f"{name}{end}": number
            for name, column in values.items()
            for end, number in zip(("", "_low", "_high"), t_interval(column), strict=True)
        }
        count = trajectories.run_counts[each.name]
        about = {"configuration": each.name, "title": each.title, "alive": count.lived, "runs": count.runs}
        rows.append({**about, **numbers})
    return pd.DataFrame(rows).round(4)


def common_text(common: Mapping[str, Setting]) -> str:
    """What all configurations share, as a sentence; "" where they share nothing."""
    # "as initialised" rather than none: the initialisation sets a bias where the study does not.
    renamed = {**common, **({"initial bias": "as initialised"} if common.get("initial bias", 0) is None else {})}
    texts = [f"{name} {_setting_text(setting).replace('_', ' ')}" for name, setting in renamed.items()]
    return f"In all of them: {'; '.join(texts)}." if texts else ""


def _setting_text(setting: Setting) -> str:
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    if setting is None:
        return "none"
    if isinstance(setting, list):
        return "-".join(map(str, setting))
    return f"{setting:g}" if isinstance(setting, float) else str(setting)


COLUMNS = (*ACCURACIES, "final_xt", "final_ty")


def _head(hidden: Sequence[str]) -> Markup:
    """Two rows: what is measured, and where."""
    groups = {
        "Accuracy": ("training", "test"),
        "Last hidden layer, bits": ("I(X;T)", "I(T;Y)"),
        "Compression, bits": hidden,
    }
    first = Markup("").join(
        Markup('<th scope="col" rowspan="2">{}</th>').format(n) for n in ("Configuration", "Runs lived")
    )
    above = Markup("").join(
        Markup('<th scope="colgroup" colspan="{}">{}</th>').format(len(names), group) for group, names in groups.items()
    )
    below = Markup("").join(
        Markup('<th scope="col">{}</th>').format(name) for names in groups.values() for name in names
    )
    return Markup("<tr>{}{}</tr><tr>{}</tr>").format(first, above, below)


def _mean(row: Mapping[str, float], name: str) -> Interval:
    nan = float("nan")
    return Interval(row.get(name, nan), row.get(f"{name}_low", nan), row.get(f"{name}_high", nan))


def _cell(row: Mapping[str, float], name: str) -> Markup:
    """A mean with its interval below it."""
    mean = _mean(row, name)
    middle, _, interval = (percent_mean(mean) if name in ACCURACIES else interval_text(mean)).partition(" (")
    return Markup("{}<small>({}</small>").format(middle, interval) if interval else Markup("{}").format(middle)


FIGURES = (
    Figure("study-table", draw, "the table of configurations", of="site", options=("configurations", "estimator")),
)
