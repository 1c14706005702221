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

import torch

from wbsite.ops.tuning.color import correlate

_START = 0.01
"""Standard deviation of first coefficients: a grey picture with a little structure."""
_GAIN = 0.25
"""From a sum of coefficients to the argument of the sigmoid, so that colours do not saturate early."""
_CONTRAST = 1.0
"""Standard deviation of the argument of the sigmoid in pictures of fixed magnitude."""


@dataclass(frozen=True)
class Parameterisation:
    """Attributes:
    start: (generator, channels, size) → parameters of one picture.
    image: (parameters (B, …), size) → pictures (B, channels, size, size) in [0, 1].
    """

    start: Callable[[torch.Generator, int, int], torch.Tensor]
    image: Callable[[torch.Tensor, int], torch.Tensor]


def frequencies(size: int) -> torch.Tensor:
    """Cycles a pixel of each coefficient of `rfft2`, (size, size // 2 + 1)."""
    return torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None])


def natural(size: int) -> torch.Tensor:
    """Amplitudes that fall as 1 / frequency, (size, size // 2 + 1); constant ones as those of one cycle a picture."""
    return 1 / frequencies(size).clamp_min(1 / size)


def _spectrum_start(generator: torch.Generator, channels: int, size: int) -> torch.Tensor:
    return _START * torch.randn(channels, size, size // 2 + 1, 2, generator=generator)


def _fourier(parameters: torch.Tensor, size: int) -> torch.Tensor:
    scaled = torch.view_as_complex(parameters * natural(size).to(parameters)[..., None])
    return torch.sigmoid(correlate(_GAIN * torch.fft.irfft2(scaled, s=(size, size), norm="ortho")))


def _phase_start(generator: torch.Generator, channels: int, size: int) -> torch.Tensor:
    return 2 * torch.pi * torch.rand(channels, size, size // 2 + 1, generator=generator)


def _maco(parameters: torch.Tensor, size: int) -> torch.Tensor:
    amplitude = natural(size).to(parameters)
    amplitude[0, 0] = 0  # the mean stays grey
    picture = torch.fft.irfft2(torch.polar(amplitude.expand_as(parameters), parameters), s=(size, size), norm="ortho")
    spread = picture.detach().std((2, 3), keepdim=True)
    return torch.sigmoid(correlate(_CONTRAST * picture / spread))


def _pixel_start(generator: torch.Generator, channels: int, size: int) -> torch.Tensor:
    return _START * torch.randn(channels, size, size, generator=generator)


def _pixels(parameters: torch.Tensor, size: int) -> torch.Tensor:
    return torch.sigmoid(parameters)


PARAMETERISATIONS = {
    "fourier": Parameterisation(_spectrum_start, _fourier),
    "maco": Parameterisation(_phase_start, _maco),
    "pixels": Parameterisation(_pixel_start, _pixels),
}
