"""The dip of I(X;T) early in training, layer by layer, and below it how nearly the networks only count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, chart_box, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import number_text
from wbsite.results.information.counting import Counting
from wbsite.results.information.dips import Dips, LayerDips
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap
from wbsite.stats.intervals import t_interval

from ._html import colour_key
from ._plane_parts import (
    absent_text,
    chosen_configurations,
    measured_text,
    nothing_to_draw,
    panel_title,
    runs_text,
    spread_out,
)
from ._planes import colours_by_layer, measured, study_result

EPOCHS = (10, 400)
"""Stretch of training that is drawn, where training is that long."""

HEIGHT, BELOW = 230, 150

LEFT = 34
"""Pixels kept free for numbers at the left of both charts, so that their epochs are below each other."""

LEAST = 0.7
"""Where the axis of shares begins; what is below it, early in training, is cut off."""

COUNTING = {
    "agreement": ("decides as the count alone would", "#dd7f2f"),
    "eta_output": ("η² of the output by the count", "#a8623a"),
    "accuracy": ("accuracy", "#5f7f95"),
}
"""Column of `course` in `counting` → its name in the figure, and its colour."""

DASHES = {"agreement": [1, 0], "eta_output": [5, 2], "accuracy": [2, 2]}


def draw(scene: Scene) -> Drawing | Gap:
    """Two charts a configuration, on shared axes."""
    results, dips = measured(scene), study_result(scene, Dips)
    if isinstance(results, Gap):
        return results
    if isinstance(dips, Gap):
        return dips
    trajectories, plane = results
    chosen, missing = chosen_configurations(scene, trajectories)
    if not chosen:
        return nothing_to_draw(missing)
    counting = study_result(scene, Counting)
    counted = None if isinstance(counting, Gap) or counting.reason else counting
    span = _span(trajectories.epochs)
    table = dip_rows(trajectories, plane, dips, counted, [each.name for each in chosen], span)
    if table.empty:
        return Gap("no run lived to the end", failed=False)
    colours = colours_by_layer(chosen)
    most = float(table.loc[table["measure"] == "i_xt", "value"].max())
    baseline = counted.baseline.accuracy if counted and counted.baseline else None
    panels, texts = [], []
    files: dict[str, bytes] = {}
    for each in chosen:
        text = _dips_text(dips.layers[each.name])
        alt = f"I(X;T) of {each.title} between epochs {span[0]} and {span[1]}: {text}."
        charts = {f"dip-{each.name}.vl.json": (_information(each.name, colours, span, most), HEIGHT, alt)}
        if counted is not None:
            about = f"Agreement of {each.title} with the decision by count, and its accuracy."
            charts[f"dip-{each.name}-counting.vl.json"] = (_counting(each.name, span, baseline), BELOW, about)
        files |= {file: json.dumps(chart).encode() for file, (chart, _, _) in charts.items()}
        panels.append(_panel(panel_title(each, trajectories), charts))
        texts.append(f"{each.title}: {text}")
    window = "{} and {}".format(*dips.window)
    method = (
        html(
            "Lines are means over {}. A dip is a record between epochs {} that is no higher"
            " than its neighbours and at least {:g} bit below both an earlier and a later maximum; of several, the"
            " deepest. Estimated by {}; {}.",
            runs_text(chosen, trajectories),
            window,
            dips.least,
            plane.titles[dips.estimator],
            measured_text(trajectories),
        )
        + (
            " Below: the share of these samples on which the network decides as the best classifier that knows only how"
            " many inputs are active, the share η² of the variance of its logits that this number explains, and its"
            " accuracy; means over runs, shades 95 % Student t intervals, cut off below"
            f" {100 * LEAST:.0f} %. Broken line: {100 * baseline:.1f} %, the accuracy of that classifier, which is also how"
            " often a network without errors agrees with it."
            if baseline is not None
            else ""
            if isinstance(counting, Gap)
            else html(" {}.", counting.reason.capitalize())
        )
        + absent_text(missing)
    )
    caption = (
        f"I(X;T) of every layer from epoch {span[0]} to {span[1]}, mean over runs; dots are the dips of single runs."
        + (" Below, how nearly the network only counts active inputs." if counted is not None else "")
    )
    legend = colour_key(colours) + (colour_key(dict(COUNTING.values())) if counted is not None else "")
    body = html('{}<div class="wb-charts">{}</div>', legend, joined(panels))
    alt = f"Line charts of I(X;T) early in training. {'; '.join(texts)}."
    return Drawing(
        caption, alt, table, body=body, files=files, width="wide" if len(panels) in (2, 4) else "full",
        finding=_finding({each.title: dips.layers[each.name] for each in chosen}), method=method,
    )  # fmt: skip


def _finding(networks: Mapping[str, Mapping[str, LayerDips]]) -> str:
    """Which hidden layer dips in the largest share of runs.

    Args:
        networks: title → layer → its dips.
    """
    layers = [
        (dips.dips / dips.alive, dips.dips, dips.depth.mean or 0.0, title, layer, dips)
        for title, by_layer in networks.items()
        for layer, dips in by_layer.items()
        if layer != "output" and dips.dips
    ]
    if not layers:
        return "No hidden layer dips in any run."
    *_, title, layer, dips = max(layers, key=lambda each: each[:3])
    return f"{layer.capitalize()} of {quoted(title)} dips in {dips.dips} of {dips.alive} runs."


def dip_rows(
    trajectories: Trajectories,
    plane: InformationPlane,
    dips: Dips,
    counting: Counting | None,
    names: Sequence[str],
    span: tuple[int, int],
) -> pd.DataFrame:
    """One row a point: configuration, measure (i_xt, or one of COUNTING), layer, kind ("mean" over the runs that lived,
    "dip" of one, "name" at the layer's name), epoch, value, low, high, seeds, seed, depth."""
    bits = plane.rows[plane.rows["estimator"] == plane.default]
    parts = [bits.rename(columns={"i_xt": "value"}).assign(measure="i_xt")]
    if counting is not None:
        parts += [counting.course.rename(columns={name: "value"}).assign(measure=name, layer="") for name in COUNTING]
    single = pd.concat(parts)[["configuration", "measure", "layer", "epoch", "seed", "value"]]
    single = single[single["configuration"].isin(names) & single["epoch"].between(*span)].reset_index(drop=True)
    single = single[trajectories.lived(single)]
    key = ["configuration", "measure", "layer", "epoch"]
    means = [
        {
            **dict(zip(key, values, strict=True)),
            **dict(zip(("value", "low", "high"), t_interval(runs["value"].dropna()), strict=True)),
            "kind": "mean",
            "seeds": len(runs),
        }
        for values, runs in single.groupby(key, sort=False)
    ]
    courses = pd.DataFrame(means, columns=[*key, "kind", "value", "low", "high", "seeds"]).dropna(subset=["value"])
    shares = courses["measure"] != "i_xt"
    courses.loc[shares, ["low", "high"]] = courses.loc[shares, ["low", "high"]].clip(0, 1)
    of_runs = dips.rows.query("seed >= 0").rename(columns={"i_dip": "value"})
    of_runs = of_runs[of_runs["configuration"].isin(names)].assign(measure="i_xt", kind="dip")
    marks = of_runs[[*key, "kind", "value", "seed", "depth"]]
    table = pd.concat([courses, *_names(courses), marks], ignore_index=True)
    numbers = dict.fromkeys(["value", "low", "high", "depth"], 4)
    return table.round(numbers).astype({"seeds": "Int64", "seed": "Int64"})


def _names(means: pd.DataFrame) -> list[pd.DataFrame]:
    """Places of the layers' names: at the right ends of their lines, moved apart."""
    bits = means[means["measure"] == "i_xt"]
    ends = bits[bits["epoch"] == bits["epoch"].max()]
    apart = 0.075 * (bits["value"].max() if len(bits) else 1)
    return [
        rows.assign(kind="name", value=spread_out(list(rows["value"]), apart), low=None, high=None)
        for _, rows in ends.groupby("configuration", sort=False)
    ]


def _span(epochs: Sequence[int]) -> tuple[int, int]:
    """The epochs drawn: EPOCHS, or all but the untrained network of a study that ends before them."""
    last = min(EPOCHS[1], epochs[-1])
    return (EPOCHS[0] if last > 2 * EPOCHS[0] else min(1, last)), last


def _panel(title: str, charts: Mapping[str, tuple[Any, int, str]]) -> Markup:
    boxes = joined((chart_box(file, alt) for file, (_, _, alt) in charts.items()))
    return html('<div><p class="wb-charts-title">{}</p>{}</div>', title, boxes)


def _epochs(span: tuple[int, int], title: str | None) -> Any:
    import altair as alt

    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 400) if span[0] <= tick <= span[1]]
    scale = alt.Scale(type="log", domain=[max(span[0], 1), max(span[1], 2)], nice=False)
    return alt.X("epoch:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format="d", grid=False))


def _information(name: str, colours: Mapping[str, str], span: tuple[int, int], most: float) -> dict[str, Any]:
    import altair as alt

    x = _epochs(span, None)
    scale = alt.Scale(domain=[0, most], nice=True)
    y = alt.Y("value:Q", title="I(X;T), bits", scale=scale, axis=alt.Axis(minExtent=LEFT))
    colour = alt.Color("layer:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    base = alt.Chart(data()).transform_filter(
        f"datum.configuration == {literal(name)} && datum.measure == 'i_xt' && datum.kind != ''"
    )
    means = base.transform_filter("datum.kind == 'mean'")
    tips = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", title="mean, bits", format=".2f"),
        alt.Tooltip("seeds:Q"),
    ]
    single = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("depth:Q", title="depth, bits", format=".2f"),
    ]
    layers = [
        means.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        means.mark_point(size=40, opacity=0).encode(x=x, y=y, color=colour, tooltip=tips),
        base.transform_filter("datum.kind == 'dip'")
        .mark_point(size=22, filled=True, opacity=0.75, clip=True)
        .encode(x=x, y=y, color=colour, tooltip=single),
        base.transform_filter("datum.kind == 'name'")
        .mark_text(align="left", dx=5, fontSize=11, fontWeight="bold")
        .encode(x=x, y=y, color=colour, text=alt.Text("short:N"))
        .transform_calculate(short="replace(datum.layer, 'layer ', '')"),
    ]
    return specification(alt.layer(*layers), HEIGHT)


