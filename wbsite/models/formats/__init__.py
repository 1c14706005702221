"""Weights files of every format, one file each."""
