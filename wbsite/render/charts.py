"""What all charts share: colours, widths, and how an Altair chart becomes a specification."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wbsite.core.markup import Markup, all_visible, html, joined

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

ROWS, COLUMNS, INDEX, NEUTRAL = "#3f7fd0", "#dd7f2f", "#1f9e89", "#8a8f98"
"""Row share, column share, banding index, and everything else; readable on light and dark ground."""

LAST, BEFORE = "#1f9e89", "#a06cc0"
"""The last convolution of a network, in the colour of the index, and the convolution before it."""

SERIES = ["#8057c2", "#c9428a", "#8f8a1f", "#a8623a", "#5f7f95", "#c2483c", "#4f9a3d", "#70707a"]
"""Colours of things compared side by side, such as models; none is one of the quantities' above."""

SHAPES = {"3×3": "square", "5×5": "triangle-up", "7×7": "circle", "11×11": "diamond"}
"""Marks of kernel sizes; others point down."""

SOURCES = {"weights": "full weights", "nmf": "NMF pictures"}


def data() -> alt.UrlData:
    """The figure's own CSV file; its address is filled in when the figure is written."""
    import altair as alt

    return alt.UrlData("data.csv", format=alt.CsvDataFormat(type="csv"))


def sources(table: pd.DataFrame) -> tuple[str, ...]:
    """What was measured on: full weights, NMF pictures or both."""
    return tuple(source for source in SOURCES if source in set(table["source"]))


def source_choice(options: Sequence[str]) -> alt.Parameter:
    """The parameter `source`: a choice between full weights and NMF pictures where there are both."""
    import altair as alt

    if len(options) == 1:
        return alt.param(name="source", value=options[0])
    bind = alt.binding_radio(options=list(options), labels=[SOURCES[source] for source in options], name="Measured on ")
    return alt.param(name="source", value=options[0], bind=bind)


def kernel_shape(table: pd.DataFrame) -> alt.Shape:
    """The mark of a kernel size, the same in every chart, smallest kernel first in the legend."""
    import altair as alt

    kernels = sorted(set(table["kernel"]), key=lambda text: [int(side) for side in text.split("×")])
    shapes = [SHAPES.get(kernel, "triangle-down") for kernel in kernels]
    legend = alt.Legend(title=None, orient="top") if len(kernels) > 1 else None
    return alt.Shape("kernel:N", scale=alt.Scale(domain=kernels, range=shapes), legend=legend)


@contextmanager
def unchecked() -> Iterator[None]:
    """Meanwhile Altair does not hold each part of a chart against Vega-Lite's schema as it is made, which takes time.

    Parts that do not fit are found where a figure is drawn by itself, as tests do.
    """
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def specification(chart: Any, height: int) -> dict[str, Any]:
    """Vega-Lite specification, as wide as its place on the page.

    Not held against Vega-Lite's schema, which takes most of the time; a test does that for every figure.

    Appearance (fonts, ground, axes in light and dark) is the page's affair and not part of it.
    """
    spec = chart.to_dict(validate=False)
    spec.pop("config", None)
    return {**spec, "width": "container", "height": height}


def literal(value: Any) -> str:
    """A text, list or mapping in an expression of Vega, which nothing in it can end; as charts' data have it."""
    return json.dumps(all_visible(value), ensure_ascii=False)


def chart_box(file: str, alternative: str) -> Markup:
    """A chart in a figure's body: its static drawing, which the live chart replaces near the view.

    Args:
        file: name of its specification among the figure's files.
        alternative: what a reader who cannot see it needs to know; plain text.
    """
    return html('<div class="wb-chart" data-spec="{}"><img alt="{}"></div>', file, alternative)


def caption_by_choice(parameter: str, texts: Mapping[str, str]) -> Markup:
    """Words in a caption that follows a menu of the figure: the first text, until the reader chooses another value.

    Args:
        parameter: name of the chart's parameter.
        texts: for each of its values, the default first.
    """
    return joined(
        html('<span data-parameter="{}" data-value="{}"{}>{}</span>', parameter, value, " hidden" * bool(place), text)
        for place, (value, text) in enumerate(texts.items())
    )
