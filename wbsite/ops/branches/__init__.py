"""Parallel branches of a network: how they are found, and whether their units differ."""

from .correspondence_analysis import connectivity_factors
from .enrichment_p import enrichment_p_value

__all__ = ["connectivity_factors", "enrichment_p_value"]
