"""The black-and-white centre: what it reads directly, and what that comes to one layer further back."""

from __future__ import annotations

from html import escape

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import scale_legend
from wbsite.results.site import Gap

from ._example_data import Examples, layers_text, property_text, scale_of, sentence, weights_table


def draw(scene: Scene) -> Drawing | Gap:
    """Its strongest inputs; below, the strongest expanded weights in two rows by factor."""
    examples = Examples.of(scene)
    if isinstance(examples, Gap):
        return examples
    shown = examples.shown("centre", "black-and-white-centre")
    if isinstance(shown, Gap):
        return shown
    if "back" not in shown:
        return Gap("nothing lies between the unit found and the first filters", failed=False)
    layer, channel = examples.unit("black-and-white-centre")
    target = examples.name(layer, channel)
    near, far = examples.arrays["centre_kernels"], examples.arrays["centre_back"]
    scale, back_scale = scale_of(near), scale_of(far)
    parts = [
        f"<section><p><strong>its strongest inputs</strong> in {layers_text(shown['inputs'])}</p>{scale_legend(scale)}"
        f"{examples.multiples(shown['inputs'], near, scale, target)}</section>",
        f"<section><p><strong>one layer further back</strong>, in {layers_text(shown['back'])}</p>{scale_legend(back_scale)}",
    ]
    for factor in (0, 1):
        chosen = [i for i, row in enumerate(shown["back"]) if row["factor"] == factor]
        if chosen:
            rows = [shown["back"][i] for i in chosen]
            parts.append(
                f"<p>factor {factor + 1}{property_text('colour', shown['colour'][factor])}</p>{examples.multiples(rows, far[chosen], back_scale, target)}"
            )
    parts.append("</section>")
    kinds = [({"step": "direct", "factor": ""}, row, kernel) for row, kernel in zip(shown["inputs"], near, strict=True)]
    kinds += [
        ({"step": "further back", "factor": row["factor"] + 1}, row, kernel)
        for row, kernel in zip(shown["back"], far, strict=True)
    ]
    data = weights_table(
        ({**kind, "layer": row["layer"], "channel": row["unit"], "share": round(row["share"], 5)}, kernel)
        for kind, row, kernel in kinds
    )
    body = f'<div class="wb-unit-inputs">{examples.tile(layer, channel, 144)}<div>{"".join(parts)}</div></div>'
    caption = (
        f"{sentence(examples.named(layer, channel))} of {escape(examples.model.title)}, with the {len(near)} inputs of largest norm, and the"
        f" {len(far)} of {shown['back_channels']} channels one layer further back with the largest expanded weights ({shown['back_share']:.0%} of"
        " their sum of squares), in two rows by which of two non-negative factors of these weights carries more of them (together"
        f" {shown['explained']:.0%}). A factor's colour is the mean, over its inputs by share, of how near their own expanded weights to the first"
        " filters are to reading colour (positive) or grey (negative), a cosine. Red excites, blue inhibits, white is zero; one scale above, one below."
        f" {examples.how('black-and-white-centre')}"
    )
    first = shown["back"][0]
    alt = (
        f"{sentence(target)} beside {len(near)} inputs, and {len(far)} expanded weights one layer further back, the strongest to"
        f" {examples.name(first['layer'], first['unit'])}."
    )
    return Drawing(caption, alt, pd.DataFrame(data), body=body, width="full")


FIGURES = (Figure("example-expanded", draw, "a unit's expanded weights one layer further back", of="model"),)
