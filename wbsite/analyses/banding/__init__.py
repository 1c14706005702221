"""Analyses of weight banding, one file each."""
