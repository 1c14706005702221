"""Definitions of networks: the modules that the specifications in `zoo` and the training experiments build."""
