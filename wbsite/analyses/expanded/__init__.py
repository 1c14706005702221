"""Analyses of expanded weights, one file each."""
