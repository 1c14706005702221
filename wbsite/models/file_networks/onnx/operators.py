"""All of ONNX's operators that are interpreted, by name: those that each of these files registers."""

from __future__ import annotations

from . import elementwise, enlarging, normalisation, quantised, shapes, windows
from .node import OPERATORS

__all__ = ["OPERATORS", "elementwise", "enlarging", "normalisation", "quantised", "shapes", "windows"]
