"""Where the weights of a layer's kernels lie: taps in use, shares of each tap, of the mean and of one profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .kernel_copies import find_copies
from .kernel_forms import TOLERANCE, largest_weight

_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class Profiles:
    """What all kernels of a layer have in common over their positions.

    A unit is of rank one where its channels' kernels are multiples of one profile (kh, kw), up to twice `TOLERANCE`
    times its largest weight.

    Attributes:
        used: (kh, kw) bool, taps at which any unit has a weight larger than `TOLERANCE` times the layer's largest.
        energy: (kh, kw) float64, share of the squared weights at each tap; NaN for a layer of zeros and kernels of one
            position, as the shares.
        constant_share: of the squared weights, what is constant over positions in each channel of each unit.
        profile_share: what the one profile holds that holds most: first eigenvalue of Σ k kᵀ over its trace.
        one_profile: units of rank one that share a profile, the most that share one; 0 for kernels of one position.
    """

    used: np.ndarray
    energy: np.ndarray
    constant_share: float
    profile_share: float
    one_profile: int


def profiles(kernels: torch.Tensor) -> Profiles:
    """Of a layer's kernels (N units, C channels, kh, kw), any real dtype, finite, on any device."""
    kernels = kernels.detach()
    positions = kernels.shape[2] * kernels.shape[3]
    largest = float(largest_weight(kernels, 0, 1, 2, 3))
    if positions == 1:
        nothing = np.full((1, 1), np.nan)
        return Profiles(np.array([[largest > 0]]), nothing, np.nan, np.nan, one_profile=0)
    scale = largest or 1.0
    gram = torch.zeros(positions, positions, dtype=torch.float64, device=kernels.device)
    highest = torch.zeros(positions, dtype=torch.float64, device=kernels.device)
    strongest = []  # one kernel of each unit of rank one, zeros for the others
    for chunk in kernels.split(max(1, _CHUNK_ELEMENTS // kernels[0].numel())):
        flat = chunk.flatten(2).double() / scale  # squares of tiny weights would underflow
        highest = torch.maximum(highest, flat.abs().amax((0, 1)))
        rows = flat.flatten(0, 1)
        gram += rows.T @ rows
        strongest.append(_profile_of_rank_one(flat))
    total = float(gram.trace())
    energy = gram.diagonal() / total if total else gram.diagonal() * np.nan
    return Profiles(
        used=(highest > TOLERANCE).reshape(kernels.shape[2:]).cpu().numpy(),
        energy=energy.reshape(kernels.shape[2:]).cpu().numpy(),
        constant_share=float(gram.sum()) / positions / total if total else np.nan,
        profile_share=float(torch.linalg.eigvalsh(gram)[-1]) / total if total else np.nan,
        one_profile=_most_alike(torch.cat(strongest)),
    )


def _profile_of_rank_one(kernels: torch.Tensor) -> torch.Tensor:
    """(n, C, positions) → (n, positions): the strongest kernel of each unit of rank one, zeros for another's."""
    norm = kernels.norm(dim=2)
    profile = kernels[torch.arange(len(kernels), device=kernels.device), norm.argmax(1)]
    size = norm.amax(1)
    unit = profile / torch.where(size > 0, size, 1)[:, None]
    residual = kernels - (kernels @ unit[:, :, None]) * unit[:, None]
    of_rank_one = residual.abs().amax((1, 2)) <= 2 * TOLERANCE * kernels.abs().amax((1, 2))
    return profile * of_rank_one[:, None]


def _most_alike(profiles: torch.Tensor) -> int:
    """How many of (N, positions) are multiples of one of them, zeros aside."""
    live = profiles[profiles.abs().amax(1) > 0]
    return int(np.bincount(find_copies(live).first).max()) if len(live) else 0
