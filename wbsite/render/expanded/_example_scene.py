"""The `examples` result as figures need it: units found, how they were found, and tiles of units and directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Scene
from wbsite.render.kernels import DIFFERS, kernel_img, signed_text, unit_number, unit_tile
from wbsite.render.page import slug
from wbsite.render.text import share_text
from wbsite.results.expanded.direction_pictures import DirectionPictures
from wbsite.results.expanded.examples import Examples, Finding, FoundUnit, Input
from wbsite.results.site import Gap


class ExampleScene:
    """A scene with the examples of its model.

    Attributes:
        scene: what is drawn of.
        model: of the scene.
        result: its examples.
        pictured: directions that have a picture → what its text says where it does not show what excites them.
        files: pictures of directions that were used; they belong beside the page.
    """

    def __init__(self, scene: Scene, result: Examples) -> None:
        assert scene.model is not None
        self.scene, self.model, self.result = scene, scene.model, result
        self._pictures = scene.model.result(DirectionPictures)
        rows = self._pictures.rows.to_dict("records") if self._pictures else []
        self.pictured: dict[str, str] = {
            row["name"]: DIFFERS if not row["agrees"] else ", which found nothing" if row["dead"] else ""
            for row in rows
        }
        self.files: dict[str, bytes] = {}

    @classmethod
    def of(cls, scene: Scene) -> ExampleScene | Gap:
        """Or why there is no result."""
        result = scene.result_or_gap(Examples)
        return result if isinstance(result, Gap) else cls(scene, result)

    def name(self, layer: str, channel: int) -> str:
        """ "unit 208 of mixed3b_3x3", as text."""
        if layer in ("", "input"):
            return f"channel {channel} of the {'picture' if layer else 'input'}"
        return f"unit {unit_number(self.model, layer, channel)} of {layer}"

    def named(self, layer: str, channel: int) -> Markup:
        """The same with the layer set as code."""
        if layer in ("", "input"):
            return Markup.escape(self.name(layer, channel))
        return html("unit {} of {}", self.number(layer, channel), codes([layer]))

    def number(self, layer: str, channel: int) -> str:
        """A unit's number as its permalink has it."""
        return str(channel if layer in ("", "input") else unit_number(self.model, layer, channel))

    def how(self, finding: Finding) -> Markup:
        """How it was found, in a sentence of HTML, for the method of a figure."""
        text = html("Found by rule: {} (score {}", finding.rule, share_text(finding.score))
        if finding.null is not None:
            relation = "against" if finding.beyond_chance else "which is no more than"
            text += f", {relation} {share_text(finding.null)} by chance"
        text += f"; {finding.considered} units looked at"
        if finding.runner_up:
            text += html(", next {}", self.scored(finding.runner_up, " with "))
        return text + ")."

    def scored(self, unit: FoundUnit, between: str) -> Markup:
        """A unit with its score, as HTML."""
        return html("{}{}{}", self.named(unit.layer, unit.channel), between, share_text(unit.score))

    def tile(self, layer: str, channel: int, caption: str = "") -> Markup:
        """A unit's tile, or its number alone where the channel is no one unit."""
        if layer:
            return unit_tile(self.scene, layer, channel, caption)
        text = caption or "channel"
        return html('<span class="wb-unit wb-unit-plain"><b>{}</b><span>{}</span></span>', channel, text)

    def direction(self, name: str, alt: str, style: str = "") -> Markup:
        """An <img> of a direction's picture, or a quiet tile."""
        if self._pictures is None or name not in self.pictured:
            return html('<span class="wb-direction wb-direction-none" title="{}"></span>', alt)
        file = f"{slug(self.model.id)}-{name}.webp"
        self.files[file] = self._pictures.files[f"{name}.webp"]
        text = alt + self.pictured[name]
        kind = " wb-direction-differs" if self.pictured[name] == DIFFERS else ""
        return html(
            '<img class="wb-direction{}" src="{}" loading="lazy" decoding="async" style="{}" alt="{}" title="{}">',
            kind,
            file,
            style,
            text,
            text,
        )

    @property
    def remarks(self) -> str:
        """How the network was run for pictures of directions, where not as usual, and which it does not agree with."""
        if self._pictures is None:
            return ""
        text = html(" {}", self._pictures.remark) if self._pictures.remark else ""
        if count := sum(doubt == DIFFERS for doubt in self.pictured.values()):
            text += f" To {count} of this network's pictures of directions, outlined by dashes, it does not respond as was measured."
        return text

    def multiples(self, inputs: Sequence[Input], kernels: np.ndarray, scale: float) -> Markup:
        """Inputs with their kernels, as small multiples; of units of one layer, the numbers alone."""
        one_layer = len({item.layer for item in inputs}) == 1
        items = []
        for item, kernel in zip(inputs, kernels, strict=True):
            alt = f"Kernel from {self.name(item.layer, item.unit)}"
            caption = self.number(item.layer, item.unit) if one_layer else ""
            tile = self.tile(item.layer, item.unit, caption)
            items.append(html('<div class="wb-connection">{}{}</div>', tile, kernel_img(kernel, scale, alt)))
        return html('<div class="wb-multiples">{}</div>', joined(items))


def sentence(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def codes(names: Iterable[str]) -> Markup:
    """Names of layers as HTML, "a and b"."""
    return joined((html("<code>{}</code>", name) for name in names), " and ")


def layers_text(layers: Iterable[str]) -> str:
    """The layers that units belong to, as HTML."""
    return codes(sorted({layer for layer in layers if layer})) or Markup("the map it reads")


def property_text(name: str, value: float | None) -> str:
    """ ", colour +0.12"; nothing where it is not known."""
    return "" if value is None else f", {name} {signed_text(value)}"


def scale_of(*kernels: np.ndarray) -> float:
    """The largest absolute weight: where the common scale ends."""
    return max((float(np.abs(part).max()) for part in kernels if part.size), default=0.0)


def weights_table(parts: Iterable[tuple[Mapping[str, Any], np.ndarray]]) -> list[dict[str, Any]]:
    """One row a weight: what is given of its kernel, then row, column and weight."""
    return [
        {**about, "row": y, "column": x, "weight": float(f"{weight:.4g}")}
        for about, kernel in parts
        for y, line in enumerate(kernel)
        for x, weight in enumerate(line)
    ]
