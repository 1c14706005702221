"""Which layers have kernels with rows and columns."""

from __future__ import annotations

from wbsite.graph.layers import Layer


def planar(layer: Layer) -> str:
    """ "" for a convolution with more than one row and more than one column, else why there is nothing to compare."""
    if layer.kind != "conv":
        return "a fully connected layer has no kernel positions"
    return "" if layer.planar else f"a {layer.kernel[0]}×{layer.kernel[1]} kernel has no rows and columns to compare"
