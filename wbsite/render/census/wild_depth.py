"""Banding through every network of the census, from its first layer to its last: one of them chosen, the others grey."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

from ._networks import TASKS, first_trainings, opened

FEWEST = 5
"""Layers from which on a network is shown."""

HEIGHT = 340


def draw(scene: Scene) -> Drawing | Gap:
    """A line a network; the one with the most extreme late layers is chosen at first."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(census)
    if table.empty:
        return Gap("no network of the census that can be run has enough layers", failed=False)
    titles = list(table.groupby("title")["late_index"].first().sort_values(ascending=False).index)
    chosen = table.loc[table["late_index"].abs().idxmax(), "title"]
    ends = table.groupby("title")["late_index"].first()
    return Drawing(
        html(
            "H of every layer with rows and columns, chance at 0, by its place in the network. The network of the menu is in"
            " colour, at first {}.",
            chosen,
        ),
        f"Line chart of {len(titles)} networks; late H from {fixed_text(ends.min())} to {fixed_text(ends.max())}.",
        table.round(9),
        specification(_chart(titles, str(chosen)), HEIGHT),
        width="wide",
        height=HEIGHT,
        finding="Bands come in either direction, and not only in the last layer.",
        method=f"{counted(len(titles), 'trained network')} that can be run, with {FEWEST} layers or more; layers that read the"
        " picture itself are left out. H on full weights, against that of independent weights of the kernel's shape. Layers are"
        " in the order in which the network runs them.",
    )


def table_of(census: Census) -> pd.DataFrame:
    """A row a layer, of networks whose order of layers is known."""
    networks = first_trainings(census.networks)
    networks = networks[~networks["weights_alone"] & networks["late_index"].notna()].set_index("network")
    rows = census.rows[census.rows["network"].isin(networks.index) & ~census.rows["reads_input"]]
    rows = rows[rows["index_adjusted"].notna()][["network", "layer", "place", "index_adjusted", "shape"]]
    rows = rows[rows.groupby("network")["layer"].transform("size") >= FEWEST]
    table = rows.join(networks[["title", "task", "late_index"]], on="network").reset_index(drop=True)
    return table.assign(task=table["task"].map(TASKS))


def _chart(titles: list[str], chosen: str) -> Any:
    import altair as alt

    bind = alt.binding_select(options=titles, name="Network ")
    network = alt.param(name="network", value=chosen, bind=bind)
    x = alt.X("place:Q", title="place among the network's layers", scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("index_adjusted:Q", title="banding index H")
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("task:N"),
        alt.Tooltip("layer:N"),
        alt.Tooltip("shape:N"),
        alt.Tooltip("index_adjusted:Q", format=".3f", title="H"),
    ]
    base = alt.Chart(data())
    others = base.mark_line(color=NEUTRAL, opacity=0.28, strokeWidth=1).encode(x=x, y=y, detail="title:N")
    own = base.transform_filter("datum.title == network")
    line = own.mark_line(color=INDEX, strokeWidth=2.2).encode(x=x, y=y)
    dots = own.mark_point(color=INDEX, filled=True, size=48, opacity=1).encode(x=x, y=y, tooltip=tips)
    zero = base.mark_rule(color=NEUTRAL).encode(y=alt.Y(datum=0))
    return alt.layer(others, zero, line, dots).add_params(network)


FIGURES = (Figure("wild-depth", draw, "banding through every network", of="site"),)
