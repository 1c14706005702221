"""Charts of the banding index: through a network's depth, and across networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.charts import (
    COLUMNS,
    INDEX,
    NEUTRAL,
    ROWS,
    SERIES,
    SOURCES,
    data,
    kernel_shape,
    literal,
    source_choice,
    sources,
    specification,
)
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import counted, fixed_text, listing, number_text, percent_text
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Gap, Model

from ._laboratory import span

if TYPE_CHECKING:
    import altair as alt

QUANTITIES = {"index": "H = R − C", "row_share": "R, row share", "column_share": "C, column share"}
NUMBERS = (*QUANTITIES, "low", "high", "index_null", "index_adjusted")


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


def _not_drawn(models: Sequence[Model]) -> tuple[str, str]:
    """The layers without H as a sentence of a caption, and the reasons as one of a method; "" where there are none."""
    undefined = [
        layer
        for model in models
        for layer in model.having("banding")
        if (banding := model.result(Banding, layer.name)) is not None and banding.index is None
    ]
    if not undefined:
        return "", ""
    return (
        f" Not drawn: {counted(len(undefined), 'layer')} without H.",
        html(" H is not defined for {}.", undefined_text(models)),
    )


def _by_file(models: Sequence[Model]) -> str:
    """Whose depth is no more than a place in a file, as a sentence of a caption; "" where it is that of all."""
    alone = listing([model.title for model in models if model.architecture.alone])
    return html(" Depth is the place in the file for what comes without a network: {}.", alone) if alone else Markup()


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
        labelExpr=f"{literal(QUANTITIES)}[datum.value]",
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
    top = weights.loc[weights["index"].idxmax()]
    summit = html("<code>{}</code> ({})", top["layer"], fixed_text(top["index"]))
    finding = html("H of {} is largest at {}", model.title, summit) + (
        ", its last such layer." if top["layer"] == last["layer"] else f" and ends at {fixed_text(last['index'])}."
    )
    left_out, reasons = _not_drawn([model])
    caption = (
        f"R and C are what row and column means explain of the kernels' spatial variance, H is R − C.{left_out}"
        " Click a point for its layer."
    )
    method = (
        f"Layers in {order}; lines join layers of one kernel size. Bars are 95 % bootstrap intervals of H over a layer's"
        f" units ({number_text(banding.resamples)} resamples): they speak of this network's units, not of other trainings."
        f"{' Short grey lines are H of independent weights in kernels that are not square.' if table['index_null'].any() else ''}"
        f"{reasons}"
    )
    alt_text = (
        f"Line chart over {len(weights)} layers of {model.title}. On full weights H goes from {first['index']:.2f} at {first['layer']}"
        f" to {last['index']:.2f} at {last['layer']}; its largest value is {weights['index'].max():.2f} at"
        f" {weights.loc[weights['index'].idxmax(), 'layer']}."
    )
    return Drawing(caption, alt_text, table, chart, width="wide", height=height, finding=finding, method=method)


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
    y = alt.Y("index:Q", title="banding index H", scale=alt.Scale(domain=list(span(table)), nice=False))
    base = alt.Chart(data()).transform_filter("datum.source == source")
    faded = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.12))
    # The legend belongs to the first layer that has the colour; a selection in any other, or in all, does not hear it.
    lines = (
        base.mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=colour, opacity=faded, detail=alt.Detail("kernel:N"))
        .add_params(pick)
    )
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
    chart = specification(alt.layer(zero, lines, whiskers, points).add_params(source_choice(sources(table))), height)
    weights = table[table.source == "weights"]
    ends = [f"{title} {rows['index'].iloc[-1]:.2f}" for title, rows in weights.groupby("model", sort=False)]
    left_out, reasons = _not_drawn(models)
    caption = (
        f"One colour a network, one line a kernel size.{left_out} Click a name to bring its network out, a point for its"
        " layer."
    )
    method = html(
        "Bars are 95 % bootstrap intervals of H over each layer's units. Each network is one training, so they do not say"
        " how another training would come out.{}{}",
        reasons,
        _by_file(models),
    )
    alt_text = f"Line chart of the banding index against depth. At the last convolution that has one, on full weights: {', '.join(ends)}."
    return Drawing(
        caption, alt_text, table, chart, width="wide", height=height, finding=_summit(weights), method=method
    )


def _summit(weights: pd.DataFrame) -> str:
    """Where through the depth of networks H on full weights is largest, in one sentence."""
    tops = weights.loc[weights.groupby("model", sort=False)["index"].idxmax()]
    if len(tops) == 1:
        top = tops.iloc[0]
        place = percent_text(top["depth"])
        return html("In {} H is largest {} of the way from the first such layer to the last.", top["model"], place)
    late, last = int((tops["depth"] > 0.5).sum()), int((tops["depth"] == 1).sum())
    end = "at the very last layer in none" if not last else f"at the very last layer in {last}"
    return f"In {late} of {len(tops)} networks banding is strongest in the second half of the layers, {end}."


FIGURES = (
    Figure("banding-by-depth", by_depth, "banding by depth", of="model", section="Banding by depth", order=20),
    Figure("banding-across", across, "banding across networks", of="site"),
)
