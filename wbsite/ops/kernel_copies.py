"""Units that have another unit's kernel, up to a factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .kernel_forms import TOLERANCE, largest_weight

FEWEST_WEIGHTS = 3
"""Weights of a unit from which copies are looked for: directions of one or two weights meet by chance."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Which units of a layer have one kernel up to a factor.

    Attributes:
        first: (N,) int64, the first unit with the same kernel; itself for a unit that copies none before it.
        factor: (N,) float64, the unit's kernel is this times that of `first`; 1 for itself.
    """

    first: np.ndarray
    factor: np.ndarray

    @property
    def copy(self) -> np.ndarray:
        """(N,) bool, whether an earlier unit has the kernel."""
        return self.first != np.arange(len(self.first))

    @property
    def identical(self) -> np.ndarray:
        """(N,) bool, whether it has it with a factor of 1."""
        return self.copy & (np.abs(self.factor - 1) <= 2 * TOLERANCE)


def find_copies(kernels: torch.Tensor) -> Copies:
    """Units whose kernels are multiples of each other: no weight of one differs from the multiple of the other by more
    than twice `TOLERANCE` times its largest weight. Units of zeros (as of `kernel_forms`) and those of fewer than
    `FEWEST_WEIGHTS` weights copy none.

    Only units that lie together on a random projection are compared, so that this costs little more than reading the
    weights; the projection is the same every time.

    Args:
        kernels: (N units, …), any real dtype, finite, on any device.
    """
    flat = kernels.detach().flatten(1)
    if not flat.is_floating_point():
        flat = flat.float()
    count, width = flat.shape
    first, factor = np.arange(count), np.ones(count)
    if width < FEWEST_WEIGHTS:
        return Copies(first, factor)
    largest = largest_weight(flat, 1).cpu().numpy()
    direction = torch.randn(width, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(flat.device)
    place, window = np.full(count, np.inf), np.zeros(count)
    live = np.flatnonzero(largest > TOLERANCE * largest.max())
    for units in np.array_split(live, max(1, len(live) * width // 4_000_000)):
        rows = flat[torch.from_numpy(units).to(flat.device)].double()
        norm = rows.norm(dim=1)
        place[units] = (rows @ direction / norm).abs().cpu().numpy()
        # Six standard deviations of the projection of differences as large as two kernels may have.
        window[units] = 12 * TOLERANCE * width**0.5 * largest[units] / norm.cpu().numpy()
    groups: list[int] = []  # a member of each group that may still gain another, in order of place
    members: dict[int, list[int]] = {}
    for unit in live[np.argsort(place[live], kind="stable")].tolist():
        groups = [other for other in groups if place[unit] - place[other] <= window[unit]]
        for other in groups:
            if _is_multiple(flat[unit], flat[other]):
                members[other].append(unit)
                break
        else:
            groups.append(unit)
            members[unit] = [unit]
    for group in members.values():
        earliest = min(group)
        for unit in group:
            # Within a group kernels are alike up to twice the tolerance each; the factor is least squares.
            first[unit], factor[unit] = earliest, 1.0 if unit == earliest else _ratio(flat[unit], flat[earliest])
    return Copies(first, factor)


def _ratio(a: torch.Tensor, b: torch.Tensor) -> float:
    """The x for which x·b is nearest to a."""
    scale = b.abs().max().double()  # squares of tiny weights would underflow
    b = b.double() / scale
    return float(a.double() @ b / (b @ b) / scale)


def _is_multiple(a: torch.Tensor, b: torch.Tensor) -> bool:
    a, b = (kernel.double() / kernel.abs().max() for kernel in (a, b))
    return float((a - _ratio(a, b) * b).abs().max()) <= 2 * TOLERANCE
