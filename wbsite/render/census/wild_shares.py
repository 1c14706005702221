"""What rows and columns explain of the last kernels: a dot a network."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, percent_text
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

from ._networks import BANDED, TASKS, first_trainings, opened

COLOURS = {"horizontal": INDEX, "vertical": SERIES[1], "none": SERIES[0], "undecided": NEUTRAL}
HEIGHT = 400


def draw(scene: Scene) -> Drawing | Gap:
    """Row share against column share."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(census)
    if table.empty:
        return Gap("no network of the census has a last layer whose shares are defined", failed=False)
    beyond = int((table["together"] > table["chance"]).sum())
    return Drawing(
        "On the dashed line they explain all; the cross is what independent 3×3 weights have.",
        f"Scatter plot of {len(table)} networks by row share and column share of their last layer.",
        table.round(9),
        specification(_chart(table), HEIGHT),
        height=HEIGHT,
        finding=f"In {beyond} of {len(table)} networks rows and columns together explain more of the last kernels than chance would,"
        f" {percent_text(float(table['together'].median()))} as a median.",
        method=f"{counted(len(table), 'trained network')}, full weights; of files of weights alone the last layer in the file. Chance"
        " is the expectation for independent weights of the kernel's shape, half for 3×3. A kernel that is the sum of a profile"
        " down its rows and one along its columns lies on the dashed line, whether it has bands or not: a spot that fades evenly"
        " does. H is the difference of the two shares, and says nothing of their sum. This was not asked beforehand.",
    )


def table_of(census: Census) -> pd.DataFrame:
    """A row a network."""
    networks = first_trainings(census.networks).set_index("network")
    rows = census.rows[(census.rows["place"] == 1) & census.rows["network"].isin(networks.index)]
    rows = rows[rows["row_share"].notna()][["network", "layer", "shape", "row_share", "column_share", "index"]]
    sides = rows["shape"].str.split("×").map(lambda parts: (int(parts[2]), int(parts[3])))
    table = rows.assign(
        together=rows["row_share"] + rows["column_share"],
        chance=[(kh + kw - 2) / (kh * kw - 1) for kh, kw in sides],
    )
    table = table.join(networks[["title", "task", "banded"]], on="network").reset_index(drop=True)
    return table.assign(task=table["task"].map(TASKS), banded=table["banded"].fillna("undecided").map(BANDED))


def _chart(table: pd.DataFrame) -> Any:
    import altair as alt

    def given(*points: tuple[float, float]) -> alt.Chart:
        return alt.Chart(alt.InlineData(values=[{"x": x, "y": y} for x, y in points])).encode(x="x:Q", y="y:Q")

    present = [word for word in COLOURS if BANDED[word] in set(table["banded"])]
    scale = alt.Scale(domain=[BANDED[word] for word in present], range=[COLOURS[word] for word in present])
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("task:N"),
        alt.Tooltip("shape:N"),
        alt.Tooltip("row_share:Q", format=".2f", title="R"),
        alt.Tooltip("column_share:Q", format=".2f", title="C"),
    ]
    whole = alt.Scale(domain=[0, 1])
    dots = (
        alt.Chart(data())
        .mark_point(filled=True, size=60, opacity=0.8)
        .encode(
            x=alt.X("column_share:Q", title="column share C", scale=whole),
            y=alt.Y("row_share:Q", title="row share R", scale=whole),
            color=alt.Color("banded:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=4)),
            tooltip=tips,
        )
    )
    line = given((0, 1), (1, 0)).mark_line(color=NEUTRAL, strokeDash=[4, 4], strokeWidth=1.2)
    chance = given((0.25, 0.25)).mark_point(shape="cross", filled=True, size=90, color=NEUTRAL, opacity=1)
    return alt.layer(line, chance, dots)


FIGURES = (Figure("wild-shares", draw, "rows and columns of the last kernels", of="site"),)
