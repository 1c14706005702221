"""Feature visualization: pictures that excite a unit, found by gradient ascent (Olah et al. 2017)."""

from __future__ import annotations

from .base import Picture, Settings, Target, variants
from .encoding import sheet, webp
from .optimise import AT_ONCE, visualize
from .quality import photograph_responses
from .quick import quick_pictures, quick_settings

__all__ = [
    "AT_ONCE",
    "Picture",
    "Settings",
    "Target",
    "photograph_responses",
    "quick_pictures",
    "quick_settings",
    "sheet",
    "variants",
    "visualize",
    "webp",
]
