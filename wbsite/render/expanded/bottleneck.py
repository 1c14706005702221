"""A unit behind a bottleneck: its kernels over the bottleneck's units beside those over the wide map before it."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import scale_legend
from wbsite.render.text import percent_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes, layers_text, scale_of, sentence, weights_table


def draw(scene: Scene) -> Drawing | Gap:
    """Direct kernels, then expanded ones, each strongest first, on a scale of its own."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    finding = examples.result.finding("bottleneck")
    if isinstance(finding, Gap):
        return finding
    bottleneck, unit = examples.result.bottleneck, finding.first
    direct, across = examples.result.bottleneck_direct, examples.result.bottleneck_across
    assert bottleneck is not None and direct is not None and across is not None
    target = examples.name(unit.layer, unit.channel)
    sides = {
        "direct": (f"over the {bottleneck.channels} channels of the bottleneck", bottleneck.direct, direct),
        "across": (f"over the {bottleneck.wide} channels of the map before it", bottleneck.across, across),
    }
    shares = {kind: sum(item.share for item in inputs) for kind, (_, inputs, _) in sides.items()}
    parts, data = [], []
    for kind, (head, inputs, kernels) in sides.items():
        layers, scale = layers_text(item.layer for item in inputs), scale_of(kernels)
        parts.append(
            html(
                "<section><p><strong>{}</strong>: {} ({:.0%} of its squared weights)</p>{}{}</section>",
                head,
                layers,
                shares[kind],
                scale_legend(scale),
                examples.multiples(inputs, kernels, scale),
            )
        )
        about = (
            {"kind": kind, "layer": item.layer, "channel": item.unit, "share": round(item.share, 5)} for item in inputs
        )
        data += weights_table(zip(about, kernels, strict=True))
    tile = examples.tile(unit.layer, unit.channel)
    body = html('<div class="wb-unit-inputs">{}<div class="wb-two">{}</div></div>', tile, joined(parts))
    finding_text = (
        f"Over the bottleneck {len(bottleneck.direct)} kernels hold {percent_text(shares['direct'])} of the unit's weights; over the"
        f" wider map before it {len(bottleneck.across)} hold {percent_text(shares['across'])}."
    )
    caption = html(
        "{} of {}: left its strongest kernels over the bottleneck, right its expanded weights over the map before.",
        sentence(examples.named(unit.layer, unit.channel)),
        examples.model.title,
    )
    method = html(
        "The bottleneck is {}, each unit of which is a mixture of the {} channels it reads."
        " Shares are of squared weights. Red excites, blue inhibits, white is zero; each side has its own scale. {}",
        codes(bottleneck.layers),
        bottleneck.wide,
        examples.how(finding),
    )
    alt = (
        f"{sentence(target)} with its strongest kernels over {bottleneck.channels} bottleneck channels, which hold"
        f" {shares['direct']:.0%} of its squared weights, beside those over {bottleneck.wide} channels of the map before the bottleneck,"
        f" which hold {shares['across']:.0%}."
    )
    return Drawing(caption, alt, pd.DataFrame(data), body=body, width="full", finding=finding_text, method=method)


FIGURES = (
    Figure("bottleneck", draw, "a unit and what lies behind its bottleneck", of="model", example=example_network),
)
