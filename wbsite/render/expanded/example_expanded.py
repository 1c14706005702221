"""The black-and-white centre: what it reads directly, and what that comes to one layer further back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import scale_legend
from wbsite.render.text import percent_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Input
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, layers_text, property_text, scale_of, sentence, weights_table


def draw(scene: Scene) -> Drawing | Gap:
    """Its strongest inputs; below, the strongest expanded weights in two rows by factor."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    finding = examples.result.finding("black-and-white-centre")
    if isinstance(finding, Gap):
        return finding
    centre, unit = examples.result.centre, finding.first
    near, far = examples.result.centre_kernels, examples.result.centre_further
    assert centre is not None and near is not None
    further = centre.further
    if further is None or far is None:
        return Gap("nothing lies between the unit found and the first filters", failed=False)
    target = examples.name(unit.layer, unit.channel)
    scale, far_scale = scale_of(near), scale_of(far)
    near_layers, far_layers = (layers_text(item.layer for item in part) for part in (centre.inputs, further.inputs))
    parts = [
        html(
            "<section><p><strong>its strongest inputs</strong> in {}</p>{}{}</section>",
            near_layers,
            scale_legend(scale),
            examples.multiples(centre.inputs, near, scale),
        ),
        html("<section><p><strong>one layer further back</strong>, in {}</p>{}", far_layers, scale_legend(far_scale)),
    ]
    for factor in (0, 1):
        numbers = [i for i, item in enumerate(further.inputs) if item.factor == factor]
        if numbers:
            multiples = examples.multiples([further.inputs[i] for i in numbers], far[numbers], far_scale)
            parts.append(
                html("<p>factor {}{}</p>{}", factor + 1, property_text("colour", further.colour[factor]), multiples)
            )
    parts.append(Markup("</section>"))
    rows: list[tuple[str, int | str, Input, np.ndarray]] = [
        *(("direct", "", item, kernel) for item, kernel in zip(centre.inputs, near, strict=True)),
        *(("further back", item.factor + 1, item, kernel) for item, kernel in zip(further.inputs, far, strict=True)),
    ]
    data = weights_table(
        (
            {"step": step, "factor": factor, "layer": item.layer, "channel": item.unit, "share": round(item.share, 5)},
            kernel,
        )
        for step, factor, item, kernel in rows
    )
    tile = examples.tile(unit.layer, unit.channel)
    body = html('<div class="wb-unit-inputs">{}<div>{}</div></div>', tile, joined(parts))
    caption = html(
        "{} of {}: above, its strongest inputs; below, what they come to one layer earlier.",
        sentence(examples.named(unit.layer, unit.channel)),
        examples.model.title,
    )
    method = html(
        "The {} inputs of largest norm, and the {} of {} channels with the largest expanded weights"
        " ({} of their sum of squares), in two rows by which of two non-negative factors of these weights carries more of them (together"
        " {:.0%}). A factor's colour is the mean, over its inputs by share, of how near their own expanded weights to the first"
        " filters are to reading colour (positive) or grey (negative), a cosine. Red excites, blue inhibits, white is zero; one"
        " scale above, one below. {}",
        len(near),
        len(far),
        further.channels,
        percent_text(further.share),
        further.explained,
        examples.how(finding),
    )
    nearness = "more clearly than chance allows" if finding.beyond_chance else "but chance brings some unit as near"
    finding_text = (
        f"Of {finding.considered} units this one comes nearest to reading less colour in the middle, {nearness}."
    )
    first = further.inputs[0]
    alt = (
        f"{sentence(target)} beside {len(near)} inputs, and {len(far)} expanded weights one layer further back, the strongest to"
        f" {examples.name(first.layer, first.unit)}."
    )
    return Drawing(caption, alt, pd.DataFrame(data), body=body, width="full", finding=finding_text, method=method)


FIGURES = (
    Figure(
        "example-expanded",
        draw,
        "a unit's expanded weights one layer further back",
        of="model",
        example=example_network,
    ),
)
