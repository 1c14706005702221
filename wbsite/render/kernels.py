"""Kernels as diverging heatmaps, and units as tiles that link to their pages: the parts of small multiples.

Excitation is red, inhibition blue and zero white, on light and on dark ground alike, because white is part of the
picture. All kernels of a figure share one scale, which `scale_legend` shows. A reader who cannot tell red from blue
has the sign of the strongest weight in every kernel's text.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.results.network.unit_pictures import QuickPictures, UnitPictures

from .page import slug

if TYPE_CHECKING:
    from wbsite.results.site import Model

    from .figure import Scene

POSITIVE, NEGATIVE = "#b2182b", "#2166ac"
"""Excitation and inhibition, at the end of the scale; between them and white, colours are mixed linearly in sRGB."""

STEPS = 32
"""Shades of either colour in a kernel on a page: more cannot be told apart, and fewer bytes hold them."""

INLINE = 256
"""Positions above which a map is a file beside the page instead of a part of it."""

DEAD, DIFFERS = ", which did not respond", ", to which the network itself does not respond as was measured"
"""What a picture's text says of it, where it does not show what excites its unit."""

COLOURS = ("red", "green", "blue")
"""Names of the picture's channels."""


def signed_colours(weights: np.ndarray, scale: float) -> np.ndarray:
    """(...) weights → (..., 3) uint8 colours: white at zero, POSITIVE or NEGATIVE at ±scale and beyond."""
    share = np.clip(np.asarray(weights, np.float64) / scale, -1, 1)[..., None] if scale > 0 else 0 * weights[..., None]
    end = np.where(share >= 0, _rgb(POSITIVE), _rgb(NEGATIVE))
    return np.rint(255 + np.abs(share) * (end - 255)).astype(np.uint8)


def strongest_text(kernel: np.ndarray) -> str:
    """What a kernel's text says of its sign: "strongest weight −0.031, inhibitory"."""
    strongest = float(kernel.flat[np.abs(kernel).argmax()])
    if strongest == 0:
        return "all weights zero"
    kind = "excitatory" if strongest > 0 else "inhibitory"
    return f"strongest weight {signed_text(strongest)}, {kind}"


def place_text(y: int, x: int, kh: int, kw: int) -> str:
    """Where a position of a kernel lies: "in the middle", "above and left of the middle"."""
    down, right = 2 * y - kh + 1, 2 * x - kw + 1
    words = ["above" if down < 0 else "below"] if down else []
    words += ["left of" if right < 0 else "right of"] if right else []
    return f"{' and '.join(words)} the middle" if words else "in the middle"


def signed_text(value: float) -> str:
    """A weight with its sign and two significant digits."""
    return f"{value:+.2g}".replace("-", "−")


def kernel_img(kernel: np.ndarray, scale: float, alt: str) -> Markup:
    """An <img> of a kernel (kh, kw), one pixel a weight, in the page itself, in STEPS shades of either colour.

    Its longer side is as long as `--wb-tile` in the style sheet says for the place where it stands.

    Args:
        scale: weight at which colours are full.
        alt: plain text, to which the sign of the strongest weight is added.
    """
    source = base64.b64encode(_picture(kernel, scale)).decode()
    return _kernel_img(kernel, html('src="data:image/webp;base64,{}"', source), alt)


def map_img(weights: np.ndarray, scale: float, alt: str, name: str, files: dict[str, bytes]) -> Markup:
    """The same; with more than INLINE positions its picture is a file beside the page.

    Args:
        name: of the file, without its ending.
        files: to which the file is added.
    """
    if weights.size <= INLINE:
        return kernel_img(weights, scale, alt)
    files[f"{name}.webp"] = _picture(weights, scale)
    return _kernel_img(weights, html('src="{}.webp" loading="lazy"', name), alt)


def _picture(kernel: np.ndarray, scale: float) -> bytes:
    stepped = np.rint(np.clip(kernel / scale, -1, 1) * STEPS) / STEPS if scale > 0 else kernel
    buffer = io.BytesIO()
    Image.fromarray(signed_colours(stepped, 1.0)).save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def _kernel_img(kernel: np.ndarray, source: str, alt: str) -> Markup:
    kh, kw = kernel.shape
    text = f"{alt}; {strongest_text(kernel)}"
    narrow = html(' style="width:calc(var(--wb-tile)*{:.3g})"', kw / kh) if kw < kh else ""
    return html('<img class="wb-kernel"{} {} alt="{}">', narrow, source, text)


