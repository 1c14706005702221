"""Sprite sheets: the small pictures of all units of a layer in one lossless PNG, a pixel a weight."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image


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
    columns = columns or max(1, math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * (kh + gap) - gap, columns * (kw + gap) - gap, 4), np.uint8)
    for i, picture in enumerate(quantised(pictures)):
        y, x = (i // columns) * (kh + gap), (i % columns) * (kw + gap)
        canvas[y : y + kh, x : x + kw, :3] = picture
        canvas[y : y + kh, x : x + kw, 3] = 255
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "PNG", optimize=True)
    return buffer.getvalue(), columns


def quantised(pictures: np.ndarray) -> np.ndarray:
    """[0, 1] → 0…255, rounded."""
    return np.clip(np.rint(pictures * 255), 0, 255).astype(np.uint8)
