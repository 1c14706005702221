"""Pictures unlike each other, on which a network's recording is compared with the network itself."""

from __future__ import annotations

import torch

from .parameterisations import natural

_LEVELS = ((0.3, 0.1), (0.7, 0.1), (0.5, 0.3))
"""Mean and standard deviation of each: a dark picture, a light one, and one with much contrast."""


def probes(channels: int, height: int, width: int) -> torch.Tensor:
    """(3, channels, height, width) in [0, 1], with the frequencies of natural images and random phases."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(_LEVELS), channels, height, width, generator=generator, dtype=torch.float32)
    spectrum = torch.fft.rfft2(noise) * natural((height, width))
    waves = torch.fft.irfft2(spectrum, s=(height, width))
    waves = waves - waves.mean((1, 2, 3), keepdim=True)
    mean, spread = (
        torch.tensor(level, dtype=torch.float32).reshape(-1, 1, 1, 1) for level in zip(*_LEVELS, strict=True)
    )
    return (mean + spread * waves / waves.std((1, 2, 3), keepdim=True).clamp_min(1e-12)).clamp(0, 1)
