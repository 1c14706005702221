"""Analyses of every network, one file each."""
