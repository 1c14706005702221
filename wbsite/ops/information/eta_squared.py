"""What a grouping of samples explains: share of the variance of numbers, share of the information in other groups."""

from __future__ import annotations

import math

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

NOTHING = 1e-10
"""Variance, relative to the mean square, below which numbers count as constant: roundings of float32."""


def explained(values: torch.Tensor, groups: torch.Tensor) -> np.ndarray:
    """η² of layers: variance between the groups' means over all variance, both summed over the units.

    1 where every unit's activation is a function of the group, 0 where all groups have the same means.

    Args:
        values: (M, N, units), finite.
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
    centred = values - values.mean(1, keepdim=True)
    members = torch.nn.functional.one_hot(groups).to(values.dtype)  # (N, groups)
    sizes = members.sum(0).double()
    means = (members.T @ centred).double() / sizes.clamp(min=1)[:, None]
    between = (means.square() * sizes[:, None]).sum((1, 2))
    total = centred.square().sum((1, 2), dtype=torch.float64)
    scale = values.square().sum((1, 2), dtype=torch.float64)
    share = torch.where(total > NOTHING * scale, between / total, torch.nan).clamp(0, 1)
    return share.cpu().numpy()


def explained_once(values: np.ndarray, groups: np.ndarray) -> float:
    """`explained` of one unit: (n,), (n,) of any whole numbers; NaN for no values or constant ones."""
    if len(values) == 0:
        return math.nan
    codes = np.unique(groups, return_inverse=True)[1]
    given = torch.from_numpy(np.asarray(values, np.float64)[None, :, None])
    return float(explained(given, torch.from_numpy(codes.astype(np.int64)))[0])


def known_share(of: np.ndarray, by: np.ndarray) -> float:
    """I(of; by) / H(of): how much of one grouping the other tells (Theil's uncertainty coefficient); (n,) each.

    NaN where `of` is one group.
    """
    own, other = (np.unique(each, return_inverse=True)[1] for each in (of, by))
    if not own.size or own.max() == 0:
        return math.nan
    pairs = np.bincount(own * (other.max() + 1) + other, minlength=(own.max() + 1) * (other.max() + 1))
    table = pairs.reshape(own.max() + 1, -1) / own.size
    whole, joint = _entropy(table.sum(1)), _entropy(table.ravel())
    return float(np.clip((whole + _entropy(table.sum(0)) - joint) / whole, 0, 1))


def _entropy(shares: np.ndarray) -> float:
    found = shares[shares > 0]
    return float(-(found * np.log2(found)).sum())
