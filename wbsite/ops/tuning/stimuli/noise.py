"""Isotropic noise of a band of frequencies, the same at every call: textures without an orientation."""

from __future__ import annotations

import math

import torch

from .field import Field

_PEAK = 1.4
"""Where values are cut off, so that a pattern's deviations from grey stay within what a display shows."""


def noise(field: Field, low: float, high: float, seed: int) -> torch.Tensor:
    """(h, w) with random phases and the same power at all frequencies between two, cycles a pixel.

    Its mean is 0 and its mean square that of a grating, 1/2, before values beyond ±1.4 are cut off. It is made for
    the stimuli's side, so that a larger canvas has the same around its centre; beyond the side it goes on evenly.
    """
    size = 2 * math.ceil(field.side / 2) + 1
    white = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    axis = torch.fft.fftfreq(size, dtype=torch.float64)
    distance = torch.hypot(axis[:, None], axis[None])
    band = (distance >= low) & (distance <= high) & (distance > 0)
    if not band.any():  # a side too small to hold a frequency of the band has the nearest one
        band = (distance > 0) & ((distance - low).abs() <= (distance - low).abs()[distance > 0].min())
    spectrum = torch.fft.fft2(white)
    texture = torch.fft.ifft2(torch.where(band, spectrum / spectrum.abs(), 0)).real
    scaled = texture / (texture.square().mean().sqrt() * math.sqrt(2))
    row, column = ((pixel + size / 2).floor().long().clamp(0, size - 1) for pixel in (-field.y, field.x))
    return scaled.clamp(-_PEAK, _PEAK).to(field.x.device, torch.float32)[row, column]
