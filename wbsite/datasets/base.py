"""What a set of labelled pictures is to wbsite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..progress import Progress


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures held in memory.

    Attributes:
        images: uint8 (N, 3, H, W), RGB.
        labels: int64 (N,), indices into `classes`.
        classes: names.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of pixels, labels and class names."""
        digest = hashlib.sha256(repr((self.images.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that can be named on the command line.

    Attributes:
        name: what comes before an optional colon, as in `imagefolder:PATH`.
        summary: one line for `wbsite list datasets`.
        load: (argument after the colon, "train" or "test", side in pixels, progress) → Pictures.
    """

    name: str
    summary: str
    load: Callable[[str, str, int, Progress], Pictures]
