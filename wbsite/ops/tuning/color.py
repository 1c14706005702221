"""Colour in coordinates in which photographs' channels are uncorrelated: gradients treat brightness and hue alike.

In red, green and blue, nearly all of a photograph is in the sum of the three, so that a step of a given length
changes brightness far more easily than hue. Coordinates c with rgb = M c, M Mᵀ the covariance of photographs'
colours, are uncorrelated and of equal variance (Olah, Mordvintsev, Schubert 2017, Feature Visualization).
"""

from __future__ import annotations

from functools import cache

import torch

COVARIANCE = (
    (0.0662085, 0.0585835, 0.0534609),
    (0.0585835, 0.0642611, 0.0612935),
    (0.0534609, 0.0612935, 0.0710634),
)
"""Of red, green and blue in [0, 1], over all pixels of 200 photographs of ImageNet, one of each of 200 classes."""


@cache
def color_axes() -> torch.Tensor:
    """M, (3, 3) float32: columns are brightness, red against blue, green against magenta.

    Principal axes of COVARIANCE, each as long as the colour's standard deviation along it, all divided by the
    longest.
    """
    variance, axes = torch.linalg.eigh(torch.tensor(COVARIANCE, dtype=torch.float64))
    axes = axes.flip(1) * variance.flip(0).sqrt()
    axes = axes * torch.sign(axes[0])
    return (axes / axes.norm(dim=0).max()).to(torch.float32)


def correlate(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in uncorrelated coordinates → red, green, blue, around zero. One channel stays as it is."""
    if x.shape[1] == 1:
        return x
    return torch.einsum("rc,bchw->brhw", color_axes().to(x), x)


def decorrelate(x: torch.Tensor) -> torch.Tensor:
    """Inverse of `correlate`."""
    if x.shape[1] == 1:
        return x
    return torch.einsum("cr,brhw->bchw", torch.linalg.inv(color_axes()).to(x), x)
