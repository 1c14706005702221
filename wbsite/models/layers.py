"""Layers of a module, found by running it: execution order, shapes, what feeds what."""
