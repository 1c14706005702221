"""Charts of the banding index: through a network's depth, over a layer's units, across networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wbsite.render.charts import (
    COLUMNS,
    INDEX,
    NEUTRAL,
    ROWS,
    SERIES,
    SOURCES,
    data,
    kernel_shape,
    source_choice,
    sources,
    specification,
)
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import counted, index_text, listing, number_text, share_text
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Gap, Model

if TYPE_CHECKING:
    import altair as alt

QUANTITIES = {"index": "H = R − C", "row_share": "R, row share", "column_share": "C, column share"}
NUMBERS = (*QUANTITIES, "low", "high", "index_null", "index_adjusted")
HEIGHT = 220
"""Of the histogram, in pixels."""

BINS = np.linspace(-1, 1, 41)


def depth_rows(models: Sequence[Model], up: str) -> pd.DataFrame:
    """One row a model, layer and source: R, C, H, interval, chance, relative depth, address of the layer. Those whose
    index is not defined are left out."""
    rows = []
    for model in models:
        layers = model.having("banding")
        for i, layer in enumerate(layers):
            banding = model.result(Banding, layer.name)
            assert banding is not None
            for source in SOURCES:
                index = banding.source(source)
                if index is None or index.index is None:
                    continue
                rows.append(
                    {
                        "model": model.title,
                        "layer": layer.name,
                        "position": i,
                        "depth": round(i / max(1, len(layers) - 1), 4),
                        "kernel": layer.kernel_text,
                        "units": index.units,
                        "source": source,
                        **{name: _rounded(getattr(index, name)) for name in NUMBERS},
                        "page": f"{up}models/{slug(model.id)}/{slug(layer.name)}/",
                    }
                )
    return pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, float)) if rows else pd.DataFrame()


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def undefined_text(models: Sequence[Model]) -> str:
    """The layers whose index is not defined, and why, as plain text; "" where there are none."""
    reasons: dict[str, list[str]] = {}
    for model in models:
        title = f"{model.title} " if len(models) > 1 else ""
        for layer in model.having("banding"):
            banding = model.result(Banding, layer.name)
            assert banding is not None
            if banding.index is None:
                reasons.setdefault(banding.weights.not_defined, []).append(f"{title}{layer.name}")
    return "; ".join(f"{listing(layers)} ({reason})" for reason, layers in reasons.items())


def _not_drawn(models: Sequence[Model]) -> str:
    """The same as a sentence of a caption."""
    undefined = undefined_text(models)
    return f" Not drawn, since H is not defined: {escape(undefined)}." if undefined else ""


def _by_file(models: Sequence[Model]) -> str:
    """Whose depth is no more than a place in a file, as a sentence of a caption; "" where it is that of all."""
    alone = listing([model.title for model in models if model.architecture.alone])
    return f" Depth is the place in the file for what comes without a network: {escape(alone)}." if alone else ""


def _no_index(models: Sequence[Model], otherwise: str) -> Gap:
    undefined = undefined_text(models)
    return Gap(f"H is not defined: {undefined}" if undefined else otherwise, failed=False)


def numbers(*names: str) -> list[alt.Tooltip]:
    """Tooltips with three decimals under the quantities' short names."""
    import altair as alt

    titles = {
        "index": "H", "row_share": "R", "column_share": "C", "low": "H, lower", "high": "H, upper",
        "index_null": "E[H] of independent weights", "index_adjusted": "H against E[H]",
    }  # fmt: skip
    return [alt.Tooltip(f"{name}:Q", title=titles[name], format=".3f") for name in names]


def by_depth(scene: Scene) -> Drawing | Gap:
    """H with its interval, R and C through one network."""
    import altair as alt

    model = scene.model
    assert model is not None
    table = depth_rows([model], scene.up)
    if table.empty:
        return _no_index([model], f"{model.title} has no convolution with rows and columns to compare")
    source = source_choice(sources(table))
    x = alt.X(
        "layer:N",
        sort=list(dict.fromkeys(table["layer"])),
        title=None,
        axis=alt.Axis(labelAngle=-40, labelOverlap=True, labelLimit=180),
    )
    base = alt.Chart(data()).add_params(source).transform_filter("datum.source == source")
    tips = [alt.Tooltip("layer:N"), alt.Tooltip("kernel:N"), alt.Tooltip("units:Q"), *numbers(*NUMBERS)]
    folded = base.transform_fold(list(QUANTITIES), as_=["quantity", "value"])
    legend = alt.Legend(
        title=None,
        orient="top",
        labelExpr=f"{QUANTITIES!r}[datum.value]",
        symbolType="stroke",
        symbolSize=300,
        symbolStrokeWidth=2.5,
    )
    encoded = {
        "x": x,
        "y": alt.Y("value:Q", title="R, C and H", scale=alt.Scale(domain=[-1, 1])),
        "color": alt.Color(
            "quantity:N", scale=alt.Scale(domain=list(QUANTITIES), range=[INDEX, ROWS, COLUMNS]), legend=legend
        ),
    }
    dash = alt.StrokeDash(
        "quantity:N", scale=alt.Scale(domain=list(QUANTITIES), range=[[1, 0], [7, 3], [2, 3]]), legend=legend
    )
    shape = kernel_shape(table)
    lines = folded.mark_line(strokeWidth=1.8).encode(**encoded, strokeDash=dash, detail=alt.Detail("kernel:N"))
    points = folded.mark_point(filled=True, size=50, opacity=1).encode(
        **encoded, shape=shape, tooltip=tips, href=alt.Href("page:N")
    )
    whiskers = base.mark_rule(color=INDEX, strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.YDatum(0))
    # Square kernels have chance on the line at zero.
    oblong = base.transform_filter("datum.index_null != 0")
    chance = oblong.mark_tick(color=NEUTRAL, thickness=2.5, size=14, orient="horizontal").encode(
        x=x, y=alt.Y("index_null:Q")
    )
    height = 340
    chart = specification(alt.layer(zero, chance, lines, whiskers, points), height)
    weights = table[table.source == "weights"]
    first, last = weights.iloc[0], weights.iloc[-1]
    banding = model.result(Banding, str(first.layer))
    assert banding is not None
    order = (
        "the file's order, which need not be that of a forward pass" if model.architecture.alone else "execution order"
    )
    caption = (
        f"Banding through {escape(model.title)}, layers in {order}: R and C are the shares of the kernels' spatial variance that"
        f" row means and column means explain, H = R − C is the banding index (positive: horizontal bands). Lines join layers of one kernel size. Bars are 95 % bootstrap"
        f" intervals of H over a layer's units ({number_text(banding.resamples)} resamples), so they speak of this network's units, not of other trainings."
        f"{' Short grey lines are H of independent weights in kernels that are not square.' if table['index_null'].any() else ''}"
        f"{_not_drawn([model])} Click a point for its layer."
    )
    alt_text = (
        f"Line chart over {len(weights)} layers of {model.title}. On full weights H goes from {first['index']:.2f} at {first['layer']}"
        f" to {last['index']:.2f} at {last['layer']}; its largest value is {weights['index'].max():.2f} at"
        f" {weights.loc[weights['index'].idxmax(), 'layer']}."
    )
    return Drawing(caption, alt_text, table, chart, width="wide", height=height)


