"""Pictures of any file as a viewer shows them: upright, in RGB or grey, with eight bits a value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

TURNED = "turned upright by their EXIF orientation"
OPAQUE = "with transparent parts put on white"
DIVIDED = "of 16 bits divided by 257"
STRETCHED = "stretched from their own range of values to 0…255"
INKS = "converted from inks (CMYK) to RGB"

MOST = 64_000_000
"""Pixels of a picture. Decoded and put on white, more would take over a gigabyte of memory."""

_ORIENTATION = 0x0112


def is_turned(image: Image.Image) -> bool:
    """Whether the camera was held otherwise than the pixels are stored."""
    return image.getexif().get(_ORIENTATION, 1) not in (0, 1)


def check_pixels(image: Image.Image) -> None:
    """Refuses a picture of more pixels than there should be memory for; call it before it is decoded.

    Raises:
        ValueError: it has.
    """
    if image.width * image.height > MOST:
        raise ValueError(f"it has {image.width} × {image.height} pixels, and at most {MOST / 1e6:.0f} million are read")


def as_shown(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """An image in mode RGB or L, and what was done to it that changes its numbers.

    Colours behind transparent pixels, which no viewer shows, become white. Values of 16 bits are divided by 257; others
    of more than eight are stretched: those from 0 to 1 by 255, any others from their least and greatest.

    Raises:
        ValueError: the values are not all finite, the mode has no colours that Pillow knows, or there are too many
            pixels.
    """
    from PIL import ImageOps

    check_pixels(image)
    remarks = []
    if is_turned(image):
        image = ImageOps.exif_transpose(image)
        remarks.append(TURNED)
    if image.mode.startswith("I") or image.mode == "F":
        image, remark = _scaled(image)
        remarks.append(remark)
    elif image.has_transparency_data:
        image, transparent = _on_white(image)
        remarks += [OPAQUE] * transparent
    elif image.mode == "CMYK":
        remarks.append(INKS)
    if image.mode not in ("RGB", "L"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image, tuple(remarks)


def summary(remarks: Counter[str]) -> str:
    """How often each was done, in words: "3 turned upright by their EXIF orientation, 1 of 16 bits divided by 257"."""
    return ", ".join(f"{count} {remark}" for remark, count in sorted(remarks.items()))


def _scaled(image: Image.Image) -> tuple[Image.Image, str]:
    import numpy as np
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        raise ValueError("some of its values are NaN or infinite")
    remark = STRETCHED
    if image.mode.startswith("I") and low >= 0 and high < 2**16:
        values /= 257
        remark = DIVIDED
    elif low >= 0 and high <= 1:
        values *= 255
    else:
        values -= low
        values *= 255 / max(high - low, 1e-30)
    return Image.fromarray(np.round(values, out=values).astype(np.uint8)), remark


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The image before a white background, and whether any of that is seen."""
    import numpy as np
    from PIL import Image

    picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    grey = image.mode in ("L", "LA", "La", "1")
    opaque = Image.alpha_composite(white, picture).convert("L" if grey else "RGB")
    return opaque, bool((np.asarray(picture)[..., 3] < 255).any())
