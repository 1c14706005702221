"""Parallel branches of a network: how they are found, and whether their units differ."""

from wbsite.stats.enrichment import enrichment_p_value

from .correspondence_analysis import connectivity_factors

__all__ = ["connectivity_factors", "enrichment_p_value"]
