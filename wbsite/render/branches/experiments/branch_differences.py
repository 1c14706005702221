"""How far branches differ: every training of the branch experiments, beside networks divided at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import seeds_text
from wbsite.render.text import listing, share_text
from wbsite.results.site import Gap

from ._branch_runs import ETA, HEADINGS, MEASURES, PROPERTIES, Lab, axis_of, property_of

if TYPE_CHECKING:
    import altair as alt

HEADING, TITLE, MARK, TOP = 34, 25, 15, 8
"""Pixels of a group's heading, of a row's title, of a data set's marks below it, and above all."""

NARROW, LABELS = 640, 250
"""Below this width titles stand above their marks; else to the left of them, in this many pixels."""

NAMED = 2
"""At most so many experiments are named in the finding."""

NUMBERS = ["share", "split", "split_low", "split_high", "p", "accuracy"]


def difference_rows(summary: pd.DataFrame, runs: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
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
    means = order.assign(kind="mean", beyond_chance=order["parting"])
    table = pd.concat([means, runs.sort_values("order", kind="stable").assign(kind="run", seeds=1)])
    table["heading"] = table["group"].map(lambda name: HEADINGS.get(name, name))
    table["dataset"] = table["setting"].map(labels)
    table["row"], table["head"] = table["experiment"].map(titles), table["group"].map(heads)
    table["y"] = table["row"] + table["setting"].map(beside)
    columns = ["setting", "dataset", "group", "heading", "experiment", "title", "branches", "property", "kind", "seed"]
    table = table[[*columns, "seeds", "beyond_chance", *NUMBERS, "row", "y", "head"]].reset_index(drop=True)
    return table.round(dict.fromkeys(NUMBERS, 4)).astype(dict.fromkeys(("seed", "seeds", "beyond_chance"), "Int64"))


def draw(scene: Scene) -> Drawing | Gap:
    """A row an experiment, grouped, in the order of the suite; a line of marks a data set."""
    lab, name = Lab.of(scene), property_of(scene)
    if isinstance(lab, Gap):
        return lab
    summary, runs = lab.rows(lab.result.summary, name), lab.rows(lab.result.runs, name)
    summary, runs = summary[summary["branches"] > 1], runs[runs["branches"] > 1]
    if summary.empty:
        return Gap("no run of a network in branches is there", failed=False)
    table = difference_rows(summary, runs, lab.datasets)
    height = int(table["y"].max()) + MARK
    chart = specification(_chart(table, lab, height), height)
    descriptions = [
        f"{row['title']} on {lab.datasets[row['setting']]}, mean η² {share_text(row['share'])} (divided at random"
        f" {share_text(row['split'])}), beyond chance in {row['parting']:.0f} of {row['seeds']}"
        for row in summary.sort_values(["order", "setting"]).to_dict("records")
    ]
    method = html(
        "{} The property is {}. Networks {}, {} an experiment. A training is"
        " beyond chance where p ≤ 0.05 in {} permutations of its own filters among its branches; chance alone"
        " calls one in twenty so. The grey band holds 95 % of what comes out when the filters of the undivided network, trained"
        " on the same pictures, are assigned at random to as many branches ({} times a training); the line in"
        " it is their mean, which is above 0 since branches of few filters are never quite alike. So few trainings give no"
        " interval worth drawing. No correction is made for the number of experiments.",
        ETA,
        MEASURES[name],
        lab.setup,
        seeds_text(summary),
        lab.result.draws,
        lab.result.splits,
    )
    return Drawing(
        "A mark is a training, filled if beyond chance; lines are means. Grey: the undivided network, divided at random.",
        f"Marks for {len(runs)} trainings. Difference in {PROPERTIES[name]}: {'; '.join(descriptions)}.",
        table,
        chart,
        width="wide",
        height=height,
        finding=_finding(summary, name),
        method=method,
    )


def _finding(summary: pd.DataFrame, name: str) -> str:
    """Where every training is beyond chance, of more than one."""
    counts = summary.groupby(["order", "title"])[["parting", "seeds"]].sum()
    always = [str(title) for _, title in counts.index[(counts["parting"] == counts["seeds"]) & (counts["seeds"] > 1)]]
    what = f"branches differ in {PROPERTIES[name]}"
    if not always:
        return f"In no experiment do {what} by more than chance in every training."
    where = listing(always) if len(always) <= NAMED else f"{len(always)} of {len(counts)} experiments"
    return f"In every training of {where}, {what} by more than chance."


def _chart(table: pd.DataFrame, lab: Lab, height: int) -> alt.LayerChart:
    import altair as alt

    narrow = f"width < {NARROW}"
    most, ticks = axis_of(table, ["share", "split_high"])
    ends = alt.Scale(
        domain=[0, most], nice=False,
        range=[alt.ExprRef(f"{narrow} ? 8 : {LABELS}"), alt.ExprRef("width - 10")],
    )  # fmt: skip
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    x, y = alt.X("share:Q", scale=ends, axis=None), alt.Y("y:Q", scale=down, axis=None)
    legend = alt.Legend(title=None, orient="top", symbolSize=90, symbolOpacity=1) if len(lab.settings) > 1 else None
    names = [lab.datasets[setting] for setting in lab.settings]
    colours, shapes = zip(*lab.marks.values(), strict=True)
    colour = alt.Color("dataset:N", scale=alt.Scale(domain=names, range=list(colours)), legend=legend)
    shape = alt.Shape("dataset:N", scale=alt.Scale(domain=names, range=list(shapes)), legend=legend)
    base = alt.Chart(data())
    bounds = [f"format(toNumber(datum.split_{end}), '.3f')" for end in ("low", "high")]
    means = base.transform_filter("datum.kind == 'mean'").transform_calculate(
        beyond="datum.beyond_chance + ' of ' + datum.seeds + ' trainings'",
        chance=f"isValid(toNumber(datum.split)) ? format(toNumber(datum.split), '.3f') + ' (' + {bounds[0]} + ' to ' + {bounds[1]} + ')' : '–'",
    )
    band = (
        means.transform_filter("isValid(toNumber(datum.split))")
        .mark_bar(height=MARK - 3, color=NEUTRAL, opacity=0.28)
        .encode(x=alt.X("split_low:Q", scale=ends, axis=None), x2=alt.X2("split_high:Q"), y=y)
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
    centres = means.mark_tick(orient="vertical", size=MARK - 1, thickness=2.2).encode(
        x=x, y=y, color=colour,
        tooltip=[
            alt.Tooltip("title:N", title="experiment"), alt.Tooltip("dataset:N"), alt.Tooltip("share:Q", title="η², mean", format=".3f"),
            alt.Tooltip("beyond:N", title="beyond chance"), alt.Tooltip("chance:N", title="divided at random"),
        ],
    )  # fmt: skip
    marks = (
        base.transform_filter("datum.kind == 'run'")
        .mark_point(size=70, opacity=1, strokeWidth=1.6)
        .encode(
            x=x, y=y, color=colour, shape=shape,
            fill=alt.condition("toNumber(datum.beyond_chance) == 1", colour, alt.value("transparent")),
            tooltip=[
                alt.Tooltip("title:N", title="experiment"), alt.Tooltip("dataset:N"), alt.Tooltip("seed:Q"), alt.Tooltip("share:Q", title="η²", format=".3f"),
                alt.Tooltip("p:Q", format=".3f"), alt.Tooltip("accuracy:Q", title="test accuracy", format=".1%"),
            ],
        )
    )  # fmt: skip
    axis = alt.Axis(orient="bottom", format=".1f", values=ticks)
    frame = means.mark_point(opacity=0).encode(
        x=alt.X("share:Q", title="difference between branches, η²", scale=ends, axis=axis), y=y
    )
    ruled = lines.encode(y=alt.Y("head:Q", scale=down, axis=None))
    return alt.layer(frame, band, expected, ruled, headings, titles, centres, marks).resolve_axis(x="independent")


FIGURES = (
    Figure("branch-differences", draw, "how far branches differ", of="site", options=("property", "setting")),
)  # fmt: skip
