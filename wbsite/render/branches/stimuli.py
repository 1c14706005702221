"""The stimuli that units of branches were shown, some of every family."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import number_text
from wbsite.results.branches._examples import concatenated
from wbsite.results.branches.tuning import Tuning
from wbsite.results.site import Gap

FAMILIES = {
    "gratings": "by orientation, frequency, phase and direction in colour",
    "contours": "arcs and corners as lines and as edges, with straight ones and even fields in the same apertures",
    "discs": "by size, polarity and direction in colour, alone and in rings of the opposite sign; whole fields",
    "colour regions": "colour beside, in and around grey, in four hues, with and without a texture over both; the same"
    " in opposite colours; whole fields",
    "textures": "noise of high frequency beside noise of low frequency, by direction; whole fields of either",
}
"""Family → what is varied."""


def draw(scene: Scene) -> Drawing | Gap:
    """A strip of pictures for each family, and a table of what each layer was shown."""
    assert scene.model is not None
    tuning = scene.result_or_gap(Tuning)
    if isinstance(tuning, Gap):
        return tuning
    layers = tuning.layers
    if not layers:
        return Gap(tuning.omitted[0].reason if tuning.omitted else "it has no convolution", failed=False)
    families = [name for name in FAMILIES if any(name in layer.families for layer in layers)]
    files, strips = {}, []
    for name in families:
        file = f"stimuli-{slug(scene.model.id)}-{slug(name)}.webp"
        files[file] = tuning.stimuli[f"{name.replace(' ', '-')}.webp"]
        counts = [layer.families[name] for layer in layers if name in layer.families]
        alt = f"Twelve of the stimuli called {name}: {FAMILIES[name]}"
        strips.append(
            html(
                '<div class="wb-trial"><p><strong>{}</strong> ({}): {}</p>'
                '<img src="{}" width="396" height="132" loading="lazy" alt="{}"></div>',
                name,
                _range(counts),
                FAMILIES[name],
                file,
                alt,
            )
        )
    columns = ("layer", "side", "canvas", "padded", "stimuli", "lowest", "highest")
    data = pd.DataFrame([layer.model_dump(include=set(columns)) for layer in layers])[list(columns)].round(4)
    data["canvas"] = ["×".join(map(str, layer.canvas)) for layer in layers]
    sides, counts = [layer.side for layer in layers], [layer.stimuli for layer in layers]
    finding = html("{} pictures for each layer ask a unit of {} what it prefers.", _range(counts), scene.model.title)
    caption = "Twelve of every family, evenly spaced in its list."
    method = (
        f"Apertures are up to {_range(sides)} pixels wide, by layer: what the widest unit of a group of branches sees, at most"
        " the network's usual input; layers of one group see the same. Gratings run from one cycle in that to"
        f" {number_text(round(layers[0].highest, 3))} cycles a pixel. Around the stimuli is mid grey. Colours have equal distance"
        " from grey in display red, green and blue, and red–green and blue–yellow the same mean of the three as grey."
    )
    if any(layer.padded for layer in layers):
        method += (
            " Where units see more than the usual input, they see its padding too, as in training (column padded)."
        )
    alt = f"Rows of small pictures: {', '.join(families)}. {_range(counts)} stimuli for each of {len(layers)} layers."
    return Drawing(
        caption,
        alt,
        data,
        body=html('<div class="wb-trials">{}</div>', joined(strips)),
        files=files,
        width="wide",
        finding=finding,
        method=method,
    )


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return number_text(low) if low == high else f"{number_text(low)} to {number_text(high)}"


FIGURES = (Figure("stimuli", draw, "the stimuli", of="model", example=concatenated),)
