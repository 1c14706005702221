"""Writes down the calls of a forward pass."""
