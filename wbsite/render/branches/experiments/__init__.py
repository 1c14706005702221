"""Figures of the branch experiments, one file each."""
