"""Analyses, one file each: from a model or a layer to a result."""
