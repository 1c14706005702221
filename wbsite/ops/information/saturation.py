"""How activations are spread over their range, and how many of them lie where the activation function is flat."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import torch

from .activation_limits import SATURATION
from .activations import ACTIVATIONS

SHARE = 0.05
"""Of a function's range, how close to a flat end an activation counts as saturated."""

BLOCK = 1 << 18
"""Activations that are looked at together: few enough to stay in a processor's cache."""

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

    def near(block: torch.Tensor) -> torch.Tensor:
        # A rounding of float32 beyond the distance still counts: hard_sigmoid has activations exactly there.
        at_ends = [(block - limit).abs_() <= distance + 1e-6 * (distance > 0) for limit, distance in ends]
        return functools.reduce(torch.logical_or, at_ends)

    return _share(values, near)


def zero_share(values: torch.Tensor) -> torch.Tensor:
    """Share of activations of exactly 0: (M, N, units) → float64 (M,)."""
    return _share(values, lambda block: block == 0)


def histograms(values: torch.Tensor, low: float, high: float, bins: int) -> torch.Tensor:
    """Counts of each unit's activations in equal bins over [low, high], the last bin with its upper edge.

    Args:
        values: (M, N, units), finite. What lies outside the range is in no bin.

    Returns:
        int64 (M, units, bins).
    """
    parts = [_block_histograms(block.mT, low, high, bins) for block in _blocks(values)]
    return torch.cat(parts).cpu()


def _block_histograms(values: torch.Tensor, low: float, high: float, bins: int) -> torch.Tensor:
    """(M, units, N) → int64 (M, units, bins)."""
    records, units, _ = values.shape
    codes = (values - low).mul_(bins / (high - low)).floor_().clamp_(0, bins - 1).int()
    codes.masked_fill_((values < low) | (values > high), bins)
    codes += torch.arange(records * units, dtype=torch.int32, device=values.device).view(records, units, 1) * (bins + 1)
    counts = torch.bincount(codes.flatten(), minlength=records * units * (bins + 1))
    return counts.view(records, units, bins + 1)[..., :bins]


def _share(values: torch.Tensor, condition: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Share of the values of each record for which the condition holds: (M, N, units) → float64 (M,)."""
    counts = [condition(block).sum((1, 2)) for block in _blocks(values)]
    return torch.cat(counts).double().cpu() / (values.shape[1] * values.shape[2])


def _blocks(values: torch.Tensor) -> Iterable[torch.Tensor]:
    """(M, N, units) in parts along the records; at least one."""
    return values.split(max(1, BLOCK // (values.shape[1] * values.shape[2])))
