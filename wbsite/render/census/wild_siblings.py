"""The same architecture trained again, by other people or on other data: does it end as banded?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_expression
from wbsite.render.text import counted, fixed_text
from wbsite.results.site import Gap

from ._networks import first_trainings, opened

ROW = 30


def draw(scene: Scene) -> Drawing | Gap:
    """A row an architecture with several trainings, a dot and interval a training."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(first_trainings(census.networks))
    if table.empty:
        return Gap("no architecture is in the census with several trainings", failed=False)
    families = table.groupby("architecture")["last_weights"].agg(["min", "max", "mean"])
    apart = families["max"] - families["min"]
    between = families["mean"].max() - families["mean"].min()
    height = ROW * len(families)
    return Drawing(
        "H of the last layer with rows and columns, a dot a training, with its 95 % interval over units. A row is one"
        " architecture.",
        f"Dot plot of {len(table)} trainings of {len(families)} architectures.",
        table.round(9),
        specification(_chart(families), height),
        width="wide",
        height=height,
        finding=f"Trainings of one architecture differ by {fixed_text(apart.median())} of H, as a median over"
        f" {counted(len(families), 'architecture')}; architectures differ by up to {fixed_text(between)}.",
        method="H on full weights, bootstrap over units. An architecture is one word of a manifest, for networks that differ by"
        " size, version or training alone; of files with the same trained weights the first counts. Sizes of one family are"
        " not told apart here, so a row holds more than the luck of a seed.",
    )


def table_of(networks: pd.DataFrame) -> pd.DataFrame:
    """Rows of architectures that occur more than once, the most banded first."""
    columns = ["architecture", "network", "title", "package", "last_layer", "last_weights", "last_low", "last_high"]
    table = networks.loc[networks["last_weights"].notna(), columns]
    several = table["architecture"].map(table["architecture"].value_counts()) > 1
    table = table[several].rename(columns={"last_low": "low", "last_high": "high"})
    order = table.groupby("architecture")["last_weights"].transform("mean")
    return (
        table.assign(mean=order)
        .sort_values(["mean", "architecture", "last_weights"], ascending=False)
        .reset_index(drop=True)
    )


def _chart(families: pd.DataFrame) -> Any:
    import altair as alt

    order = list(families.sort_values("mean", ascending=False).index)
    y = alt.Y("architecture:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=260))
    base = alt.Chart(data()).transform_calculate(interval=interval_expression())
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("package:N"),
        alt.Tooltip("last_layer:N", title="layer"),
        alt.Tooltip("last_weights:Q", format=".3f", title="H"),
        alt.Tooltip("interval:N", title="95 % interval"),
    ]
    zero = alt.Chart(data()).mark_rule(color=NEUTRAL).encode(x=alt.X(datum=0))
    whiskers = base.mark_rule(opacity=0.55, color=INDEX).encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    dots = base.mark_point(filled=True, size=55, opacity=0.85, color=INDEX).encode(
        x=alt.X("last_weights:Q", title="H of the last layer"), y=y, tooltip=tips
    )
    return alt.layer(zero, whiskers, dots)


FIGURES = (Figure("wild-siblings", draw, "trainings of one architecture", of="site"),)
