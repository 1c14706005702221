"""How the kernels of a layer lie in space: symmetries and stripes against those of independent weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from wbsite.core.markup import Markup, html
from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import number_text
from wbsite.results.network.kernel_geometry import KernelGeometry
from wbsite.results.site import Gap

HEIGHT = 170

TITLES = {
    "left_right": "mirrored left–right",
    "up_down": "mirrored up–down",
    "quarter_turn": "turned by 90°",
    "centre_share": "share in the middle",
    "coherence": "stripes of one direction",
}
"""Measure → its row in the chart."""

CAPTION = (
    "Dots with 95 % intervals over units; a rhombus marks what is expected of independent weights. Symmetry is 1 where a kernel is its"
    " own image, −1 where it is its negative."
)
METHOD = (
    "Symmetries are Σ⟨K, TK⟩ / Σ⟨K, K⟩ over all kernels K of the layer, each with its mean over space taken away, and T the"
    " flip or turn. The middle counts squared weights as they are. Stripes are the coherence of the structure tensor of the"
    " kernels' Fourier spectra. Copies of a unit count as one."
)


def draw(scene: Scene) -> Drawing | Gap:
    """A dot, an interval and a chance value for each measure with a fixed range."""
    geometry = scene.result_or_gap(KernelGeometry)
    if isinstance(geometry, Gap):
        return geometry
    table = geometry.rows
    shown = table[table["measure"].isin(TITLES)].reset_index(drop=True)
    shown.insert(1, "title", shown["measure"].map(TITLES))
    assert scene.layer is not None
    label = html("<code>{}</code>", scene.layer.name)
    named = [TITLES[name] for name in TITLES if name in set(shown["measure"])]
    numbers = ", ".join(
        f"{row.title} {number_text(row.value)} (independent weights {number_text(row.null)})"
        for row in shown.itertuples()
    )
    return Drawing(
        CAPTION,
        f"Dot chart of five measures of the kernels: {numbers}.",
        shown,
        _chart(tuple(named)),
        height=HEIGHT,
        finding=_finding(geometry, label),
        method=METHOD,
    )


def _finding(geometry: KernelGeometry, label: Markup) -> Markup:
    """Which mirror images the kernels resemble more than independent weights do, and which less."""
    words = {"more": [], "less": []}  # type: dict[str, list[str]]
    for measure, name in ((geometry.left_right, "left–right"), (geometry.up_down, "up–down")):
        if measure.low is None or measure.high is None or measure.null is None:
            continue
        if measure.low > measure.null:
            words["more"].append(name)
        elif measure.high < measure.null:
            words["less"].append(name)
    more, less = (" and ".join(names) for names in words.values())
    if more and less:
        return html(
            "Kernels of {} are more alike mirrored {} than independent weights, and less so {}.", label, more, less
        )
    if more or less:
        way = "more" if more else "less"
        return html("Kernels of {} are {} alike mirrored {} than independent weights.", label, way, more or less)
    return html("Kernels of {} mirror themselves about as independent weights do.", label)


@cache  # layers share it by the measures that they have
def _chart(titles: tuple[str, ...]) -> Mapping[str, Any]:
    import altair as alt

    y = alt.Y("title:N", sort=list(titles), title=None, axis=alt.Axis(labelLimit=180, domain=False, ticks=False))
    x = alt.X("value:Q", title="symmetry, or share", scale=alt.Scale(domain=[-1, 1]))
    tooltip = [alt.Tooltip("title:N"), *(alt.Tooltip(f"{n}:Q", format=".3f") for n in ("value", "low", "high", "null"))]
    base = alt.Chart(data()).encode(y=y, tooltip=tooltip)
    chance = base.mark_point(shape="diamond", color=NEUTRAL, filled=False, size=70).encode(
        x=alt.X("null:Q", title="symmetry, or share", scale=alt.Scale(domain=[-1, 1]))
    )
    interval = base.mark_rule(color=INDEX, strokeWidth=3).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    dots = base.mark_point(color=INDEX, filled=True, size=55).encode(x=x)
    return specification(alt.layer(chance, interval, dots), HEIGHT)


def has_shape(scene: Scene) -> bool:
    """Whether the layer's kernels have rows and columns, and shapes to measure."""
    geometry = scene.result_or_gap(KernelGeometry)
    return not isinstance(geometry, Gap) and geometry.left_right.value is not None


FIGURES = (
    Figure(
        "kernel-geometry",
        draw,
        "the symmetries of the kernels",
        section="Symmetry",
        order=35,
        belongs=has_shape,
    ),
)
