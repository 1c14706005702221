"""How far branches part: every run of the branch laboratory, the mean of each experiment, and networks split at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import INTERVAL, interval_expression, interval_text, seeds_text
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._branch_runs import HEADINGS, MEASURE, PROPERTIES, Lab, axis_of, property_of

if TYPE_CHECKING:
    import altair as alt

HEADING, TITLE, MARK, TOP = 34, 25, 15, 8
"""Pixels of a group's heading, of a row's title, of a data set's marks below it, and above all."""

NARROW, LABELS = 640, 250
"""Below this width titles stand above their marks; else to the left of them, in this many pixels."""

NUMBERS = ["share", "low", "high", "split", "split_low", "split_high", "p", "accuracy"]


def parting_rows(summary: pd.DataFrame, runs: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """One row a mark: the mean of an experiment and data set (`kind` "mean"), or one run ("run").

    Places are in pixels from the top: `y` of the marks, `row` of the experiment's title, `head` of its group's heading.

    Args:
        summary, runs: tables of `branch_experiments`, of one property and of divided networks.
        labels: setting → the data set's name.
    """
    order = summary.sort_values("order", kind="stable")
    titles: dict[str, int] = {}
    heads: dict[str, int] = {}
    y, group = TOP, None
    for row in order.drop_duplicates("experiment").to_dict("records"):
        y += HEADING if row["group"] != group else 0
        group = row["group"]
        heads.setdefault(group, y)
        titles[row["experiment"]] = y + TITLE // 2
        y += TITLE + MARK * len(labels)
    beside = {setting: TITLE // 2 + MARK * i for i, setting in enumerate(labels)}
    table = pd.concat([order.assign(kind="mean"), runs.sort_values("order", kind="stable").assign(kind="run")])
    table["heading"] = table["group"].map(lambda name: HEADINGS.get(name, name))
    table["dataset"] = table["setting"].map(labels)
    table["row"], table["head"] = table["experiment"].map(titles), table["group"].map(heads)
    table["y"] = table["row"] + table["setting"].map(beside)
    columns = ["setting", "dataset", "group", "heading", "experiment", "title", "branches", "property", "kind", "seed"]
    table = table[[*columns, "seeds", "parting", *NUMBERS, "row", "y", "head"]].reset_index(drop=True)
    return table.round(dict.fromkeys(NUMBERS, 4)).astype(dict.fromkeys(("seed", "seeds", "parting"), "Int64"))


def draw(scene: Scene) -> Drawing | Gap:
    """A row an experiment, grouped, in the order of the suite; a line of marks a data set."""
    lab, name = Lab.of(scene), property_of(scene)
    if isinstance(lab, Gap):
        return lab
    summary, runs = lab.rows(lab.result.summary, name), lab.rows(lab.result.runs, name)
    summary, runs = summary[summary["branches"] > 1], runs[runs["branches"] > 1]
    if summary.empty:
        return Gap("no run of a network in branches is there", failed=False)
    table = parting_rows(summary, runs, lab.datasets)
    height = int(table["y"].max()) + MARK
    chart = specification(_chart(table, lab, height), height)
    descriptions = [
        f"{row['title']} on {lab.datasets[row['setting']]} {interval_text(row, 'share')}"
        f" (split at random {share_text(row['split'])}), {row['parting']:.0f} of {row['seeds']} beyond chance"
        for row in summary.sort_values(["order", "setting"]).to_dict("records")
    ]
    caption = (
        f"How far the branches of a first layer part in {PROPERTIES[name]}: {MEASURE}, 0 where they are alike, of networks"
        f" {lab.setup}. Ticks are single runs, large marks means. {INTERVAL} ({seeds_text(summary)} an experiment)."
        " The grey band holds 95 % of what comes out when the units of the undivided network, trained on the same pictures,"
        f" are assigned at random to as many branches ({lab.result.splits} times a seed), its line their mean: it is not"
        " 0, because branches of few units are never quite alike."
    )
    alt_text = f"Marks for {len(runs)} runs. Parting in {PROPERTIES[name]}: {'; '.join(descriptions)}."
    return Drawing(caption, alt_text, table, chart, width="wide", height=height)


def _chart(table: pd.DataFrame, lab: Lab, height: int) -> alt.LayerChart:
    import altair as alt

    narrow = f"width < {NARROW}"
    most, ticks = axis_of(table, ["share", "high", "split_high"])
    ends = alt.Scale(
        domain=[0, most], nice=False, clamp=True,
        range=[alt.ExprRef(f"{narrow} ? 8 : {LABELS}"), alt.ExprRef("width - 10")],
    )  # fmt: skip
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    x, y = alt.X("share:Q", scale=ends, axis=None), alt.Y("y:Q", scale=down, axis=None)
    x_low, split_low = (alt.X(f"{column}:Q", scale=ends, axis=None) for column in ("low", "split_low"))
    legend = alt.Legend(title=None, orient="top", symbolSize=90, symbolOpacity=1) if len(lab.settings) > 1 else None
    names = [lab.datasets[setting] for setting in lab.settings]
    colours, shapes = zip(*lab.marks.values(), strict=True)
    colour = alt.Color("dataset:N", scale=alt.Scale(domain=names, range=list(colours)), legend=legend)
    shape = alt.Shape("dataset:N", scale=alt.Scale(domain=names, range=list(shapes)), legend=legend)
    base = alt.Chart(data())
    means = base.transform_filter("datum.kind == 'mean'").transform_calculate(
        interval=interval_expression(),
        beyond="datum.parting + ' of ' + datum.seeds + ' seeds'",
        chance=f"isValid(toNumber(datum.split)) ? format(toNumber(datum.split), '.3f') + ' (' + {interval_expression('split_low', 'split_high')} + ')' : '–'",
    )
    band = (
        means.transform_filter("isValid(toNumber(datum.split))")
        .mark_bar(height=MARK - 3, color=NEUTRAL, opacity=0.28)
        .encode(x=split_low, x2=alt.X2("split_high:Q"), y=y)
    )
    expected = means.mark_tick(orient="vertical", size=MARK - 3, thickness=1.5, color=NEUTRAL).encode(
        x=alt.X("split:Q", scale=ends, axis=None), y=y
    )
    titles = (
        means.transform_aggregate(groupby=["title", "row"])
        .mark_text(align="left", fontSize=12, x=0, dy=alt.ExprRef(f"{narrow} ? -4 : {TITLE // 2}"))
        .encode(y=alt.Y("row:Q", scale=down, axis=None), text=alt.Text("title:N"))
    )
    headings = (
        means.transform_aggregate(groupby=["heading", "head"])
        .mark_text(align="left", fontSize=12.5, fontWeight="bold", x=0, dy=-8)
        .encode(y=alt.Y("head:Q", scale=down, axis=None), text=alt.Text("heading:N"))
    )
    lines = means.transform_aggregate(groupby=["head"]).mark_rule(color=NEUTRAL, opacity=0.45, x=0, x2="width")
    seeds = (
        base.transform_filter("datum.kind == 'run'")
        .mark_tick(orient="vertical", size=MARK - 4, thickness=1.6, opacity=0.9)
        .encode(
            x=x, y=y, color=colour,
            tooltip=[
                alt.Tooltip("title:N", title="experiment"), alt.Tooltip("dataset:N"), alt.Tooltip("seed:Q"), alt.Tooltip("share:Q", title="η²", format=".3f"),
                alt.Tooltip("p:Q", format=".3f"), alt.Tooltip("accuracy:Q", format=".1%"),
            ],
        )
    )  # fmt: skip
    whiskers = means.mark_rule(strokeWidth=2).encode(x=x_low, x2=alt.X2("high:Q"), y=y, color=colour)
    marks = means.mark_point(filled=True, size=95, opacity=1).encode(
        x=x, y=y, color=colour, shape=shape,
        tooltip=[
            alt.Tooltip("title:N", title="experiment"), alt.Tooltip("dataset:N"), alt.Tooltip("share:Q", title="η²", format=".3f"),
            alt.Tooltip("interval:N"), alt.Tooltip("beyond:N", title="beyond chance"), alt.Tooltip("chance:N", title="split at random"),
        ],
    )  # fmt: skip
    axis = alt.Axis(orient="bottom", format=".1f", values=ticks)
    frame = means.mark_point(opacity=0).encode(x=alt.X("share:Q", title="parting, η²", scale=ends, axis=axis), y=y)
    ruled = lines.encode(y=alt.Y("head:Q", scale=down, axis=None))
    return alt.layer(frame, band, expected, ruled, headings, titles, whiskers, seeds, marks).resolve_axis(
        x="independent"
    )


FIGURES = (
    Figure("branch-parting", draw, "how far branches part", of="site", options=("property", "setting")),
)  # fmt: skip
