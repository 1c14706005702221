"""Kernels without a spatial shape: zero, constant over positions, or of single taps. Definitions and tolerance.

A unit's kernel is (C channels, kh, kw). Its form is the first of these that it has:

- "zero": no weight is larger than `TOLERANCE` times the layer's largest. The unit responds to nothing.
- "constant": in every channel, all positions have one weight. Centring over space leaves nothing.
- "middle": no weight but those of the middle tap is non-zero (odd heights and widths). It is a 1×1 kernel in the place
  of a larger one.
- "taps": in every channel, all positions but one have one weight. There is a place, and no shape.
- "": none of these, a kernel with a shape.

Weights within `TOLERANCE` times the unit's largest weight of each other are one weight. Forms other than "zero" need
kernels with more than one position, and "taps" more than two: of two positions all but one are always alike. Row and
column shares of a "middle" or "taps" kernel are those of independent weights exactly, whatever its weights are, so that
it has no banding either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

TOLERANCE = 1e-6
"""Share of the largest weight below which a weight, or a difference of weights, is none. Rounding in float32 stays
below it; units that weight decay has driven to zero do so too."""

PICTURE_TOLERANCE = 2e-3
"""The same for NMF pictures: half a shade of 8 bits, and no finer than the factorisation converges."""

FORMS = ("zero", "constant", "middle", "taps")
"""Forms without a shape, in order of precedence."""


@dataclass(frozen=True, eq=False)
class Forms:
    """The form of every unit of a layer.

    Attributes:
        names: (N,) of `FORMS`, or "" for a kernel with a shape.
    """

    names: np.ndarray

    @cached_property
    def shaped(self) -> np.ndarray:
        """(N,) bool, whether the unit's kernel has a shape."""
        return self.names == ""

    @cached_property
    def varies(self) -> np.ndarray:
        """(N,) bool, whether the unit's kernel varies over space: it has a shape, or single taps."""
        return ~np.isin(self.names, ("zero", "constant"))

    @property
    def counts(self) -> Mapping[str, int]:
        """Form → units that have it, for every one of `FORMS`."""
        return {form: int(np.count_nonzero(self.names == form)) for form in FORMS}


def unit_forms(kernels: torch.Tensor, tolerance: float = TOLERANCE) -> Forms:
    """The form of every unit's kernel.

    Args:
        kernels: (N units, C channels, kh, kw), any real dtype, finite, on any device.
        tolerance: in place of `TOLERANCE`; of pictures, `PICTURE_TOLERANCE`.

    Raises:
        WbsiteError: kernels of another rank, or empty.
    """
    shape = tuple(kernels.shape)
    if kernels.ndim != 4 or 0 in shape:
        raise WbsiteError(
            f"kernels have shape {shape}; expected a non-empty (units, channels, kh, kw).",
            "Pass the weight of a two-dimensional convolution; that of a fully connected layer as (O, I, 1, 1).",
        )
    kernels = kernels.detach()
    if not kernels.is_floating_point():
        kernels = kernels.float()
    largest = largest_weight(kernels.flatten(1), 1)
    live = largest > tolerance * largest.max()
    names = np.full(len(kernels), "", dtype="<U8")
    if shape[2:] != (1, 1):
        _name_forms(names, kernels, live, tolerance * largest)
    names[~live.cpu().numpy()] = "zero"
    return Forms(names)


def _name_forms(names: np.ndarray, kernels: torch.Tensor, live: torch.Tensor, limit: torch.Tensor) -> None:
    """Fills in the names of live units other than "zero"."""
    tests = {"taps": _has_single_taps, "middle": _is_middle_tap, "constant": _is_constant}  # later ones take precedence
    # Few units are of any such form: one channel tells most of them, so that whole layers are seldom sorted.
    strongest = largest_weight(kernels.flatten(2), 2).argmax(1)
    channel = kernels[torch.arange(len(kernels), device=kernels.device), strongest][:, None]
    for form, has_form in tests.items():
        candidates = (has_form(channel, limit) & live).nonzero()[:, 0]
        units = candidates[has_form(kernels[candidates], limit[candidates])]
        names[units.cpu().numpy()] = form


def largest_weight(weights: torch.Tensor, *axes: int) -> torch.Tensor:
    """The largest |weight| over these axes, float64; takes no memory of the size of the weights."""
    return torch.maximum(weights.amax(axes), -weights.amin(axes)).double()


def picture_forms(pictures: torch.Tensor, kernels: torch.Tensor) -> Forms:
    """The form of every unit's NMF picture.

    A kernel without a shape has a picture without one. So has a kernel of no more taps than the picture has factors: it
    is a product with a tap a factor, whatever its shape, so that its form is "taps".

    Args:
        pictures: (N units, n factors, kh, kw).
        kernels: (N units, C channels, kh, kw) of which they are.
    """
    names = np.where(_used_taps(kernels) <= pictures.shape[1], "taps", unit_forms(pictures, PICTURE_TOLERANCE).names)
    own = unit_forms(kernels)
    return Forms(np.where(own.shaped, names, own.names))


def _used_taps(kernels: torch.Tensor) -> np.ndarray:
    """Taps at which a unit has a weight in any channel, (N,) int64."""
    strength = largest_weight(kernels.detach(), 1).flatten(1)
    used: np.ndarray = (strength > TOLERANCE * strength.amax(1, keepdim=True)).sum(1).cpu().numpy()
    return used


def without_zero_units(kernels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Kernels (N, C, kh, kw) with exact zeros in units of the form "zero", so that pictures, which are scaled to each
    unit's largest weight, do not show what is no weight; and which units are live, (N,) bool on the CPU."""
    live = torch.from_numpy(unit_forms(kernels).names != "zero")
    return kernels * live.to(kernels.device)[:, None, None, None], live


def _is_constant(kernels: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """(N, C, kh, kw), largest difference that is none (N,) → (N,) bool."""
    flat = kernels.flatten(2).double()
    return (flat.amax(2) - flat.amin(2)).amax(1) <= limit


def _is_middle_tap(kernels: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    kh, kw = kernels.shape[2:]
    if kh % 2 == 0 or kw % 2 == 0:
        return torch.zeros_like(limit, dtype=torch.bool)
    flat, middle = kernels.flatten(2).abs().double(), kh * kw // 2
    return torch.cat((flat[..., :middle], flat[..., middle + 1 :]), 2).amax((1, 2)) <= limit


def _has_single_taps(kernels: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    flat = kernels.flatten(2).double()
    if flat.shape[2] < 3:
        return torch.zeros_like(limit, dtype=torch.bool)
    ordered = flat.sort(dim=2).values
    # All but the largest, or all but the smallest, lie together.
    spread = torch.minimum(ordered[..., -2] - ordered[..., 0], ordered[..., -1] - ordered[..., 1])
    return spread.amax(1) <= limit
