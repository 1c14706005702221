"""A unit behind a bottleneck: its kernels over the bottleneck's units beside those over the wide map before it."""

from __future__ import annotations

from html import escape

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import scale_legend
from wbsite.results.site import Gap

from ._example_data import Examples, layers_text, scale_of, sentence, weights_table


def draw(scene: Scene) -> Drawing | Gap:
    """Direct kernels, then expanded ones, each strongest first, on a scale of its own."""
    examples = Examples.of(scene)
    if isinstance(examples, Gap):
        return examples
    shown = examples.shown("bottleneck", "bottleneck")
    if isinstance(shown, Gap):
        return shown
    layer, channel = examples.unit("bottleneck")
    name, target = examples.named(layer, channel), examples.name(layer, channel)
    narrow = " and ".join(f"<code>{escape(one)}</code>" for one in shown["layers"])
    heads = {
        "direct": f"over the {shown['channels']} channels of the bottleneck",
        "across": f"over the {shown['wide']} channels of the map before it",
    }
    parts, data, held = [], [], {}
    for kind, head in heads.items():
        rows, kernels = shown[kind], examples.arrays[f"bottleneck_{kind}"]
        held[kind] = sum(row["share"] for row in rows)
        scale = scale_of(kernels)
        parts.append(
            f"<section><p><strong>{head}</strong>: {layers_text(rows)} ({held[kind]:.0%} of its squared weights)</p>{scale_legend(scale)}"
            f"{examples.multiples(rows, kernels, scale, target)}</section>"
        )
        about = (
            {"kind": kind, "layer": row["layer"], "channel": row["unit"], "share": round(row["share"], 5)}
            for row in rows
        )
        data += weights_table(zip(about, kernels, strict=True))
    body = f'<div class="wb-unit-inputs">{examples.tile(layer, channel, 144)}<div class="wb-two">{"".join(parts)}</div></div>'
    count = len(shown["across"])
    caption = (
        f"{sentence(name)} of {escape(examples.model.title)} reads through the bottleneck {narrow}. Left, its {len(shown['direct'])} strongest"
        f" kernels over the bottleneck's units, each a mixture of the {shown['wide']} channels it reads; right, its"
        f" {count} strongest expanded weights over the wide map before it. Red excites, blue inhibits, white is zero;"
        f" each side has its own scale. {examples.how('bottleneck')}"
    )
    alt = (
        f"{sentence(target)} with its strongest kernels over {shown['channels']} bottleneck channels, which hold"
        f" {held['direct']:.0%} of its squared weights, beside those over {shown['wide']} channels of the map before the bottleneck,"
        f" which hold {held['across']:.0%}."
    )
    return Drawing(caption, alt, pd.DataFrame(data), body=body, width="full")


FIGURES = (Figure("bottleneck", draw, "a unit and what lies behind its bottleneck", of="model"),)
