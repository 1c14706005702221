"""Channels of a map as a figure names and pictures them: units of a layer, or channels that several layers write to."""

from __future__ import annotations

from wbsite.core.markup import Markup, html
from wbsite.render.figure import Scene
from wbsite.render.kernels import unit_number, unit_tile


def channel_text(scene: Scene, layer: str, unit: int, source: str = "") -> str:
    """ "unit 347 of mixed3b_5x5"; "channel 3 of layer1.0" where maps are added and `layer` is ""."""
    assert scene.model is not None
    if not layer or layer == "input":
        return f"channel {unit} of {source or layer}"
    return f"unit {unit_number(scene.model, layer, unit)} of {layer}"


def channel_html(scene: Scene, layer: str, unit: int, source: str = "") -> Markup:
    """The same as HTML."""
    text, name = channel_text(scene, layer, unit, source), layer or source
    return html("{}<code>{}</code>", text.removesuffix(name), name)


def channel_tile(scene: Scene, layer: str, unit: int, source: str = "", plain: bool = True) -> Markup:
    """The unit's tile; where maps are added, a quiet one with the number of the channel.

    Args:
        plain: the number alone under it, where the layer is said elsewhere.
    """
    assert scene.model is not None
    if layer:
        number = str(unit_number(scene.model, layer, unit)) if plain and layer != "input" else ""
        return unit_tile(scene, layer, unit, number)
    return html('<span class="wb-unit wb-unit-plain"><b>{}</b><span>{}</span></span>', unit, source)


def chance_text(q_shuffle: float, q_signs: float) -> str:
    """What a unit's false discovery rates say."""
    return f"false discovery rate {q_shuffle:.2f} against shuffled kernels, {q_signs:.2f} against random signs"
