"""How activations are spread over their range, and how many of them lie where the activation function is flat."""

from __future__ import annotations

import torch

from .activation_limits import SATURATION
from .activations import ACTIVATIONS

SHARE = 0.05
"""Of a function's range, how close to a flat end an activation counts as saturated."""

RANGES = {"tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0)}
"""Functions whose activations are shown over their whole range; the others' over what was seen."""

SOFTMAX = (0.0, 1.0)
"""Range of the readout, and where it is flat."""


def flat_ends(name: str) -> list[tuple[float, float]]:
    """Where an activation function is flat, and how far from there an activation counts as saturated.

    Of a function that is flat on both sides, SHARE of the distance between its limits. Of one that is flat on one side,
    whose range has no end, SHARE of the distance from its limit to its value at 0; for relu that is none: saturated are
    activations of exactly 0.

    Returns:
        (limit, distance) of each flat end; empty for a function that has none.
    """
    limits = SATURATION[name]
    if len(limits) == 2:
        return [(limit, SHARE * abs(limits[1] - limits[0])) for limit in limits]
    at_zero = float(ACTIVATIONS[name](torch.zeros(1)))
    return [(limit, SHARE * abs(at_zero - limit)) for limit in limits]


def saturated_share(values: torch.Tensor, ends: list[tuple[float, float]]) -> torch.Tensor:
    """Share of activations at a flat end: (M, N, units) → float64 (M,), in [0, 1]; NaN without such ends."""
    if not ends:
        return torch.full((len(values),), torch.nan, dtype=torch.float64)
    # A rounding of float32 beyond the distance still counts: hard_sigmoid has activations exactly there.
    near = torch.stack([(values - limit).abs() <= distance + 1e-6 * (distance > 0) for limit, distance in ends]).any(0)
    return near.double().mean((1, 2)).cpu()


def zero_share(values: torch.Tensor) -> torch.Tensor:
    """Share of activations of exactly 0: (M, N, units) → float64 (M,)."""
    return (values == 0).double().mean((1, 2)).cpu()


def histograms(values: torch.Tensor, low: float, high: float, bins: int) -> torch.Tensor:
    """Counts of each unit's activations in equal bins over [low, high], the last bin with its upper edge.

    Args:
        values: (M, N, units), finite. What lies outside the range is in no bin.

    Returns:
        int64 (M, units, bins).
    """
    records, _, units = values.shape
    codes = ((values - low) * (bins / (high - low))).floor_().clamp_(0, bins - 1).long()
    codes.masked_fill_((values < low) | (values > high), bins)
    place = torch.arange(records * units, device=values.device).view(records, 1, units) * (bins + 1)
    counts = torch.bincount((codes + place).flatten(), minlength=records * units * (bins + 1))
    return counts.view(records, units, bins + 1)[..., :bins].cpu()
