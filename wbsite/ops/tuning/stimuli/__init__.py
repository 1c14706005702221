"""Synthetic stimuli for units of deeper layers: what each is tuned to, from its responses to pictures made for it."""

from __future__ import annotations

from .battery import Battery, battery
from .field import Field

__all__ = ["Battery", "Field", "battery"]
