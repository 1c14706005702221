"""Figures of the census."""
