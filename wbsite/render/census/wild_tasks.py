"""Banding of the late layers by task, a dot a network."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text, number_text
from wbsite.results.site import Gap

from ._networks import POOLED, TASKS, first_trainings, opened

ROW = 44
"""Pixels a task."""

BESIDE = 0.3
"""Of a row, by which dots are moved apart up and down, in turn."""

PLACES = 5
"""Heights within a row that dots take in turn."""

COLOURS = {"rows and columns": INDEX, "rows": SERIES[1], "columns": SERIES[3], "nothing": SERIES[0]}


def draw(scene: Scene) -> Drawing | Gap:
    """A row a task, those with most networks first."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(first_trainings(census.networks))
    if table.empty:
        return Gap("no network of the census has late layers whose banding is defined", failed=False)
    order = list(table["task"].value_counts().index)
    table["row"] = table["task"].map(order.index) + BESIDE * (
        table.groupby("task").cumcount() % PLACES - PLACES // 2
    ) / (PLACES // 2)
    height = ROW * len(order)
    means = {name: group["late_index"].mean() for name, group in table.groupby("task")}
    apart = f"from {fixed_text(min(means.values()))} to {fixed_text(max(means.values()))}"
    within = table.groupby("task")["late_index"].agg(lambda h: h.max() - h.min()).median()
    return Drawing(
        "Mean H of the last quarter of a network's layers, chance at 0. Its colour says what is averaged away before the"
        " answer.",
        f"Dot plot of {len(table)} networks in {len(order)} tasks; means of tasks go {apart}.",
        table.round(9),
        specification(_chart(table, order), height),
        width="wide",
        height=height,
        finding=f"Networks of one task differ by {fixed_text(within)} of H, as a median over tasks; means of tasks go {apart}.",
        method=f"{counted(len(table), 'trained network')} whose order of layers is known; files of weights alone are left out,"
        " and layers that read the picture itself do not count. Dots are moved up and down within a row to keep them apart."
        " Networks of one package and one family lie close together; a row is no sample of independent networks.",
    )


def table_of(networks: pd.DataFrame) -> pd.DataFrame:
    """A row for each network whose late layers have an H."""
    kept = networks[networks["late_index"].notna() & ~networks["weights_alone"]]
    table = kept[["network", "title", "package", "task", "pooled", "layers", "late_index"]].reset_index(drop=True)
    table["task"], table["pooled"] = table["task"].map(TASKS), table["pooled"].map(POOLED)
    return table.sort_values(["task", "late_index"], ignore_index=True)


def _chart(table: pd.DataFrame, order: list[str]) -> Any:
    import altair as alt

    names = [f"{name} ({number_text(int((table['task'] == name).sum()))})" for name in order]
    axis = alt.Axis(
        values=list(range(len(order))), labelExpr=f"{literal(names)}[datum.value]", grid=False, ticks=False, domain=False,
        labelLimit=240,
    )  # fmt: skip
    y = alt.Y(
        "row:Q", title=None, axis=axis, scale=alt.Scale(domain=[-0.6, len(order) - 0.4], reverse=True, nice=False)
    )
    x = alt.X("late_index:Q", title="H of late layers, vertical bands left, horizontal ones right")
    present = [name for name in COLOURS if name in set(table["pooled"])]
    scale = alt.Scale(domain=present, range=[COLOURS[name] for name in present])
    legend = alt.Legend(title="averaged away", orient="top", columns=4)
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("package:N"),
        alt.Tooltip("late_index:Q", format=".3f", title="H"),
        alt.Tooltip("layers:Q", title="layers"),
        alt.Tooltip("pooled:N", title="averaged away"),
    ]
    zero = alt.Chart(data()).mark_rule(color=NEUTRAL).encode(x=alt.X(datum=0))
    dots = (
        alt.Chart(data())
        .mark_point(filled=True, size=62, opacity=0.85)
        .encode(x=x, y=y, color=alt.Color("pooled:N", scale=scale, legend=legend), tooltip=tips)
    )
    return alt.layer(zero, dots)


FIGURES = (Figure("wild-tasks", draw, "banding by task", of="site"),)
