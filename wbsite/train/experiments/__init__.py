"""Experiments, one small declarative file each."""
