"""Compression of every layer of every run against how many more of its activations became saturated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import side_by_side
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.saturation import KindCounts, Saturation
from wbsite.results.site import Gap

from ._html import colour_key
from ._plane_parts import (
    absent_text,
    chosen_configurations,
    measured_text,
    nothing_to_draw,
    panel_title,
    runs_text,
)
from ._planes import colours_by_layer, measured, study_result

HEIGHT = 240


def draw(scene: Scene) -> Drawing | Gap:
    """A panel a configuration whose activation function is flat somewhere, on shared axes."""
    results, patterns, saturation = (
        measured(scene), study_result(scene, ActivationPatterns), study_result(scene, Saturation),
    )  # fmt: skip
    if isinstance(results, Gap):
        return results
    if isinstance(patterns, Gap):
        return patterns
    if isinstance(saturation, Gap):
        return saturation
    trajectories, plane = results
    chosen, missing = chosen_configurations(scene, trajectories)
    if not chosen:
        return nothing_to_draw(missing)
    table = point_rows(saturation, [each.name for each in chosen])
    if table.empty:
        return Gap("no run lived to the end, or none has activations that can saturate", failed=False)
    colours = colours_by_layer(chosen)
    ends = (min(-0.1, float(table["rise"].min())), max(0.1, float(table["rise"].max())))
    most = max(0.5, float(table["compression"].max()))
    nowhere_flat = [each.title for each in chosen if not patterns.flat_ends[each.name]]
    panels, files, texts = [], {}, []
    for each in chosen:
        if each.name not in set(table["configuration"]):
            continue
        text = f"{each.title}: {_kinds_text(saturation.configurations[each.name].kinds)}"
        file = f"saturation-{each.name}.vl.json"
        files[file] = json.dumps(_chart(each.name, colours, ends, most, saturation)).encode()
        panels.append((panel_title(each, trajectories), file, f"{text}."))
        texts.append(text)
    method = (
        html(
            "Compression is the largest I(X;T) minus the last. The other axis is the change from that record to the last in the"
            " share of the layer's activations that are saturated: {}; of the output, softmax activations"
            " near 0 or 1. Means are over {}. From {:g} bit on a layer is said"
            " to compress, from {:g} percentage points on to saturate. Estimated by"
            " {}; {}.",
            patterns.rule,
            runs_text(chosen, trajectories),
            saturation.compresses,
            100 * saturation.saturates,
            plane.titles[saturation.estimator],
            measured_text(trajectories),
        )
        + (
            html(" Nowhere flat, so that only the output can saturate: {}.", "; ".join(nowhere_flat))
            if nowhere_flat
            else ""
        )
        + absent_text(missing)
    )
    alt = f"Scatter charts of compression against saturation. {'; '.join(texts)}."
    body = colour_key(colours) + side_by_side(panels, HEIGHT)
    caption = (
        "Small dots are layers of single runs, circles means with the layer's number: right of the broken line a layer"
        " saturates, above it it compresses."
    )
    return Drawing(
        caption, alt, table, body=body, files=files, width="wide" if len(panels) in (2, 4) else "full",
        finding=_finding([saturation.configurations[each.name].kinds for each in chosen]), method=method,
    )  # fmt: skip


def _finding(kinds: Sequence[KindCounts]) -> str:
    """Whether the hidden layers that compress saturate as well, counted over networks."""
    both, alone = (sum(getattr(each, name) or 0 for each in kinds) for name in ("both", "only_compresses"))
    if not both + alone:
        return "No hidden layer that could saturate compresses."
    most, count = ("saturate as well", both) if both > alone else ("do not saturate", alone)
    return f"Of {both + alone} hidden layers of single runs that compress, {count} {most}."


def point_rows(saturation: Saturation, names: list[str]) -> pd.DataFrame:
    """One row a point: configuration, layer, kind ("run" or "mean"), seed, compression in bits, rise of the saturated
    share, saturated_peak, saturated_end, rho (Spearman's ρ within the run), seeds."""
    columns = ["compression", "rise", "saturated_peak", "saturated_end", "rho"]
    runs = saturation.rows[saturation.rows["configuration"].isin(names)].dropna(subset=["rise"])
    by_layer = runs.groupby(["configuration", "layer"], sort=False)
    means = by_layer[columns].mean().join(by_layer.size().rename("seeds")).reset_index()
    table = pd.concat([runs.assign(kind="run"), means.assign(kind="mean")], ignore_index=True)
    table = table.reindex(columns=["configuration", "layer", "kind", "seed", *columns, "seeds"])
    return table.round(dict.fromkeys(columns, 4)).astype({"seed": "Int64", "seeds": "Int64"})


def _chart(
    name: str, colours: Mapping[str, str], ends: tuple[float, float], most: float, saturation: Saturation
) -> dict[str, Any]:
    import altair as alt

    x = alt.X(
        "rise:Q", title="rise of the saturated share", scale=alt.Scale(domain=list(ends), nice=True),
        axis=alt.Axis(format="+.0%", tickCount=5),
    )  # fmt: skip
    y = alt.Y("compression:Q", title="compression, bits", scale=alt.Scale(domain=[0, most], nice=True))
    colour = alt.Color("layer:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    base = alt.Chart(data()).transform_filter(f"datum.configuration == {literal(name)}")
    base = base.transform_calculate(short="replace(datum.layer, 'layer ', '')")
    means = base.transform_filter("datum.kind == 'mean'")
    numbers = [
        alt.Tooltip("compression:Q", title="compression, bits", format=".2f"),
        alt.Tooltip("saturated_peak:Q", title="saturated at the peak", format=".1%"),
        alt.Tooltip("saturated_end:Q", title="saturated at the end", format=".1%"),
    ]
    runs = base.transform_filter("datum.kind == 'run'").mark_point(filled=True, size=24, opacity=0.5)
    rule = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[4, 4])
    layers = [
        rule.encode(x=alt.XDatum(saturation.saturates)),
        rule.encode(y=alt.YDatum(saturation.compresses)),
        runs.encode(x=x, y=y, color=colour, tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("seed:N"), *numbers]),
        means.mark_point(size=130, strokeWidth=2).encode(
            x=x, y=y, color=colour, tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("seeds:Q"), *numbers]
        ),
        means.mark_text(fontSize=12, fontWeight="bold", align="left", dx=9).encode(
            x=x, y=y, color=colour, text=alt.Text("short:N")
        ),
    ]
    return specification(alt.layer(*layers), HEIGHT)


def _kinds_text(kinds: KindCounts) -> str:
    if kinds.both is None:
        return "hidden layers cannot saturate"
    return (
        f"of the hidden layers of all runs {kinds.both} compress and saturate, {kinds.only_compresses} only compress,"
        f" {kinds.only_saturates} only saturate, {kinds.neither} do neither"
    )


FIGURES = (
    Figure("saturation", draw, "compression against saturation", of="site", options=("configurations",)),
)  # fmt: skip
