"""All kernels between two families of curve detectors, where a network has them."""

from __future__ import annotations

import numpy as np

from wbsite.core.markup import html
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.results.expanded._curve_units import curve_units
from wbsite.results.expanded._example_network import example_network
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes, layers_text
from .connection_grid import grid


def draw(scene: Scene) -> Drawing | Gap:
    """A row a unit that reads, a column a unit that is read, both in order of the orientation they prefer."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    units = curve_units(examples.model)
    if isinstance(units, Gap):
        return units
    pair, pair_kernels = examples.result.pair, examples.result.pair_kernels
    assert pair is not None and pair_kernels is not None, "curve units are of a pair of layers"
    columns = [pair.sources.index(unit) for unit in units.sources]
    rows = [channel for _, channel in units.targets]
    kernels = pair_kernels[rows][:, columns].astype(np.float32)
    excite = int((kernels.sum((2, 3)) > 0).sum())
    across = (
        html(" They are expanded weights across the bottleneck {}.", codes(pair.bottleneck)) if pair.bottleneck else ""
    )
    return grid(
        examples,
        {"source": units.sources, "target": units.targets},
        kernels,
        finding=f"Between curve detectors {excite} of {len(rows) * len(columns)} kernels excite on the whole, the others inhibit.",
        caption=(
            html(
                "What curve detectors of {} (columns) do to those of {} (rows) of {}. Red excites, blue inhibits.",
                layers_text(layer for layer, _ in units.sources),
                codes([pair.target]),
                units.network,
            )
        ),
        method=(
            html(
                "Units were found by their responses to stimuli: {}. Shown are those to which arcs matter most,"
                " in order of the orientation they prefer. White is zero, and one scale holds for all kernels.{}",
                units.rule,
                across,
            )
        ),
    )


FIGURES = (Figure("curve-grid", draw, "kernels between curve detectors", of="model", example=example_network),)
