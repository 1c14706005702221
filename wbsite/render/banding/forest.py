"""Forest plot of a suite: the banding index of every experiment's last two layers, with intervals over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from wbsite.core.markup import html
from wbsite.render.charts import NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import INTERVAL, interval_expression, interval_text, seeds_text
from wbsite.render.text import percent_text, share_text
from wbsite.results.site import Gap

from ._laboratory import HEADINGS, Laboratory, place_colour, place_shape, span, written
from ._outcomes import LOST, OPEN, STRONGER, TURNED, outcomes

if TYPE_CHECKING:
    import altair as alt

ROW, HEADING, TOP = 38, 34, 8
"""Pixels of a row, of a group's heading above its first row, and above all."""

OFFSET = {"last": 3, "before": 12}
"""Pixels from the middle of a row to the marks of its two layers."""

NARROW, LABELS = 640, 268
"""Below this width titles stand above their marks; else to the left of them, in this many pixels."""

KEPT = ["index", "low", "high", "row_share", "column_share", "accuracy", "accuracy_low", "accuracy_high"]
SHARES = ["row_share", "column_share", "accuracy"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]


def forest_rows(laboratory: Laboratory) -> pd.DataFrame:
    """One row a mark: the mean of an experiment's layer (`kind` "mean"), or one seed's value ("seed").

    Places are in pixels from the top: `row`, the middle of the experiment's row, `y` of the mark, and `head`, the top of
    its group.
    """
    summary = laboratory.summary.sort_values(["order", "place"], kind="stable")
    baselines = {name: experiment.baseline for name, experiment in laboratory.experiments.items()}
    y: dict[str, int] = {}
    heads: dict[str, int] = {}
    top, group = TOP, None
    for row in summary.drop_duplicates("experiment").itertuples():
        top += HEADING if row.group != group else 0
        group = row.group
        y[row.experiment] = top + ROW // 2
        heads.setdefault(row.group, top)
        top += ROW
    middle = summary.assign(kind="mean", baseline=summary["experiment"].map(baselines))
    single = laboratory.runs.sort_values(["order", "place", "seed"], kind="stable").assign(kind="seed")
    table = pd.concat([middle, single.drop(columns=["low", "high"])], ignore_index=True)
    table["heading"] = table["group"].map(lambda name: HEADINGS.get(name, name))
    table["row"], table["head"] = table["experiment"].map(y), table["group"].map(heads)
    table["y"] = table["row"] + table["place"].map(OFFSET)
    columns = ["group", "heading", "experiment", "title", "place", "layer", "kind", "seed", "seeds", *KEPT, *DIFFERENCE]
    table = table[[*columns, "baseline", "row", "y", "head"]]
    return table.astype({"seed": "Int64", "seeds": "Int64"})


