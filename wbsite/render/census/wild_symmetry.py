"""Are kernels of late layers their own mirror images, left–right and up–down?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

from ._networks import TASKS, first_trainings, opened

LATE = 0.75
"""Place from which layers count as late, as for the hypotheses."""

HEIGHT = 380


def draw(scene: Scene) -> Drawing | Gap:
    """A dot a network: what its late layers' symmetry under either flip is beyond that of independent weights."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(census)
    if table.empty:
        return Gap("no network of the census has late layers with a symmetry", failed=False)
    mirrored = int((table["left_right"] > table["up_down"]).sum())
    both = float(table["left_right"].mean()), float(table["up_down"].mean())
    return Drawing(
        "A dot is a network: symmetry of its late kernels under both flips, beyond chance. On the dashed line"
        " both are alike.",
        f"Scatter plot of {len(table)} networks; means {fixed_text(both[0])} across and {fixed_text(both[1])} up.",
        table.round(9),
        specification(_chart(), HEIGHT),
        height=HEIGHT,
        finding=f"In {mirrored} of {len(table)} networks late kernels are more symmetric from left to right than from top to"
        " bottom.",
        method=f"{counted(len(table), 'trained network')} whose order of layers is known; mean over the last quarter of its layers"
        " with rows and columns, without layers that read the picture. Symmetry is the correlation of centred kernels with"
        " their mirror images, summed over a layer, from −1 to 1; the expectation for independent weights of the same shape is"
        " taken away. A layer with horizontal bands is symmetric from left to right by its bands alone.",
    )


def table_of(census: Census) -> pd.DataFrame:
    """A row a network."""
    networks = first_trainings(census.networks)
    networks = networks[~networks["weights_alone"]].set_index("network")
    rows = census.rows[census.rows["network"].isin(networks.index) & (census.rows["place"] >= LATE)]
    rows = rows[~rows["reads_input"] & rows["left_right"].notna() & rows["up_down"].notna()]
    beyond = rows.assign(
        left_right=rows["left_right"] - rows["left_right_null"], up_down=rows["up_down"] - rows["up_down_null"]
    )
    means = beyond.groupby("network")[["left_right", "up_down", "index"]].mean()
    table = means.join(networks[["title", "package", "task"]]).reset_index()
    return table.assign(task=table["task"].map(TASKS))


def _chart() -> Any:
    import altair as alt

    line = alt.Chart(alt.InlineData(values=[{"x": end, "y": end} for end in (-0.6, 1.0)])).mark_line(
        color=NEUTRAL, strokeDash=[4, 4], strokeWidth=1.2, clip=True
    )
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("task:N"),
        alt.Tooltip("left_right:Q", format=".2f", title="left–right"),
        alt.Tooltip("up_down:Q", format=".2f", title="up–down"),
        alt.Tooltip("index:Q", format=".2f", title="H"),
    ]
    x = alt.X("left_right:Q", title="symmetry left–right, beyond chance")
    y = alt.Y("up_down:Q", title="symmetry up–down, beyond chance")
    dots = (
        alt.Chart(data()).mark_point(filled=True, size=60, opacity=0.8, color=SERIES[0]).encode(x=x, y=y, tooltip=tips)
    )
    return alt.layer(line.encode(x="x:Q", y="y:Q"), dots)


FIGURES = (Figure("wild-symmetry", draw, "symmetries of late kernels", of="site"),)
