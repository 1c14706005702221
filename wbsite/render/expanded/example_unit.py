"""Figures of single layers and units, drawn of those that the examples of a network are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wbsite.core import registry
from wbsite.core.markup import Markup, html
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import percent_text, share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Examples, Finding
from wbsite.results.site import Gap


def kernels(scene: Scene) -> Drawing | Gap:
    """NMF pictures of the last layer in which single units are looked for."""
    examples = scene.result_or_gap(Examples)
    if isinstance(examples, Gap):
        return examples
    if not examples.levels.late:
        return Gap("too few spatial convolutions follow its first", failed=False)
    return _drawn("nmf-units", scene, examples.levels.late[-1])


def inputs(scene: Scene) -> Drawing | Gap:
    """Strongest inputs of the unit with the clearest spatial structure, across its bottleneck if it has one."""
    assert scene.model is not None
    examples = scene.result_or_gap(Examples)
    if isinstance(examples, Gap):
        return examples
    finding = examples.finding("example")
    if isinstance(finding, Gap):
        return finding
    unit, positions = finding.first, examples.positions
    number = scene.model.layer(unit.layer).units[unit.channel]
    kind = "across" if positions is not None and positions.bottleneck else "input"
    drawing = _drawn("unit-inputs", scene, unit.layer, unit=number, kind=kind)
    return (
        drawing
        if isinstance(drawing, Gap)
        else replace(drawing, finding=_patterns(finding), method=_rule(drawing, finding))
    )


def _patterns(finding: Finding) -> str:
    """How much of the unit's weights two patterns hold, which is what it was found by, against shuffled ones."""
    share = f"Two patterns in space account for {percent_text(finding.score)} of this unit's weights"
    if finding.null is None:
        return f"{share}."
    shuffled = "no unit exceeds" if finding.beyond_chance else "some unit has"
    return f"{share}; with positions shuffled, {shuffled} {percent_text(finding.null)}."


def _rule(drawing: Drawing, finding: Finding) -> Markup:
    """How the figure was made, and how the unit was found."""
    chance = (
        ""
        if finding.null is None
        else f", where units with shuffled positions reach {share_text(finding.null)} at most"
    )
    return html(
        "Found by rule, of {} units: {} (share {}{}). {}",
        finding.considered,
        finding.rule,
        share_text(finding.score),
        chance,
        drawing.method,
    )


def _drawn(name: str, scene: Scene, layer: str, **options: Any) -> Drawing | Gap:
    """A figure of a layer."""
    assert scene.model is not None
    drawing: Drawing | Gap = registry.named("figures", name, "figure").draw(
        replace(scene, layer=scene.model.layer(layer), options=options)
    )
    return drawing


FIGURES = (
    Figure("example-kernels", kernels, "kernels of units as pictures", of="model", example=example_network),
    Figure("example-inputs", inputs, "a unit with its strongest inputs", of="model", example=example_network),
)