def _bands(table: pd.DataFrame) -> pd.DataFrame:
    """The baselines' intervals, each over the rows that are compared with it."""
    middle = table[(table["kind"] == "mean") & table["low"].notna()]
    compared = table[table["kind"] == "mean"].groupby("baseline")["row"].agg(["min", "max"])
    bands = middle[middle["experiment"].isin(compared.index)].set_index("experiment")
    return bands.assign(top=compared["min"] - ROW // 2, bottom=compared["max"] + ROW // 2)


def draw(scene: Scene) -> Drawing | Gap:
    """A row an experiment, grouped, in the order of the suite."""
    laboratory = Laboratory.open(scene)
    if isinstance(laboratory, Gap):
        return laboratory
    summary = laboratory.summary
    table = forest_rows(laboratory)
    bands = _bands(table)
    table = table.merge(bands.reset_index()[["experiment", "place", "top", "bottom"]], how="left")
    table.loc[table["kind"] == "seed", ["top", "bottom"]] = None
    height = int(table["row"].max()) + ROW // 2
    chart = specification(_chart(table, height), height)
    last = summary[summary["place"] == "last"].sort_values("order")
    texts = [f"{row['title']} {interval_text(row)}" for row in last[last["group"] == "main"].to_dict("records")]
    alt_text = (
        f"Forest plot of {len(last)} experiments. Banding index of the last convolution: {'; '.join(texts)}."
        f" Over all experiments it goes from {share_text(last['index'].min())} to {share_text(last['index'].max())}."
    )
    each_own = ", each architecture's own beside its rows" if len(bands.index.unique()) > 1 else ""
    caption = "Banding index H of the last convolution and of the one before it. Point at a mark for its numbers."
    method = html(
        "H on full weights, positive for horizontal bands, of networks {}. Large marks are means, ticks"
        " single seeds. {} ({} an experiment). The shaded bands are the intervals of the"
        " baseline{}. What counts as losing most of the banding: less than"
        " {} of the baseline's H, and lower with a 95 % Welch interval that excludes 0.",
        laboratory.setup_text,
        INTERVAL,
        seeds_text(summary),
        each_own,
        percent_text(laboratory.result.lost_below),
    )
    return Drawing(
        caption,
        alt_text,
        written(table),
        chart,
        width="wide",
        height=height,
        finding=_finding(laboratory),
        method=method,
    )


def _finding(laboratory: Laboratory) -> str:
    """How many experiments lose the last layer's banding, turn it or make it stronger."""
    groups = outcomes(laboratory, laboratory.ordered)
    decided = sum(len(group) for state, group in groups.items() if state != OPEN)
    if not decided:
        return "With these runs no experiment can be told from its baseline."
    lost, turned, stronger = (len(groups.get(state, ())) for state in (LOST, TURNED, STRONGER))
    return (
        f"Of {decided} experiments that can be judged, {lost} take most of the last layer's banding away, {turned} turn it, and"
        f" {stronger} make it stronger."
    )


def _tips(*names: str) -> list[alt.Tooltip]:
    import altair as alt

    titles = {"title": "experiment", "index": "H", "row_share": "R", "column_share": "C"}
    formats = {"index": ".3f", "row_share": ".3f", "column_share": ".3f", "accuracy": ".1%"}
    return [
        alt.Tooltip(name, type="quantitative", format=formats[name], title=titles.get(name, name))
        if name in formats
        else alt.Tooltip(name, type="nominal", title=titles.get(name, name))
        for name in names
    ]


def _chart(table: pd.DataFrame, height: int) -> alt.LayerChart:
    import altair as alt

    narrow = f"width < {NARROW}"
    low, high = span(table)
    ends = alt.Scale(
        domain=[low, high], nice=False, clamp=True,
        range=[alt.ExprRef(f"{narrow} ? 10 : {LABELS}"), alt.ExprRef("width - 10")],
    )  # fmt: skip
    step = 0.2 if high - low < 1.3 else 0.4
    ticks = [round(step * i, 1) for i in range(-5, 6) if low <= round(step * i, 1) <= high]
    axis: dict[str, Any] = {"values": ticks, "format": ".1f"}
    bottom = alt.X("index:Q", title="banding index H", scale=ends, axis=alt.Axis(orient="bottom", **axis))
    top = alt.X("index:Q", title=None, scale=ends, axis=alt.Axis(orient="top", grid=False, domain=False, **axis))
    x, x_low = alt.X("index:Q", scale=ends, axis=None), alt.X("low:Q", scale=ends, axis=None)
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    base = alt.Chart(data())
    means = base.transform_filter("datum.kind == 'mean'")
    tips = [*_tips("title", "layer", "index", "interval", "seeds"), *_tips(*SHARES, "minus baseline")]
    colour = place_colour(table)
    band = means.transform_filter("isValid(toNumber(datum.top))").mark_rect(opacity=0.13).encode(
        x=x_low, x2=alt.X2("high:Q"), y=alt.Y("top:Q", scale=down, axis=None), y2=alt.Y2("bottom:Q"), color=colour
    )  # fmt: skip
    zero = base.mark_rule(color=NEUTRAL, strokeWidth=1.2).encode(x=alt.X(datum=0, scale=ends, axis=None))
    titles = means.transform_aggregate(groupby=["title", "row"]).mark_text(
        align="left", fontSize=12, x=0, dy=alt.ExprRef(f"{narrow} ? -7 : 11"),
    ).encode(y=alt.Y("row:Q", scale=down, axis=None), text=alt.Text("title:N"))  # fmt: skip
    headings = means.transform_aggregate(groupby=["heading", "head"]).mark_text(
        align="left", fontSize=12.5, fontWeight="bold", x=0, dy=-8
    ).encode(y=alt.Y("head:Q", scale=down, axis=None), text=alt.Text("heading:N"))  # fmt: skip
    lines = means.transform_aggregate(groupby=["head"]).mark_rule(color=NEUTRAL, opacity=0.45, x=0, x2="width")
    seeds = base.transform_filter("datum.kind == 'seed'").mark_tick(orient="vertical", size=9, thickness=1.5, opacity=0.75).encode(
        x=x, y=y, color=colour, tooltip=_tips("title", "layer", "seed", "index", *SHARES)
    )  # fmt: skip
    apart, change = interval_expression("difference_low", "difference_high"), "toNumber(datum.difference)"
    middle = means.transform_calculate(
        interval=interval_expression(),
        **{"minus baseline": f"isValid({change}) ? format({change}, '+.3f') + ' (' + ({apart}) + ')' : '–'"},
    )
    whiskers = middle.mark_rule(strokeWidth=2).encode(x=x_low, x2=alt.X2("high:Q"), y=y, color=colour)
    marks = middle.mark_point(filled=True, size=80, opacity=1).encode(
        x=x, y=y, color=colour, shape=place_shape(table), tooltip=tips
    )
    frame = [means.mark_point(opacity=0).encode(x=side, y=y) for side in (bottom, top)]
    ruled = lines.encode(y=alt.Y("head:Q", scale=down, axis=None))
    return alt.layer(*frame, band, zero, ruled, headings, titles, seeds, whiskers, marks).resolve_axis(x="independent")


FIGURES = (Figure("forest", draw, "the forest plot of all experiments", of="site", options=("setting",)),)
