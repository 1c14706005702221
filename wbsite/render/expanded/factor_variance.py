"""How many factors a family's weights need, against groups of units drawn at random from the same layer."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Examples, Family
from wbsite.results.site import Gap

FAMILIES = ("high-low", "black-and-white")
HEIGHT = 300


def draw(scene: Scene) -> Drawing | Gap:
    """A line a family, and thin ones for random groups."""
    assert scene.model is not None
    examples = scene.result_or_gap(Examples)
    if isinstance(examples, Gap):
        return examples
    finding = examples.finding(FAMILIES[0])
    if isinstance(finding, Gap) and not examples.families:
        return finding
    families = {name: examples.families[name] for name in FAMILIES if name in examples.families}
    titles = {name: examples.findings[name].title for name in families}
    rows: list[dict[str, Any]] = []
    for name, family in families.items():
        groups = [("family", titles[name], family.by_count)]
        groups += [
            (f"random {i + 1}", f"random groups of {family.layer}", by_count)
            for i, by_count in enumerate(family.by_count_random)
        ]
        for kind, title, by_count in groups:
            for count, explained in enumerate(by_count, 1):
                about = {"of": name, "group": kind, "title": title, "factors": count}
                rows.append({**about, "explained": round(explained, 4)})
    table = pd.DataFrame(rows)
    compared = "; ".join(_compared(titles[name], family) for name, family in families.items())
    first = next(iter(families.values()))
    caption = (
        f"Share of a family's squared weights that non-negative factors of its excitatory and inhibitory weights explain, by"
        f" number of factors, in {escape(scene.model.title)}. Grey: {len(first.by_count_random)} groups of as many units drawn at random from"
        f" the family's layer. With two factors: {compared}."
    )
    alt = f"Lines of the explained share by number of factors, 1 to {len(first.by_count)}. With two: {compared}."
    return Drawing(caption, alt, table, chart=_chart(titles), width="column", height=HEIGHT)


def _compared(title: str, family: Family) -> str:
    """What two factors explain of a family and of random groups."""
    by_chance = [by_count[1] for by_count in family.by_count_random]
    return f"{escape(title)} {family.by_count[1]:.0%} against {min(by_chance):.0%} to {max(by_chance):.0%}"


def _chart(titles: dict[str, str]) -> dict[str, Any]:
    import altair as alt

    x = alt.X("factors:O", title="factors", axis=alt.Axis(labelAngle=0, grid=False))
    y = alt.Y(
        "explained:Q",
        title="explained share of squared weights",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    base = alt.Chart(data())
    chance = base.transform_filter("datum.group != 'family'").mark_line(strokeWidth=1, opacity=0.6, color=NEUTRAL)
    scale = alt.Scale(domain=list(titles.values()), range=SERIES[: len(titles)])
    colour = alt.Color("title:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=1))
    tips = [alt.Tooltip("title:N"), alt.Tooltip("factors:O"), alt.Tooltip("explained:Q", format=".1%")]
    family = base.transform_filter("datum.group == 'family'").mark_line(point=True, strokeWidth=2.4)
    layers = alt.layer(
        chance.encode(x=x, y=y, detail=[alt.Detail("of:N"), alt.Detail("group:N")]),
        family.encode(x=x, y=y, color=colour, tooltip=tips),
    )
    return specification(layers, HEIGHT)


FIGURES = (
    Figure("factor-variance", draw, "how many factors a family's weights need", of="model", example=example_network),
)
