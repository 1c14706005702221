"""How oriented a unit's weights to the picture are, and along which line."""

from __future__ import annotations

import torch

_LEAST = 16

_SPECTRUM = 2**21
"""Numbers of the spectra that are held at a time."""


def orientation(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Orientation of (U, C, h, w) weights to a picture.

    From the power spectrum P(f) of the mean over colour channels, z = Σ P(f) e^{2iθ(f)} / Σ P_all(f), with P_all the
    power of all channels, constant part included: weights of one orientation have |z| = 1; a spot, a colour or
    noise about 0.

    Returns:
        strength: (U,) |z| in [0, 1]; 0 for a unit of zeros.
        angle: (U,) degrees in [0, 180) of the lines it reads: 0 horizontal, 90 vertical, 45 from lower left to
            upper right.
    """
    side = max(_LEAST, 2 * max(weights.shape[2:]))
    axis = torch.fft.fftfreq(side, dtype=torch.float64, device=weights.device)
    across = torch.atan2(-axis[:, None], axis[None].expand(side, side))  # rows count downwards, angles upwards
    off = torch.hypot(axis[:, None], axis[None]) > 0
    waves = torch.stack([torch.cos(2 * across), torch.sin(2 * across)]) * off
    parts = []
    for part in weights.detach().split(max(1, _SPECTRUM // side**2)):
        x = part.double()
        power = torch.fft.fft2(x.mean(1), s=(side, side)).abs().square()
        total = side**2 * x.square().sum((1, 2, 3)) / x.shape[1]  # of the spectra of all channels (Parseval)
        moments = torch.einsum("uij,wij->uw", power, waves)
        parts.append(moments / torch.where(total > 0, total, 1)[:, None])
    real, imaginary = torch.cat(parts).unbind(1)
    lines = torch.rad2deg(torch.atan2(imaginary, real)) / 2 + 90
    return torch.hypot(real, imaginary), lines % 180


def fan(strength: torch.Tensor, angle: torch.Tensor, count: int) -> list[int]:
    """A family that differs by orientation: the most oriented unit in each of `count` equal sectors of the half circle.

    The first sector is centred on 0°. Of equals the first is taken; a sector without a unit is omitted.

    Args:
        strength, angle: (U,) of each unit, as of `orientation`.

    Returns:
        Numbers of the units, in order of sectors.
    """
    width = 180 / count
    sector = ((angle + width / 2) % 180 / width).long().clamp_max(count - 1)
    units = []
    for i in range(count):
        inside = torch.where((sector == i) & (strength > 0), strength, -1)
        if float(inside.max()) > 0:
            units.append(int(inside.argmax()))
    return units


def agreement(net: torch.Tensor, target: torch.Tensor, source: torch.Tensor) -> float:
    """Correlation of (T, S) weights with cos 2(difference of angles, in degrees): 1 where lines excite their own
    orientation and inhibit the one across it; 0 where either does not vary."""
    ideal = torch.cos(torch.deg2rad(2 * (target[:, None] - source[None]).double())).flatten()
    weights = net.double().flatten()
    ideal, weights = ideal - ideal.mean(), weights - weights.mean()
    size = ideal.norm() * weights.norm()
    return float(ideal @ weights / size) if size > 0 else 0.0
