"""Figures of weight banding, one file each."""
