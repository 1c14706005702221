"""Five hypotheses on why kernels are banded, with the effect that the census finds for each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.claims.base import FAILS, HOLDS, WORDS, Claim
from wbsite.claims.census.hypotheses import CLAIMS
from wbsite.core.naming import CENSUS
from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_expression
from wbsite.render.text import NUMBER_WORDS, counted
from wbsite.results.census.hypotheses import Hypotheses
from wbsite.results.site import Gap

TITLES = {
    "pooled": "pooling",
    "task_axis": "axis of the task",
    "map_shape": "shape of the map",
    "upright": "upright pictures",
    "depth": "depth",
}
"""Field of the result → what bands go with by the hypothesis."""

ROW = 52


def draw(scene: Scene) -> Drawing | Gap:
    """A row a hypothesis: effect and interval, in the direction that it predicts."""
    hypotheses = scene.site.suite(CENSUS).result_or_gap(Hypotheses)
    if isinstance(hypotheses, Gap):
        return hypotheses
    table = hypotheses.rows.copy()
    verdicts = [_verdict(claim, scene) for claim in CLAIMS]
    table = table.assign(title=table["hypothesis"].map(TITLES), verdict=[WORDS.get(v, v) for v in verdicts])
    height = ROW * len(table)
    held, failed = verdicts.count(HOLDS), verdicts.count(FAILS)
    return Drawing(
        "Each predicts its effect right of zero. Intervals of 95 % are over packages."
        " Four effects are in units of H, the last is a rank correlation.",
        "Forest plot. " + "; ".join(f"{row.title}: {row.verdict}" for row in table.itertuples()) + ".",
        table.round(9),
        specification(_chart(table), height),
        width="wide",
        height=height,
        finding=f"Of five explanations of banding, {NUMBER_WORDS[held]} {'hold' if held > 1 else 'holds'} here"
        f" and {NUMBER_WORDS[failed]} {'fail' if failed > 1 else 'fails'}; the others cannot be decided or tested.",
        method="Hypotheses and rules were written before the census was computed. Networks of one package with the same value of"
        " the predictor count once; intervals resample whole packages, p-values permute networks, and are corrected for five"
        f" tests after Holm. They rest on {counted(int(table['networks'].max()), 'network')} at most. A rule and a verdict for"
        " each stand in the ledger of claims.",
    )


def _verdict(claim: Claim, scene: Scene) -> str:
    decided = claim.decide(scene.site)
    assert not isinstance(decided, Gap), "the hypotheses are there"
    return claim.put(decided[0])[0]


def _chart(table: pd.DataFrame) -> Any:
    import altair as alt

    order = [f"{row.title}" for row in table.itertuples()]
    y = alt.Y("title:N", sort=order, title=None, axis=alt.Axis(labelLimit=280, ticks=False, domain=False, grid=False))
    base = alt.Chart(data()).transform_calculate(interval=interval_expression())
    colour = alt.condition(f"datum.verdict == '{WORDS[HOLDS]}'", alt.value(INDEX), alt.value(NEUTRAL))
    tips = [
        alt.Tooltip("title:N", title="hypothesis"),
        alt.Tooltip("effect:Q", format=".3f"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("p_holm:Q", format=".3f", title="p, corrected"),
        alt.Tooltip("networks:Q"),
        alt.Tooltip("packages:Q"),
        alt.Tooltip("verdict:N"),
    ]
    zero = alt.Chart(data()).mark_rule(color=NEUTRAL).encode(x=alt.X(datum=0))
    whiskers = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title="effect"), x2="high:Q", y=y, color=colour, tooltip=tips
    )
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(x="effect:Q", y=y, color=colour, tooltip=tips)
    return alt.layer(zero, whiskers, marks)


FIGURES = (Figure("wild-hypotheses", draw, "the five hypotheses", of="site"),)
