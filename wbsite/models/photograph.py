"""The photograph on which the forward passes of networks that take pictures are recorded."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from wbsite.graph.picture import choose

if TYPE_CHECKING:
    from PIL import Image

    from .base import Preprocess

_PATH = "datasets/images/china.jpg"
"""In scikit-learn's package; by danielbuechele on Flickr, CC BY 2.0."""


@lru_cache(maxsize=1)
def photograph() -> Image.Image:
    """640 × 427 pixels in colour. Read as a file, since importing scikit-learn takes a second."""
    from PIL import Image

    spec = find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    with Image.open(Path(spec.origin).parent / _PATH) as image:
        return image.convert("RGB")


def shown_the_photograph(module: nn.Module, preprocess: Preprocess) -> None:
    """A network that takes grey or coloured pictures is recorded on the photograph, as its preprocessing makes it."""

    def picture() -> torch.Tensor:
        return preprocess(photograph())[None]

    if len(preprocess.mean) in (1, 3):
        choose(module, picture)
