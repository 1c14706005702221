"""Pictures as functions of parameters in which gradient ascent finds natural ones rather than noise.

All are defined for a batch; no picture's pixels depend on another's parameters.

- fourier: coefficients of a two-dimensional Fourier series, each multiplied by 1 / frequency as natural images'
  amplitudes fall, in uncorrelated colours (`ops.tuning.color`), through a sigmoid into [0, 1]
  (Olah, Mordvintsev, Schubert 2017).
- maco: the phases alone are free; the magnitudes stay those of the law of natural images, 1 / frequency, with equal
  energy in the three uncorrelated colours (Fel et al. 2023, whose magnitudes are averages over ImageNet).
- pixels: each pixel through a sigmoid. For comparison: it finds noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch

from wbsite.ops.tuning.color import correlate

_START = 0.01
"""Standard deviation of first coefficients: a grey picture with a little structure."""
_GAIN = 0.25
"""From a sum of coefficients to the argument of the sigmoid, so that colours do not saturate early."""
_CONTRAST = 1.0
"""Standard deviation of the argument of the sigmoid in pictures of fixed magnitude."""

Size = tuple[int, int]
"""(height, width) of a picture, in pixels."""


@dataclass(frozen=True)
class Parameterisation:
    """Attributes:
    start: (generator, channels, size) → parameters of one picture.
    image: (parameters (B, …), size) → pictures (B, channels, height, width) in [0, 1].
    """

    start: Callable[[torch.Generator, int, Size], torch.Tensor]
    image: Callable[[torch.Tensor, Size], torch.Tensor]


def frequencies(size: Size) -> torch.Tensor:
    """Cycles a pixel of each coefficient of `rfft2`, (height, width // 2 + 1)."""
    height, width = size
    down, right = torch.fft.fftfreq(height, dtype=torch.float32), torch.fft.rfftfreq(width, dtype=torch.float32)
    return torch.hypot(down[:, None], right[None])


def natural(size: Size) -> torch.Tensor:
    """Amplitudes that fall as 1 / frequency, (height, width // 2 + 1); constant ones as those of one cycle a picture,
    along its longer side."""
    return 1 / frequencies(size).clamp_min(1 / max(size))


def _spectrum_start(generator: torch.Generator, channels: int, size: Size) -> torch.Tensor:
    return _START * torch.randn(*_coefficients(channels, size), 2, generator=generator, dtype=torch.float32)


def _coefficients(channels: int, size: Size) -> tuple[int, int, int]:
    return channels, size[0], size[1] // 2 + 1


def _fourier(parameters: torch.Tensor, size: Size) -> torch.Tensor:
    scaled = torch.view_as_complex(parameters * _amplitudes(size, parameters.dtype, parameters.device))
    return torch.sigmoid(correlate(_GAIN * torch.fft.irfft2(scaled, s=size, norm="ortho")))


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _amplitudes(size: Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`natural` for real and imaginary parts, side by side as they are: a factor that is repeated takes longer."""
    return natural(size)[..., None].expand(-1, -1, 2).to(device, dtype, memory_format=torch.contiguous_format)


def _phase_start(generator: torch.Generator, channels: int, size: Size) -> torch.Tensor:
    return 2 * torch.pi * torch.rand(*_coefficients(channels, size), generator=generator, dtype=torch.float32)


def _maco(parameters: torch.Tensor, size: Size) -> torch.Tensor:
    amplitude = natural(size).to(parameters)
    amplitude[0, 0] = 0  # the mean stays grey
    picture = torch.fft.irfft2(torch.polar(amplitude.expand_as(parameters), parameters), s=size, norm="ortho")
    spread = picture.detach().std((2, 3), keepdim=True)
    return torch.sigmoid(correlate(_CONTRAST * picture / spread))


def _pixel_start(generator: torch.Generator, channels: int, size: Size) -> torch.Tensor:
    return _START * torch.randn(channels, *size, generator=generator, dtype=torch.float32)


def _pixels(parameters: torch.Tensor, size: Size) -> torch.Tensor:
    return torch.sigmoid(parameters)


PARAMETERISATIONS = {
    "fourier": Parameterisation(_spectrum_start, _fourier),
    "maco": Parameterisation(_phase_start, _maco),
    "pixels": Parameterisation(_pixel_start, _pixels),
}
