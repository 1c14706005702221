"""Isotropic noise of a band of frequencies, the same at every call: textures without an orientation."""

from __future__ import annotations

import math

import torch

_PEAK = 1.4
"""Where values are cut off, so that a pattern's deviations from grey stay within what a display shows."""


def noise(canvas: int, low: float, high: float, seed: int, device: torch.device | str | None = None) -> torch.Tensor:
    """(canvas, canvas) with random phases and the same power at all frequencies between two, cycles a pixel.

    Its mean is 0 and its mean square that of a grating, 1/2, before values beyond ±1.4 are cut off.
    """
    white = torch.randn(canvas, canvas, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    axis = torch.fft.fftfreq(canvas, dtype=torch.float64)
    distance = torch.hypot(axis[:, None], axis[None])
    band = (distance >= low) & (distance <= high) & (distance > 0)
    if not band.any():  # a canvas too small to hold a frequency of the band has the nearest one
        band = (distance > 0) & ((distance - low).abs() <= (distance - low).abs()[distance > 0].min())
    spectrum = torch.fft.fft2(white)
    made = torch.fft.ifft2(torch.where(band, spectrum / spectrum.abs(), 0)).real
    scaled = made / (made.square().mean().sqrt() * math.sqrt(2))
    return scaled.clamp(-_PEAK, _PEAK).to(device, torch.float32)
