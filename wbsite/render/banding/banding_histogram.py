"""Distribution of the banding index over a layer's units."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import INDEX, SOURCES, data, source_choice, sources, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, index_text, percent_text, share_text
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Gap

HEIGHT = 220
"""Of the chart, in pixels."""

BINS = np.linspace(-1, 1, 41)


def draw(scene: Scene) -> Drawing | Gap:
    """Distribution of H over a layer's units."""
    banding = scene.result_or_gap(Banding)
    if isinstance(banding, Gap):
        return banding
    if banding.index is None:
        return Gap(f"the banding index is not defined: {banding.weights.not_defined}", failed=False)
    rows: list[dict[str, Any]] = []
    for source in SOURCES:
        values = banding.per_unit(source)
        if values is None:
            continue
        counts, edges = np.histogram(values[np.isfinite(values)], BINS)
        rows += [
            {"source": source, "from": round(a, 2), "to": round(b, 2), "units": int(n)}
            for n, a, b in zip(counts, edges, edges[1:], strict=False)
        ]
    table = pd.DataFrame(rows)
    label = scene.layer.name  # type: ignore[union-attr]
    method = f"The layer's index, in which strong units count for more, is {share_text(banding.index)} on full weights"
    if banding.nmf is not None:
        pictures = banding.nmf
        method += (
            f"; on the NMF pictures it is {index_text(pictures)}"
            if pictures.index is None
            else f" and {share_text(pictures.index)} on the NMF pictures"
        )
    method += "."
    if shapeless := banding.weights.units - banding.weights.shaped:
        method += f" {counted(shapeless, 'unit')} of {banding.weights.units} without a shape have none."
    caption = "Each unit's own banding index, from −1 for columns to 1 for rows."
    values = banding.weights_per_unit
    low, middle, high = np.nanquantile(values, [0.1, 0.5, 0.9])
    alt_text = f"Histogram of H over units on full weights: median {middle:.2f}, tenth to ninetieth percentile {low:.2f} to {high:.2f}."
    positive = percent_text((values[np.isfinite(values)] > 0).mean())
    finding = html("{} of the units of <code>{}</code> lean towards horizontal bands (H above 0).", positive, label)
    chart = _histogram_chart(sources(table))
    return Drawing(caption, alt_text, table, chart, height=HEIGHT, finding=finding, method=method)


@cache  # the same for every layer with both sources
def _histogram_chart(measured_on: tuple[str, ...]) -> Mapping[str, Any]:
    import altair as alt

    base = alt.Chart(data()).transform_filter("datum.source == source")
    bars = base.mark_bar(color=INDEX).encode(
        x=alt.X("from:Q", bin="binned", title="H of the unit (−1 columns, +1 rows)", scale=alt.Scale(domain=[-1, 1])),
        x2=alt.X2("to:Q"),
        y=alt.Y("units:Q", title="units"),
        tooltip=[alt.Tooltip("from:Q"), alt.Tooltip("to:Q"), alt.Tooltip("units:Q")],
    )
    return specification(bars.add_params(source_choice(measured_on)), HEIGHT)


def has_index(scene: Scene) -> bool:
    """Whether the layer's banding is defined."""
    banding = scene.result_or_gap(Banding)
    return not isinstance(banding, Gap) and banding.index is not None


FIGURES = (
    Figure("banding-histogram", draw, "the banding index of the units", section="Banding", order=30, belongs=has_index),
)
