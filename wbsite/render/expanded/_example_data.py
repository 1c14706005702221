"""The `examples` result as figures need it: units found, how they were found, and tiles of units and directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.render.kernels import kernel_img, signed_text, unit_number, unit_tile
from wbsite.render.page import slug
from wbsite.render.text import share_text
from wbsite.results.site import Gap


class Examples:
    """Of the scene's model."""

    def __init__(self, scene: Scene, entry: Entry) -> None:
        assert scene.model is not None
        self.scene, self.model, self.values, self.arrays = scene, scene.model, entry.values, entry.arrays
        self._held = scene.model.entry("direction_pictures")
        rows = self._held.table("rows").to_dict("records") if self._held else []
        self.pictured: dict[str, bool] = {row["name"]: row["dead"] for row in rows}
        """Directions that have a picture, and whether nothing was found."""
        self.files: dict[str, bytes] = {}
        """Pictures of directions that were used; they belong beside the page."""

    @classmethod
    def of(cls, scene: Scene) -> Examples | Gap:
        """Or why there is no result."""
        entry = scene.entry_or_gap("examples")
        return entry if isinstance(entry, Gap) else cls(scene, entry)

    def shown(self, name: str, rule: str) -> Mapping[str, Any] | Gap:
        """What is shown around what a rule found, or why the rule found nothing."""
        found = self.values["found"].get(rule)
        if found is None or "reason" in found:
            return Gap(found["reason"] if found else "too few spatial convolutions follow its first", failed=False)
        return self.values["shown"][name]

    def unit(self, rule: str) -> tuple[str, int]:
        """The first unit that a rule found."""
        first = self.values["found"][rule]["units"][0]
        return first["layer"], first["channel"]

    def name(self, layer: str, channel: int) -> str:
        """ "unit 208 of mixed3b_3x3", as text."""
        if layer in ("", "input"):
            return f"channel {channel} of the {'picture' if layer else 'input'}"
        return f"unit {unit_number(self.model, layer, channel)} of {layer}"

    def named(self, layer: str, channel: int) -> str:
        """The same as HTML."""
        if layer in ("", "input"):
            return escape(self.name(layer, channel))
        return f"unit {self.number(layer, channel)} of <code>{escape(layer)}</code>"

    def number(self, layer: str, channel: int) -> str:
        """A unit's number as its permalink has it."""
        return str(channel if layer in ("", "input") else unit_number(self.model, layer, channel))

    def how(self, rule: str) -> str:
        """How it was found, in a sentence or two of HTML."""
        found = self.values["found"][rule]
        text = f"Found by rule: {escape(found['rule'])} (score {share_text(found['score'])}"
        if found["null"] is not None:
            said = "which is no more than" if found["score"] <= found["null"] else "against"
            text += f", {said} {share_text(found['null'])} by chance"
        text += f"; {found['considered']} units looked at"
        if found["runner_up"]:
            next_one = found["runner_up"]
            text += f", next {self.named(next_one['layer'], next_one['channel'])} with {share_text(next_one['score'])}"
        return text + ")."

    def tile(self, layer: str, channel: int, pixels: int = 72, caption: str = "") -> str:
        """A unit's tile, or its number alone where the channel is no one unit."""
        if layer:
            return unit_tile(self.scene, layer, channel, pixels, caption)
        text = caption or "channel"
        return (
            f'<span class="wb-unit wb-unit-plain" style="width:{pixels}px"><b>{channel}</b><span>{text}</span></span>'
        )

    def direction(self, name: str, alt: str, style: str = "") -> str:
        """An <img> of a direction's picture, or a quiet tile."""
        if self._held is None or name not in self.pictured:
            return f'<span class="wb-direction wb-direction-none" title="{escape(alt, quote=True)}"></span>'
        ours = f"{slug(self.model.id)}-{name}.webp"
        self.files[ours] = self._held.file(f"{name}.webp")
        dead = ", which found nothing" if self.pictured[name] else ""
        return (
            f'<img class="wb-direction" src="{ours}" loading="lazy" decoding="async" style="{style}"'
            f' alt="{escape(alt + dead, quote=True)}" title="{escape(alt + dead, quote=True)}">'
        )

    def multiples(self, rows: Sequence[Mapping[str, Any]], kernels: np.ndarray, scale: float, target: str) -> str:
        """Units with their kernels, as small multiples; of units of one layer, the numbers alone."""
        items, layers = [], {row["layer"] for row in rows}
        for row, kernel in zip(rows, kernels, strict=True):
            alt = f"Kernel between {self.name(row['layer'], row['unit'])} and {target}"
            shown = kernel_img(kernel, scale, alt, 72)
            caption = self.number(row["layer"], row["unit"]) if len(layers) == 1 else ""
            items.append(f'<div class="wb-connection">{self.tile(row["layer"], row["unit"], 72, caption)}{shown}</div>')
        return f'<div class="wb-multiples">{"".join(items)}</div>'


def sentence(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def layers_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The layers that units belong to, as HTML."""
    named = dict.fromkeys(str(row["layer"]) for row in rows)
    return " and ".join(f"<code>{escape(name)}</code>" for name in sorted(named) if name) or "the map it reads"


def property_text(name: str, value: float | None) -> str:
    """ ", colour +0.12"; nothing where it is not known."""
    return "" if value is None else f", {name} {signed_text(value)}"


def scale_of(*kernels: np.ndarray) -> float:
    """The largest absolute weight: where the common scale ends."""
    return max((float(np.abs(one).max()) for one in kernels if one.size), default=0.0)


def weights_table(parts: Iterable[tuple[Mapping[str, Any], np.ndarray]]) -> list[dict[str, Any]]:
    """One row a weight: what is given of its kernel, then row, column and weight."""
    return [
        {**about, "row": y, "column": x, "weight": float(f"{weight:.4g}")}
        for about, kernel in parts
        for y, line in enumerate(kernel)
        for x, weight in enumerate(line)
    ]
