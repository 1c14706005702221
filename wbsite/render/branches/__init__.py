"""Figures of branch specialization, one file each."""
