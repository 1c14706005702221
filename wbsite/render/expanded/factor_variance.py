"""How many factors a family's weights need, against groups of units drawn at random from the same layer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.claims.expanded._network import called
from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import listing
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Examples, Family, Finding
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
    titles = {name: called(found) for name in families if isinstance(found := examples.findings[name], Finding)}
    rows: list[dict[str, Any]] = []
    for name, family in families.items():
        groups = [("family", _label(titles[name]), family.by_count)]
        groups += [
            (f"random {i + 1}", f"random groups of {family.layer}", by_count)
            for i, by_count in enumerate(family.by_count_random)
        ]
        for kind, title, by_count in groups:
            for count, explained in enumerate(by_count, 1):
                about = {"of": name, "group": kind, "title": title, "factors": count}
                rows.append({**about, "explained": round(explained, 4)})
    table = pd.DataFrame(rows)
    compared = joined((_compared(titles[name], family) for name, family in families.items()), "; ")
    first = next(iter(families.values()))
    caption = html(
        "Explained share of the weights by number of factors, in {}; grey, the random groups.", scene.model.title
    )
    method = html(
        "Each grey line is one of {} groups of as many units drawn at random from the family's layer;"
        " factors are of the excitatory and inhibitory weights. With two factors: {}.",
        len(first.by_count_random),
        compared,
    )
    alt = html(
        "Lines of the explained share by number of factors, 1 to {}. With two: {}.", len(first.by_count), compared
    )
    finding_text = _finding(titles, families)
    return Drawing(
        caption,
        alt,
        table,
        _chart(list(map(_label, titles.values()))),
        height=HEIGHT,
        finding=finding_text,
        method=method,
    )


def _finding(titles: dict[str, str], families: dict[str, Family]) -> str:
    """Of which families two factors explain more than of any random group."""
    groups = len(next(iter(families.values())).by_count_random)
    by_chance = {name: max(by_count[1] for by_count in family.by_count_random) for name, family in families.items()}
    distinct = [
        titles[name]
        for name, family in families.items()
        if round(100 * family.by_count[1]) > round(100 * by_chance[name])  # as printed
    ]
    if distinct:
        return f"Two factors explain more of {listing(distinct)} than of any of {groups} random groups of units."
    return f"Two factors explain no more of {'these families' if len(families) > 1 else 'this family'} than of random groups of units."


def _compared(title: str, family: Family) -> Markup:
    """What two factors explain of a family and of random groups."""
    by_chance = [by_count[1] for by_count in family.by_count_random]
    return html("{} {:.0%} against {:.0%} to {:.0%}", title, family.by_count[1], min(by_chance), max(by_chance))


def _label(title: str) -> str:
    """As the legend has it, which is narrow."""
    return title.removeprefix("the units ")


def _chart(labels: list[str]) -> dict[str, Any]:
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
    scale = alt.Scale(domain=labels, range=SERIES[: len(labels)])
    colour = alt.Color("title:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=420))
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
