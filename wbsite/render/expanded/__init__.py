"""Figures of expanded weights, one file each."""
