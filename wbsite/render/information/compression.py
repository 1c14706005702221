"""What every layer has lost by the end: its largest I(X;T) minus its last, by configuration and estimator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from wbsite.claims.information.base import COMPRESSES, quoted
from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_expression, side_by_side
from wbsite.render.text import fixed_text, interval_text
from wbsite.results.information.trajectories import ConfigurationRecord
from wbsite.results.site import Gap
from wbsite.stats.intervals import Interval

from ._html import chart_menu, findings
from ._plane_parts import (
    absent_text,
    by_choice,
    chosen_configurations,
    chosen_estimator,
    fewer_seeds_text,
    layer_colour,
    measured_text,
    nothing_to_draw,
    panel_title,
    runs_text,
    width_of,
)
from ._planes import colours_by_layer, measured

LANE = 21
"""Pixels a layer takes."""


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration, on one axis; a menu chooses the estimator, first that of the option `estimator`."""
    results = measured(scene)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    chosen, missing = chosen_configurations(scene, trajectories)
    table = compression_rows(plane.final, plane.compression)
    table = table[table["configuration"].isin([each.name for each in chosen])].reset_index(drop=True)
    if table.empty:
        return nothing_to_draw(missing)
    first, titles, colours = chosen_estimator(scene, plane), plane.titles, colours_by_layer(chosen)
    ends = {token: _ends(rows) for token, rows in table.groupby("estimator", sort=False)}
    height = LANE * max(len(colours), 2)
    panels, files, texts = [], {}, []
    for each in chosen:
        marks = table[(table["configuration"] == each.name) & (table["estimator"] == first)]
        file, text = f"compression-{each.name}.vl.json", f"{each.title}: {_means_text(marks)}"
        files[file] = json.dumps(_chart(each, colours, ends, first, height)).encode()
        panels.append((panel_title(each, trajectories), file, f"Compression by {titles[first]} of {text}."))
        texts.append(text)
    found = {token: _finding(rows, titles[token], trajectories.titles) for token, rows in table.groupby("estimator")}
    method = html(
        "Compression is the largest I(X;T) over the recorded epochs minus the last. It is never below 0 and includes what"
        " I(X;T) fluctuates by from record to record; the table of claims uses a stricter measure. Intervals are Student t"
        " intervals over {}."
        "{}"
        " Data: {}.{}{}",
        runs_text(chosen, trajectories),
        " Each estimator of the menu has an axis of its own." if len(titles) > 1 else "",
        measured_text(trajectories),
        fewer_seeds_text(plane),
        absent_text(missing),
    )
    body = chart_menu("estimator", "Estimated by", titles, first) + findings(found) + side_by_side(panels, height + 44)
    alt = f"Dot charts of compression by layer, in bits, estimated by {titles[first]}. {'; '.join(texts)}."
    caption = "Largest I(X;T) of every layer minus its last, in bits. Dots are runs, bars means with 95 % intervals over runs."
    return Drawing(
        caption, alt, table, body=body, files=files, width=width_of(panels), finding=found[first], method=method
    )


def _finding(rows: pd.DataFrame, estimator: str, titles: Mapping[str, str]) -> str:
    """Which hidden layer of which network loses most by an estimator.

    Args:
        rows: of `compression_rows`, of the estimator.
    """
    means = rows[(rows["kind"] == "mean") & (rows["layer"] != "output")]
    most = means.loc[means["bits"].idxmax()]
    if most["bits"] < COMPRESSES:
        return f"By {estimator}, no hidden layer loses {COMPRESSES:g} bit on average."
    name = f" of {quoted(titles[most['configuration']])}" if means["configuration"].nunique() > 1 else ""
    return f"By {estimator}, {most['layer']}{name} loses most: {fixed_text(most['bits'])} bits on average."


def compression_rows(final: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """One row a mark: configuration, estimator, layer, kind ("run" or "mean"), seed, bits, and of a mean its interval
    and seeds.

    Args:
        final, means: the tables `final` and `compression` of `information_plane`.
    """
    single = final.rename(columns={"compression": "bits"}).assign(kind="run")
    middle = means.rename(columns={"mean": "bits"}).assign(kind="mean")
    columns = ["configuration", "estimator", "layer", "kind", "seed", "bits", "low", "high", "seeds"]
    table = pd.concat([middle.reindex(columns=columns), single.reindex(columns=columns)], ignore_index=True)
    return table.round({"bits": 4, "low": 4, "high": 4}).astype({"seed": "Int64", "seeds": "Int64"})


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """The ends of an estimator's axis, which holds all marks and 0."""
    low, high = table[["bits", "low"]].min().min(), table[["bits", "high"]].max().max()
    return min(0.0, float(low)), float(high) if high > 0 else 1.0


def _chart(
    configuration: ConfigurationRecord,
    colours: Mapping[str, str],
    ends: Mapping[str, tuple[float, float]],
    first: str,
    height: int,
) -> dict[str, Any]:
    import altair as alt

    estimator = alt.param(name="estimator", value=first)
    low, high = (by_choice("estimator", {token: pair[end] for token, pair in ends.items()}) for end in (0, 1))
    scale = alt.Scale(domain=[low, high], nice=False, clamp=True)
    x = alt.X("bits:Q", title="compression, bits", scale=scale, axis=alt.Axis(tickCount=5, format="~g"))
    lanes = alt.Scale(domain=list(colours))
    y = alt.Y("layer:N", title=None, scale=lanes, axis=alt.Axis(ticks=False, domain=False, labelPadding=6))
    colour = layer_colour(configuration, colours)
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(configuration.name)}")
    base = base.transform_filter("datum.estimator == estimator")
    means = base.transform_filter("datum.kind == 'mean'").transform_calculate(interval=interval_expression())
    runs = base.transform_filter("datum.kind == 'run'")
    tips = [
        alt.Tooltip("layer:N"), alt.Tooltip("bits:Q", title="mean, bits", format=".3f"), alt.Tooltip("interval:N", title="95 %"),
        alt.Tooltip("seeds:Q", title="runs"),
    ]  # fmt: skip
    spread = (
        means.transform_filter("isValid(toNumber(datum.low))")
        .mark_rule(strokeWidth=2.4)
        .encode(x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), y=y, color=colour)
    )
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL).encode(x=alt.XDatum(0, scale=scale))
    return specification(
        alt.layer(
            zero,
            runs.mark_circle(size=26, opacity=0.5).encode(
                x=x,
                y=y,
                color=colour,
                tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("seed:Q"), alt.Tooltip("bits:Q", format=".3f")],
            ),
            spread,
            means.mark_tick(thickness=3.4, size=LANE - 7).encode(x=x, y=y, color=colour, tooltip=tips),
        ).add_params(estimator),
        height,
    )


def _means_text(marks: pd.DataFrame) -> str:
    means = marks[marks["kind"] == "mean"]
    texts = [f"{row.layer} {interval_text(Interval(row.bits, row.low, row.high))}" for row in means.itertuples()]
    return ", ".join(texts) or "no run lived"


FIGURES = (
    Figure("compression", draw, "compression by layer", of="site", options=("configurations", "estimator")),
)  # fmt: skip
