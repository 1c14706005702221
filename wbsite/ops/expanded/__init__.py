"""Expanded weights through a recorded network: how they are computed, and when they mislead."""

from .weights import expanded_weights, path_products

__all__ = ["expanded_weights", "path_products"]
