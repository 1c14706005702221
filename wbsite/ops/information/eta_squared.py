"""What a grouping of samples explains: eta squared of numbers, the uncertainty coefficient of another grouping."""

from __future__ import annotations

import math

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

BLOCK = 1 << 17
"""Values treated at a time, about a processor's second-level cache."""

NOTHING = 1e-10
"""Variance, relative to the mean square, below which numbers count as constant: roundings of float32."""


def eta_squared(values: torch.Tensor, groups: torch.Tensor) -> np.ndarray:
    """η² of a layer: variance between the groups' means over all variance, both summed over the units.

    1 where every unit's activation is a function of the group, 0 where all groups have the same means.

    Args:
        values: (M records, N samples, units), finite.
        groups: int64 (N,), from 0.

    Returns:
        float64 (M,); NaN where no unit varies.

    Raises:
        WbsiteError: not one group for each sample.
    """
    if values.ndim != 3 or groups.shape != values.shape[1:2]:
        raise WbsiteError(
            f"values have shape {tuple(values.shape)}, groups {tuple(groups.shape)}.",
            "Give (records, samples, units) and one group for every sample.",
        )
    by_unit = values.mT  # how a study's layers lie in memory
    members = torch.nn.functional.one_hot(groups).to(values.dtype)  # (N, groups)
    sizes = members.sum(0).double()
    together = max(1, BLOCK // max(1, by_unit[0].numel()))
    shares = [_of_block(block.contiguous(), members, sizes) for block in by_unit.split(together)]
    return torch.cat(shares).cpu().numpy()


def _of_block(values: torch.Tensor, members: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """η² of (M, units, N), from the groups' members (N, groups) and sizes (groups,): float64 (M,)."""
    centred = values - values.mean(2, keepdim=True)
    means = (centred @ members).double() / sizes.clamp(min=1)
    between = (means.square_() * sizes).sum((1, 2))
    total = torch.linalg.vector_norm(centred, dim=(1, 2), dtype=torch.float64).square_()
    scale = torch.linalg.vector_norm(values, dim=(1, 2), dtype=torch.float64).square_()
    return torch.where(total > NOTHING * scale, between / total, torch.nan).clamp_(0, 1)


def eta_squared_of_unit(values: np.ndarray, groups: np.ndarray) -> float:
    """`eta_squared` of one unit: (n,), and whole numbers (n,) of a small range; NaN for no values or constant ones."""
    if len(values) == 0:
        return math.nan
    values, codes = np.asarray(values, np.float64), groups - groups.min()
    centred = values - values.mean()
    total, sizes = float(centred @ centred), np.bincount(codes)
    if not total > NOTHING * float(values @ values):
        return math.nan
    between = float((np.square(np.bincount(codes, centred)) / np.maximum(sizes, 1)).sum())
    return min(1.0, between / total)


def uncertainty_coefficient(labels: np.ndarray, groups: np.ndarray) -> float:
    """Theil's I(labels; groups) / H(labels): how much of one grouping the other tells, in [0, 1].

    NaN where all labels are one. scikit-learn's homogeneity score is the same, and checks its arguments a hundred
    times as long.

    Args:
        labels, groups: whole numbers (n,) of a small range.
    """
    labels, groups = labels - labels.min(), groups - groups.min()
    table = np.bincount(labels * (groups.max() + 1) + groups, minlength=(labels.max() + 1) * (groups.max() + 1))
    table = table.reshape(labels.max() + 1, -1)
    total = _n_log_n(len(labels))
    of_labels, of_groups = (_n_log_n(table.sum(axis)).sum() for axis in (1, 0))
    if not total > of_labels:
        return math.nan
    # I and H, times n: n log n of all, less that of the parts.
    return float(np.clip((total - of_labels - of_groups + _n_log_n(table).sum()) / (total - of_labels), 0, 1))


def _n_log_n(n: np.ndarray | int) -> np.ndarray:
    return n * np.log(np.maximum(n, 1))
