"""What each position of a unit's kernel looks for: pictures of directions, laid out as the kernel is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import place_text
from wbsite.render.text import number_text, percent_text, share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes

LEAST = 0.5
"""Opacity of a position without any weight; that of others grows with their norm."""


def draw(scene: Scene) -> Drawing | Gap:
    """The example unit with the clearest spatial structure."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    finding = examples.result.finding("example")
    if isinstance(finding, Gap):
        return finding
    positions, norms, unit = examples.result.positions, examples.result.position_norms, finding.first
    assert positions is not None and norms is not None
    largest = float(norms.max()) or 1.0
    cells, rows = [], []
    for (y, x), norm in np.ndenumerate(norms):
        name, share = f"position-{y}-{x}", float(norm) / largest
        alt = (
            f"Row {y + 1}, column {x + 1}: what its weights look for together; their norm is {share:.0%} of the largest"
        )
        style = f"opacity:{LEAST + (1 - LEAST) * share:.2f}"
        picture = examples.direction(name, alt, style)
        cells.append(
            html(
                '<div class="wb-position">{}<i style="width:{:.0%}"></i><span>{}</span></div>',
                picture,
                share,
                number_text(round(float(norm), 3)),
            )
        )
        rows.append({"row": y, "column": x, "norm": float(f"{norm:.4g}"), "pictured": name in examples.pictured})
    kh, kw = norms.shape
    body = html(
        '<div class="wb-positions">{}<div class="wb-position-grid" style="--wb-columns:{}">{}</div></div>',
        examples.tile(unit.layer, unit.channel),
        kw,
        joined(cells),
    )
    read = (
        html("the map before the bottleneck {} (expanded weights)", codes(positions.bottleneck))
        if positions.bottleneck
        else "the map it reads"
    )
    caption = html(
        "What {} of {} looks for at each position, one picture each, fainter where weights are weaker.",
        examples.named(unit.layer, unit.channel),
        examples.model.title,
    )
    method = html(
        "The weights at a position are a direction over {} channels of {}; the picture is the"
        " feature visualization of that direction, and shows only one thing where a position responds to several. The number"
        " and the bar are the norm of the weights. {}",
        number_text(positions.channels),
        read,
        examples.how(finding),
    )
    pictured = sum(row["pictured"] for row in rows)
    if pictured < len(rows):
        method += f" {pictured} of {len(rows)} positions have a picture."
    method += examples.remarks
    strongest = np.unravel_index(norms.argmax(), norms.shape)
    alt = (
        f"A grid of {kh} by {kw} pictures, one for each position of the kernel of {examples.name(unit.layer, unit.channel)}. The largest norm,"
        f" {share_text(largest)}, is at row {strongest[0] + 1}, column {strongest[1] + 1}."
    )
    found = place_text(int(strongest[0]), int(strongest[1]), kh, kw)
    weakest = float(norms.min()) / largest
    return Drawing(
        caption,
        alt,
        pd.DataFrame(rows),
        body=body,
        files=examples.files,
        width="wide",
        finding=f"The unit's weights are strongest {found}; at its weakest position they have {percent_text(weakest)} of that.",
        method=method,
    )


FIGURES = (
    Figure("position-weights", draw, "what each position of a kernel looks for", of="model", example=example_network),
)
