"""The picture on which a network's forward pass is recorded: one of its own kind, never blank.

On a blank picture a minimum is its maximum, a mean is zero, and a network that asks for them takes a way that it takes
for no other picture.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn import functional as F

_CHOSEN: WeakKeyDictionary[nn.Module, Callable[[], torch.Tensor]] = WeakKeyDictionary()


def choose(module: nn.Module, make: Callable[[], torch.Tensor]) -> None:
    """What a network is shown when it is recorded.

    Args:
        make: gives a picture as the network takes it, (1, channels, height, width).
    """
    _CHOSEN[module] = make


def is_chosen(module: nn.Module) -> bool:
    """Whether a picture was chosen for a network."""
    return module in _CHOSEN


def same_picture(module: nn.Module, copied: nn.Module) -> None:
    """A copy of a network is shown what the network is shown."""
    if module in _CHOSEN:
        _CHOSEN[copied] = _CHOSEN[module]


def picture_for(module: nn.Module, shape: tuple[int, int, int]) -> torch.Tensor:
    """float32 (1, channels, height, width): what was chosen for the network, resized, else `noise`."""
    if module in _CHOSEN:
        chosen = _CHOSEN[module]()
        if chosen.shape[1] == shape[0]:
            same = tuple(chosen.shape[2:]) == tuple(shape[1:])
            return chosen if same else F.interpolate(chosen, shape[1:], mode="bilinear", antialias=True)
    return noise(shape)


def noise(shape: tuple[int, int, int]) -> torch.Tensor:
    """float32 (1, channels, height, width): noise of mean 0 and deviation 1, amplitudes 1 / frequency.

    Field, Relations between the statistics of natural images and the response properties of cortical cells, 1987.
    """
    channels, height, width = shape
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(1, channels, height, width, generator=generator)
    down, right = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    frequency = (down[:, None].square() + right.square()).sqrt().clamp_min(1 / max(height, width))
    x = torch.fft.irfft2(torch.fft.rfft2(white) / frequency, s=(height, width))
    return (x - x.mean()) / x.std().clamp_min(1e-6) if x.numel() > 1 else x
