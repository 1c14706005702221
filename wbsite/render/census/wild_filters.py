"""The filters that read colour pictures, in all networks of the census that have some: colour against frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text, percent_text
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

from ._networks import first_trainings, opened

FEWEST = 8
"""Living filters from which on a network counts."""

SELECTIVE = 0.3
"""Orientation selectivity from which on an orientation counts."""

ALONG = 22.5
"""Degrees from an axis within which a filter counts as lying along it: by chance half of all do."""

LEVEL = 0.05
HEIGHT = 360


def draw(scene: Scene) -> Drawing | Gap:
    """A dot a network: medians of chroma and frequency; what its first factor goes with as colour."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = table_of(census)
    if table.empty:
        return Gap("no network of the census reads colour pictures with enough filters", failed=False)
    shares = table["along"].dropna()
    known = table[table["factor"] != "not known"]
    with_colour = int((known["factor"] == "goes with colour").sum())
    return Drawing(
        "A dot is a network's first layer: how colourful its filters are and how fine, by their medians."
        " Its colour says what the factor goes with.",
        f"Scatter plot of {len(table)} first layers by the median chroma and frequency of their filters.",
        table.round(9),
        specification(_chart(), HEIGHT),
        height=HEIGHT,
        finding=f"In {with_colour} of {len(known)} networks the strongest factor by which the next layer reads the first goes with colour.",
        method=f"{counted(len(table), 'trained network')} that read pictures in three channels with {FEWEST} living filters or more."
        " Chroma is the share of a filter's squared weights that is contrast between colours, frequency that of the grating it"
        " answers most. Factors are those of a correspondence analysis of the connections between the first layer and the"
        " convolutions without groups that read all of it; a factor goes with colour where Spearman's ρ over filters has"
        f" p < {LEVEL} by permutation, without correction for the number of networks. Networks whose next layer is depthwise have"
        f" none. Of filters with an orientation (selectivity above {SELECTIVE}), {percent_text(float(shares.mean()))} lie within"
        f" {fixed_text(ALONG, 1)}° of the horizontal or the vertical, as a mean over networks; by chance half would.",
    )


def table_of(census: Census) -> pd.DataFrame:
    """A row a network."""
    networks = first_trainings(census.networks).set_index("network")
    filters = census.filters[census.filters["network"].isin(networks.index)]
    rows = []
    for name, group in filters.groupby("network"):
        if len(group) < FEWEST:
            continue
        selective = group[(group["orientation_selectivity"] > SELECTIVE) & group["orientation"].notna()]
        off = np.abs((selective["orientation"] + 45) % 90 - 45)
        rows.append(
            {
                "network": name,
                "filters": len(group),
                "chroma": group["chroma"].median(),
                "frequency": group["frequency"].median(),
                "oriented": len(selective),
                "along": float((off <= ALONG).mean()) if len(selective) else np.nan,
                "factor": _first_factor(census.factors[census.factors["network"] == name]),
            }
        )
    table = pd.DataFrame(rows)
    return table if table.empty else table.join(networks[["title", "package"]], on="network")


def _first_factor(factors: pd.DataFrame) -> str:
    chroma = factors[(factors["factor"] == 1) & (factors["property"] == "chroma") & factors["p"].notna()]
    if chroma.empty:
        return "not known"
    return "goes with colour" if chroma["p"].item() < LEVEL else "does not"


def _chart() -> Any:
    import altair as alt

    words = ["goes with colour", "does not", "not known"]
    scale = alt.Scale(domain=words, range=[INDEX, SERIES[5], NEUTRAL])
    legend = alt.Legend(title="first factor of the next layer", orient="top")
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("filters:Q"),
        alt.Tooltip("chroma:Q", format=".2f"),
        alt.Tooltip("frequency:Q", format=".2f"),
        alt.Tooltip("factor:N", title="first factor"),
    ]
    return (
        alt.Chart(data())
        .mark_point(filled=True, size=66, opacity=0.85)
        .encode(
            x=alt.X("frequency:Q", title="median frequency, cycles a pixel"),
            y=alt.Y("chroma:Q", title="median chroma"),
            color=alt.Color("factor:N", scale=scale, legend=legend),
            tooltip=tips,
        )
    )


FIGURES = (Figure("wild-filters", draw, "first filters of all networks", of="site"),)