def scale_legend(scale: float) -> Markup:
    """A bar from −scale over white to +scale, with its numbers and their meaning."""
    end = f"{float(f'{scale:.2g}'):g}"
    return html(
        '<div class="wb-scale"><span>−{}</span><i></i><span>+{}</span><small>blue inhibits, red excites</small></div>',
        end,
        end,
    )


def unit_tile(scene: Scene, layer: str, channel: int, caption: str = "") -> Markup:
    """A unit's picture over its name, linked to its permalink; without a picture, a quiet tile with its number.

    A channel of "input" is the colour's name and no link. As wide as `--wb-tile` in the style sheet says for its place.

    Args:
        channel: index in the layer, from 0.
        caption: HTML under the picture, in place of the layer and the unit's number.

    Raises:
        WbsiteError: the model has no such layer, or the layer no such channel.
    """
    assert scene.model is not None
    model = scene.model
    if layer == "input":
        name = COLOURS[channel] if channel < len(COLOURS) else f"channel {channel}"
        text = caption or "of the picture"
        return html('<span class="wb-unit wb-unit-input"><b>{}</b><span>{}</span></span>', name, text)
    unit = unit_number(model, layer, channel)
    page = f"{scene.up}models/{slug(model.id)}/{slug(layer)}/"
    row = pictured(model, layer).get(channel)
    if row is None:
        shown, kind = html("<b>{}</b>", unit), " wb-unit-plain"
    else:
        doubt = DIFFERS if not row["agrees"] else DEAD if row["dead"] else ""
        alt = f"What excites unit {unit}{doubt}"
        sheets = small_pictures(model, layer) if row["quick"] else None
        if sheets is None:
            shown = html('<img src="{}unit-{}.webp" loading="lazy" alt="{}">', page, channel, alt)
        else:
            shown = sheet_tile(sheets, page, channel, alt)
        kind = {DIFFERS: " wb-unit-differs", DEAD: " wb-unit-dead", "": ""}[doubt]
    text = caption or html("{}<br>{}", breakable(layer), unit)
    return html('<a class="wb-unit{}" href="{}#unit-{}">{}<span>{}</span></a>', kind, page, unit, shown, text)


def sheet_tile(sheets: QuickPictures, folder: str, channel: int, alt: str) -> Markup:
    """A unit's small picture, cut out of its sheet; as wide as what it is in. `panel.js` does the same.

    Args:
        folder: address of the layer's page.
        alt: escaped text.
    """
    number, place = divmod(channel, sheets.per_sheet)
    rows = -(-min(sheets.per_sheet, sheets.count - number * sheets.per_sheet) // sheets.columns)
    row, column = divmod(place, sheets.columns)
    left, top = 100 * column / max(1, sheets.columns - 1), 100 * row / max(1, rows - 1)
    style = (
        f"background-image:url({folder}{sheets.sheets[number]});background-size:{100 * sheets.columns}% {100 * rows}%;"
        f"background-position:{left:.4g}% {top:.4g}%;aspect-ratio:{sheets.settings.width}/{sheets.settings.height}"
    )
    return html('<i class="wb-sheet" role="img" aria-label="{}" style="{}"></i>', alt, style)


BREAKS = {"_": Markup("_<wbr>"), ".": Markup(".<wbr>")}


def breakable(name: str) -> Markup:
    """A layer's name that may break after its underscores and points."""
    return joined(BREAKS.get(part, part) for part in re.split(r"([_.])", name))


def unit_number(model: Model, layer: str, channel: int) -> int:
    """A unit's number in its block (or layer), as #unit-N has it.

    Raises:
        WbsiteError: the model has no such layer, or the layer no such channel.
    """
    units = model.layer(layer).units
    if not 0 <= channel < len(units):
        raise WbsiteError(
            f"{layer} of {model.id} has no channel {channel}.", f"Its channels are 0 to {len(units) - 1}."
        )
    return units[channel]


@lru_cache(maxsize=1024)  # an article has many tiles of few layers
def pictured(model: Model, layer: str) -> Mapping[int, Mapping[str, Any]]:
    """Channel → row of the `unit_pictures` result, for the units of a layer that have a picture.

    Raises:
        DamagedEntry: the result is damaged.
    """
    pictures = model.result(UnitPictures, layer)
    rows = [] if pictures is None else pictures.rows.to_dict("records")
    return {int(row["unit"]): row for row in rows}  # counted in the layer, from 0


def small_pictures(model: Model, layer: str) -> QuickPictures | None:
    """Where the small pictures of a layer's units are; None where it has none.

    Raises:
        DamagedEntry: the result is damaged.
    """
    pictures = model.result(UnitPictures, layer)
    return None if pictures is None else pictures.quick


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)
