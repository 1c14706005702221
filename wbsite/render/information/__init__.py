"""Figures of the information plane, one file each."""