def across(scene: Scene) -> Drawing | Gap:
    """H against relative depth, one line a network."""
    import altair as alt

    models = [model for model in scene.site.working if model.having("banding")]
    table = depth_rows(models, scene.up)
    if table.empty:
        return _no_index(models, "no network on this site has a convolution with rows and columns to compare")
    titles = list(dict.fromkeys(table["model"]))
    pick = alt.selection_point(name="picked", fields=["model"], bind="legend")
    colour = alt.Color(
        "model:N",
        scale=alt.Scale(domain=titles, range=SERIES[: len(titles)] if len(titles) <= len(SERIES) else alt.Undefined),
        legend=alt.Legend(title=None, orient="top"),
    )
    x = alt.X("depth:Q", title="depth, first to last such layer", axis=alt.Axis(format="%", grid=False))
    y = alt.Y("index:Q", title="banding index H", scale=alt.Scale(domain=[-1, 1]))
    base = alt.Chart(data()).transform_filter("datum.source == source")
    faded = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.12))
    lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, opacity=faded, detail=alt.Detail("kernel:N"))
    whiskers = base.mark_rule(strokeWidth=1.5).encode(
        x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour, opacity=faded
    )
    points = base.mark_point(filled=True, size=50).encode(
        x=x, y=y, color=colour, opacity=faded, href=alt.Href("page:N"),
        shape=kernel_shape(table),
        tooltip=[alt.Tooltip("model:N"), alt.Tooltip("layer:N"), alt.Tooltip("kernel:N"), *numbers("index", "low", "high", "index_null", "index_adjusted")],
    )  # fmt: skip
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(y=alt.YDatum(0))
    height = 360
    chart = specification(
        alt.layer(zero, lines, whiskers, points).add_params(source_choice(sources(table)), pick), height
    )
    weights = table[table.source == "weights"]
    ends = [f"{title} {rows['index'].iloc[-1]:.2f}" for title, rows in weights.groupby("model", sort=False)]
    caption = (
        "Banding index H through depth, one colour a network and one line a kernel size, with 95 % bootstrap intervals over each layer's units."
        f" Each network is one training.{_not_drawn(models)}{_by_file(models)} Click a name to bring one out, a point for its layer."
    )
    alt_text = f"Line chart of the banding index against depth. At the last convolution that has one, on full weights: {', '.join(ends)}."
    return Drawing(caption, alt_text, table, chart, width="wide", height=height)


def histogram(scene: Scene) -> Drawing | Gap:
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
    label = escape(scene.layer.name)  # type: ignore[union-attr]
    caption = f"H of the single units of <code>{label}</code>. "
    caption += (
        f"The layer's index, in which strong units count for more, is {share_text(banding.index)} on full weights"
    )
    if banding.nmf is not None:
        pictures = banding.nmf
        caption += (
            f"; on the NMF pictures it is {index_text(pictures)}"
            if pictures.index is None
            else f" and {share_text(pictures.index)} on the NMF pictures"
        )
    caption += "."
    if shapeless := banding.weights.units - banding.weights.shaped:
        caption += f" {counted(shapeless, 'unit')} of {banding.weights.units} without a shape have none."
    values = banding.weights_per_unit
    low, middle, high = np.nanquantile(values, [0.1, 0.5, 0.9])
    alt_text = f"Histogram of H over units on full weights: median {middle:.2f}, tenth to ninetieth percentile {low:.2f} to {high:.2f}."
    return Drawing(caption, alt_text, table, _histogram_chart(sources(table)), height=HEIGHT)


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
    Figure("banding-by-depth", by_depth, "banding by depth", of="model", section="Banding by depth", order=20),
    Figure("banding-across", across, "banding across networks", of="site"),
    Figure(
        "banding-histogram", histogram, "the banding index of the units", section="Banding", order=30, belongs=has_index
    ),
)
