"""Figures of every network, one file each."""
