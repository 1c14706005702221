"""Blocks of residual stages: does a block's population of units differ from those of the other blocks of its stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import number_text, share_text
from wbsite.results.branches._examples import residual
from wbsite.results.branches.enrichment import Stage
from wbsite.results.site import Gap

from ._enrichment_data import Enriched, marked, p_text

if TYPE_CHECKING:
    import altair as alt

HEIGHT = 300


def draw(scene: Scene) -> Drawing | Gap:
    """A mark a block, in order of execution. Option: group, a stage."""
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    if enriched.blocks.empty:
        return Gap("no stage of residual blocks was measured", failed=False)
    table = enriched.blocks.drop(columns=["kind", "source"]).rename(columns={"branch": "block"})
    table = table.assign(place=table["group"] + ", " + table["block"]).round({"statistic": 4, "untrained_statistic": 4})
    stages = [stage for stage in enriched.result.stages if stage.group in set(table["group"])]
    differing = table[table["q"].map(marked)]
    alt = (
        f"{len(table)} blocks in {len(stages)} stages of {enriched.model.title}; {len(differing)} differ from the other blocks of their"
        f" stage (q ≤ 0.05). Statistics from {table['statistic'].min():.1f} to {table['statistic'].max():.1f}, 1 by chance."
    )
    return Drawing(
        _caption(table),
        alt,
        table,
        specification(_chart(table), HEIGHT),
        width="wide",
        height=HEIGHT,
        finding=html(
            "{} of {} residual blocks of {} differ{} from the others of their stage.",
            _count(len(differing)),
            len(table),
            enriched.model.title,
            "s" if len(differing) == 1 else "",
        ),
        method=_method(enriched, stages, table),
    )


def _count(number: int) -> str:
    return str(number) if number else "None"


def _chart(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    stages = list(dict.fromkeys(table["group"]))
    axis = alt.Axis(labelAngle=-60, labelLimit=150, grid=False)
    x = alt.X("place:N", sort=list(table["place"]), title=None, axis=axis)
    least = float(table[["statistic", "untrained_statistic"]].min().min())
    scale = alt.Scale(type="log", domainMin=min(0.5, max(least, 0.01)), nice=False)
    y = alt.Y("statistic:Q", title="difference from the other blocks (1 by chance)", scale=scale)
    legend = alt.Legend(title=None, orient="top") if len(stages) > 1 else None
    colour = alt.Color("group:N", scale=alt.Scale(domain=stages, range=SERIES[: len(stages)]), legend=legend)
    tips = [
        alt.Tooltip("group:N"), alt.Tooltip("block:N"), alt.Tooltip("units:Q"),
        *(alt.Tooltip(f"{name}:Q", format=".3g") for name in ("statistic", "p", "q", "untrained_statistic", "untrained_p")),
    ]  # fmt: skip
    base = alt.Chart(data())
    copies = base.transform_filter("isValid(toNumber(datum.untrained_statistic))").mark_tick(
        color=NEUTRAL, thickness=3, width=18
    ).encode(x=x, y=alt.Y("untrained_statistic:Q"))  # fmt: skip
    points = base.mark_point(size=80, opacity=1, strokeWidth=2).encode(
        x=x, y=y, color=colour, tooltip=tips,
        fill=alt.condition("datum.q <= 0.05 && isValid(toNumber(datum.q))", colour, alt.value("transparent")),
    )  # fmt: skip
    chance = alt.Chart(alt.InlineData([{}])).mark_rule(color=NEUTRAL, strokeDash=[4, 3]).encode(y=alt.YDatum(1))
    return alt.layer(chance, copies, points)


def _caption(table: pd.DataFrame) -> str:
    grey = " Grey: untrained copies." if table["untrained_statistic"].notna().any() else ""
    return (
        f"A mark is a block, filled where certain (q ≤ 0.05); at 1 it is as different as so many units at random.{grey}"
    )


def _method(enriched: Enriched, stages: list[Stage], table: pd.DataFrame) -> Markup:
    result = enriched.result
    return html(
        "For every block how far the mean ranks of its units' indices are from those of its stage, squared, averaged over"
        " indices, in units of what as many units drawn at random give. q of Benjamini and Hochberg over"
        " {} blocks, of p by {} permutations of units among the stage's blocks (seed"
        " {}). {} Depth is a confounder: later blocks see more of the picture and read"
        " what earlier ones added, so that a difference need be no division of labour.{}",
        number_text(len(table)),
        result.permutations,
        result.seed,
        joined(map(_stage, stages), " "),
        enriched.copies_text,
    )


def _stage(stage: Stage) -> Markup:
    """A sentence on one stage."""
    text = html(
        "In <code>{}</code> {} of the variance of ranks lies between its {} blocks, {} by chance (p {})",
        stage.group,
        _percent(stage.share),
        stage.blocks,
        _percent(stage.by_chance),
        p_text(stage.p),
    )
    if stage.untrained:
        text += html(", {} to {} in untrained copies", _percent(min(stage.untrained)), _percent(max(stage.untrained)))
    with_depth = share_text(stage.with_depth)
    return html("{}; {} of that goes in a straight line with depth.", text, with_depth)


def _percent(share: float | None) -> str:
    return "–" if share is None else html("{:.1f}&nbsp;%", 100 * share)


FIGURES = (
    Figure("residual-blocks", draw, "how residual blocks differ", of="model", options=("group",), example=residual),
)
