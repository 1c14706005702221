"""Pictures as files."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

QUALITY = 85
"""Of WebP, 0 to 100: 4 to 6 KB for 96 pixels, and no blocks to be seen."""

SHEET_QUALITY = 92
"""Of sheets, whose pictures are enlarged: two thirds of a KB for a picture of 32 pixels."""


def webp(image: torch.Tensor) -> bytes:
    """(1 or 3, h, w) in [0, 1] → an encoded picture."""
    pixels = _pixels(image)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def sheet(images: Sequence[torch.Tensor | None], columns: int) -> bytes:
    """Pictures (1 or 3, h, w) in [0, 1], all of one size, row by row in one encoded picture; None is left out."""
    height, width = next((image.shape[1:] for image in images if image is not None), (1, 1))
    rows = -(-len(images) // columns)
    canvas = np.zeros((rows, height, columns, width, 4), np.uint8)
    for i, image in enumerate(images):
        if image is not None:
            canvas[i // columns, :, i % columns, :, :3] = _pixels(image)
            canvas[i // columns, :, i % columns, :, 3] = 255
    flat = canvas.reshape(rows * height, columns * width, 4)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "WEBP", quality=SHEET_QUALITY, method=4)
    return file.getvalue()


def _pixels(image: torch.Tensor) -> np.ndarray:
    """(h, w, 1 or 3), 0 to 255."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
