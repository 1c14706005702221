"""Sprite sheets: the small pictures of all units of a layer in one file; kernels lossless, a pixel a weight."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np
from PIL import Image

SIDE = 40
"""Pixels of a thumbnail's side."""


def sheet(pictures: np.ndarray, columns: int | None = None, gap: int = 0) -> tuple[bytes, int]:
    """Lays pictures out row by row.

    Args:
        pictures: (N, kh, kw, 3) floats in [0, 1].
        columns: pictures per row; about as many as rows when left out.
        gap: empty (transparent) pixels between pictures.

    Returns:
        The PNG and the number of columns.
    """
    n, kh, kw, _ = pictures.shape
    columns = columns or columns_of(n)
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * (kh + gap) - gap, columns * (kw + gap) - gap, 4), np.uint8)
    for i, picture in enumerate(quantised(pictures)):
        y, x = (i // columns) * (kh + gap), (i % columns) * (kw + gap)
        canvas[y : y + kh, x : x + kw, :3] = picture
        canvas[y : y + kh, x : x + kw, 3] = 255
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "PNG", optimize=True)
    return buffer.getvalue(), columns


def thumbnails(pictures: Mapping[int, bytes], count: int) -> tuple[bytes, int]:
    """Lays encoded pictures out in one WebP, SIDE pixels each along the longer side, at their places among `count`;
    others stay empty.

    Returns:
        The WebP and the number of columns.
    """
    columns = columns_of(count)
    canvas = Image.new("RGBA", (columns * SIDE, math.ceil(count / columns) * SIDE))
    for place, data in pictures.items():
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        width, height = (max(1, round(side * SIDE / max(picture.size))) for side in picture.size)
        left, top = (SIDE - width) // 2, (SIDE - height) // 2
        small = picture.resize((width, height), Image.Resampling.LANCZOS)
        canvas.paste(small, (place % columns * SIDE + left, place // columns * SIDE + top))
    buffer = io.BytesIO()
    canvas.save(buffer, "WEBP", quality=60)
    return buffer.getvalue(), columns


def columns_of(count: int) -> int:
    """Pictures in a row of a sheet: about as many as rows."""
    return max(1, math.ceil(math.sqrt(count)))


def quantised(pictures: np.ndarray) -> np.ndarray:
    """[0, 1] → 0…255, rounded."""
    return np.clip(np.rint(pictures * 255), 0, 255).astype(np.uint8)
