"""Units found by what they read: expanded weights to the first layer against a property of its filters and a pattern.

The first layer reads the picture, so its filters say themselves what they look for: how colourful it is, and how
fine. A unit that looks for the absence of colour in the middle, or for fine texture on one side and coarse on the
other, has expanded weights to these filters near an ideal: property ⊗ pattern in space. The score is the cosine
between the two, in [−1, 1], whatever the strength of the unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from wbsite.core.errors import WbsiteError

PATTERNS = ("whole", "up", "left", "centre")
"""Patterns in space, in this order along their axis."""

_PADDED = 4


@dataclass(frozen=True, eq=False)
class Filters:
    """What the filters of a first layer look for.

    Attributes:
        colour: (N,) in [0, 1], share of the squared weights that remains after subtracting the mean of the colour
            channels at each position: 0 black-and-white, 1 pure colour contrast; 0 for one channel.
        frequency: (N,) mean distance from zero frequency over the filter's power spectrum, in cycles a pixel.
        strength: (N,) norm of the filter: its response to the patch of unit norm that suits it best.
    """

    colour: torch.Tensor
    frequency: torch.Tensor
    strength: torch.Tensor

    @classmethod
    def of(cls, filters: torch.Tensor) -> Filters:
        """From weights (N, C, kh, kw) of a picture's values; a filter of zeros has zeros."""
        x = filters.detach().double()
        power = x.square().sum((1, 2, 3))
        grey = x.shape[1] * x.mean(1).square().sum((1, 2))
        side = _PADDED * max(x.shape[2:])
        spectrum = torch.fft.fft2(x, s=(side, side)).abs().square().sum(1)
        axis = torch.fft.fftfreq(side, dtype=x.dtype, device=x.device)
        distance = torch.hypot(axis[:, None], axis[None])
        safe = torch.where(power > 0, power, 1)
        colour = torch.where(power > 0, (1 - grey / safe).clamp(0, 1), 0)
        frequency = (spectrum * distance).sum((1, 2)) / torch.where(power > 0, spectrum.sum((1, 2)), 1)
        return cls(colour, frequency, power.sqrt())

    def directions(self) -> dict[str, torch.Tensor]:
        """Property → (N,) of unit norm, what an ideal unit's weights to the filters are proportional to.

        "colour": how far a filter is above the mean colour share; "frequency": how far it is above what filters of
        its colour share have (fitted by a line), because fine filters are mostly grey and coarse ones colourful. Means
        and lines weigh filters by strength, so that reading all filters alike counts for nothing. Zeros where the
        filters do not differ, and for filters of zeros.
        """
        live = self.strength > 0
        colour = torch.where(live, _centred(self.colour, self.strength), 0)
        frequency = torch.where(live, _centred(self.frequency, self.strength), 0)
        spread = (self.strength * colour.square()).sum()
        if spread > 1e-9 * self.strength.sum():
            frequency = frequency - (self.strength * colour * frequency).sum() / spread * colour
        return {"colour": _unit(colour), "frequency": _unit(frequency)}


def _centred(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    total = weights.sum()
    return values - (weights * values).sum() / torch.where(total > 0, total, 1)


def _unit(values: torch.Tensor) -> torch.Tensor:
    norm = values.norm()
    return values / norm if norm > 1e-6 else torch.zeros_like(values)


def patterns(energy: torch.Tensor) -> torch.Tensor:
    """Ideal patterns in space, orthogonal and of unit norm: (4, h, w) in the order of PATTERNS.

    With the layer's mean squared weights as the measure of where and how wide it looks (centre c, mean squared
    radius σ²) and g = exp(−|p − c|² / 2σ²): "whole" is g; "up" and "left" are g times the distance above and left of
    the centre; "centre" is g·(1 − |p − c|² / σ²), positive within σ and negative around it.

    Args:
        energy: (h, w) ≥ 0, squared weights at each position.
    """
    h, w = energy.shape
    energy = energy.double() / energy.sum().clamp_min(torch.finfo(torch.float64).tiny)
    y, x = (torch.arange(length, dtype=torch.float64, device=energy.device) for length in (h, w))
    y, x = y[:, None], x[None]
    y, x = y - (energy * y).sum(), x - (energy * x).sum()
    squared = y.square() + x.square()
    spread = (energy * squared).sum().clamp_min(0.25)  # a single position still has a width
    g = torch.exp(-squared / (2 * spread))
    orthogonal: list[torch.Tensor] = []
    for pattern in torch.stack([g, -y * g, -x * g, (1 - squared / spread) * g]).flatten(1):
        size = pattern.norm()
        for other in orthogonal:
            pattern = pattern - (pattern @ other) * other
        rest = pattern.norm()
        orthogonal.append(pattern / rest if rest > 1e-6 * size else torch.zeros_like(pattern))
    return torch.stack(orthogonal).reshape(-1, h, w)


@dataclass(frozen=True, eq=False)
class FirstLayerWeights:
    """The expanded weights of a layer's units to a first layer, along patterns in space.

    Attributes:
        filters: of the first layer.
        projected: (U, N, 4) weights to each filter, times its strength, along each pattern, over the norm of all of
            the unit's weights; zeros for a unit without weights.
    """

    filters: Filters
    projected: torch.Tensor

    @classmethod
    def of(cls, expanded: torch.Tensor, filters: Filters) -> FirstLayerWeights:
        """From expanded weights (U, N, h, w) to the first layer.

        Raises:
            WbsiteError: they lead to another number of filters.
        """
        if expanded.ndim != 4 or expanded.shape[1] != len(filters.strength):
            raise WbsiteError(
                f"expanded weights have shape {tuple(expanded.shape)}; expected"
                f" (units, {len(filters.strength)}, h, w).",
                "Expand them to the layer whose filters are given.",
            )
        strength = filters.strength.to(expanded)
        energy = torch.einsum("unhw,unhw->nhw", expanded, expanded)
        energy = torch.einsum("nhw,n->hw", energy.double(), filters.strength.square())
        along = torch.einsum("unhw,khw->unk", expanded, patterns(energy).to(expanded)) * strength[:, None]
        norm = torch.einsum("unhw,unhw,n->u", expanded, expanded, strength.square()).sqrt()
        return cls(filters, (along / torch.where(norm > 0, norm, 1)[:, None, None]).double())

    def along(self, direction: torch.Tensor) -> torch.Tensor:
        """(U, 4) cosines with direction ⊗ pattern; of several directions (P, N), (P, U, 4)."""
        return torch.einsum("unk,...n->...uk", self.projected, direction)


def score(cosines: torch.Tensor, pattern: str) -> torch.Tensor:
    """(…, 4) cosines → (…): along "whole" or "centre"; "side": the largest along any direction in the plane."""
    if pattern == "side":
        return torch.hypot(cosines[..., 1], cosines[..., 2])
    return cosines[..., PATTERNS.index(pattern)]


def angle(cosines: torch.Tensor) -> torch.Tensor:
    """(…, 4) → (…) degrees in [0, 360): towards which side more is read, 0 right, 90 up."""
    return torch.rad2deg(torch.atan2(cosines[..., 1], -cosines[..., 2])) % 360


def permuted(direction: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
    """(count, N): the direction (N,) with its entries in random order, for a null of the score."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([direction[torch.randperm(len(direction), generator=generator)] for _ in range(count)])
