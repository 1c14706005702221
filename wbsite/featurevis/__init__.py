"""Feature visualization: pictures that excite a unit, found by gradient ascent (Olah et al. 2017)."""

from __future__ import annotations

from .base import Picture, Settings, Target, variants
from .encoding import webp
from .optimise import visualize
from .quality import photograph_responses

__all__ = ["Picture", "Settings", "Target", "photograph_responses", "variants", "visualize", "webp"]