def _counting(name: str, span: tuple[int, int], baseline: float | None) -> dict[str, Any]:
    import altair as alt

    x = _epochs(span, "epoch")
    scale = alt.Scale(domain=[LEAST, 1], nice=False)
    y = alt.Y("value:Q", title="share", scale=scale, axis=alt.Axis(format=".0%", tickCount=5, minExtent=LEFT))
    names = list(COUNTING)
    colour = alt.Color(
        "measure:N", scale=alt.Scale(domain=names, range=[colour for _, colour in COUNTING.values()]), legend=None
    )
    dash = alt.StrokeDash("measure:N", scale=alt.Scale(domain=names, range=[*DASHES.values()]), legend=None)
    base = alt.Chart(data()).transform_filter(
        f"datum.configuration == {literal(name)} && datum.measure != 'i_xt' && datum.kind == 'mean'"
    )
    titles = literal({key: text for key, (text, _) in COUNTING.items()})
    base = base.transform_calculate(what=f"({titles})[datum.measure]")
    tips = [
        alt.Tooltip("what:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", title="mean", format=".3f"),
        alt.Tooltip("seeds:Q"),
    ]
    layers = [
        base.transform_filter("isValid(toNumber(datum.low))")
        .mark_area(opacity=0.2, clip=True)
        .encode(x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=colour),
        base.mark_line(strokeWidth=2, clip=True).encode(x=x, y=y, color=colour, strokeDash=dash),
        base.mark_point(size=40, opacity=0, clip=True).encode(x=x, y=y, color=colour, tooltip=tips),
    ]
    # As wide as the longest name beside the chart above.
    mark = alt.Chart(alt.InlineData([{}]))
    layers.append(
        mark.mark_text(align="left", dx=5, fontSize=11, fontWeight="bold", opacity=0, text="output").encode(
            x=alt.XDatum(max(span[1], 2)), y=alt.YDatum(1, scale=scale)
        )
    )
    if baseline is not None:
        rule = mark.mark_rule(color=NEUTRAL, strokeDash=[5, 4], strokeWidth=1.3)
        layers.insert(0, rule.encode(y=alt.YDatum(baseline, scale=scale)))
    return specification(alt.layer(*layers), BELOW)


def _dips_text(layers: Mapping[str, LayerDips]) -> str:
    """In how many runs each layer dips, and how deep."""
    texts = [
        f"{layer} dips in {of_layer.dips} of {of_layer.alive} runs, by {number_text(round(of_layer.depth.mean, 2))} bits"
        f" about epoch {number_text(round(of_layer.epoch_median))}"
        for layer, of_layer in layers.items()
        if of_layer.depth.mean is not None and of_layer.epoch_median is not None
    ]
    return ", ".join(texts) or "no layer dips"


FIGURES = (
    Figure(
        "dip", draw, "the dip of I(X;T) and the number of active inputs", of="site", options=("configurations",)
    ),
)  # fmt: skip
