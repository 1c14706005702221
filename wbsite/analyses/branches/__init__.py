"""Analyses of branch specialization, one file each."""
