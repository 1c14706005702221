"""Tests of one group of branches: categories and indices, also among branches of one kernel, and blocks of a stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wbsite.stats.enrichment import counts, familywise, odds_ratio, upper_tail
from wbsite.stats.permanova import permanova
from wbsite.stats.roc_auc import roc_auc

LISTED = 4
"""More branches of the same kernel size than these are counted, not named."""

COUNTS = ("layer_units", "branch_units", "in_layer", "in_branch")
CATEGORY_COLUMNS = (
    *COUNTS,
    "expected",
    "odds_ratio",
    "low",
    "high",
    "p",
    "permutation_p",
    "same_kernel_p",
    "same_kernel",
)
AREA = ("auc", "low", "high", "p")
INDEX_COLUMNS = (
    *AREA, "median_in", "median_out", "units_in", "units_out", *(f"same_kernel_{name}" for name in AREA), "same_kernel"
)  # fmt: skip
BLOCK_COLUMNS = ("units", "statistic", "p")
STAGE_COLUMNS = ("blocks", "units", "share", "by_chance", "p", "with_depth")
"""Measures of `category_tests`, `index_tests` and `stage_tests`: their columns without those that name the test."""


@dataclass(frozen=True)
class GroupUnits:
    """The units of a group of branches.

    Attributes:
        branches: names.
        kernels: side of each branch's largest kernel.
        branch: int (N,), which branch each unit is in.
    """

    branches: tuple[str, ...]
    kernels: tuple[int, ...]
    branch: np.ndarray

    def peers(self, b: int) -> np.ndarray:
        """bool (N,): units of branch b and of the others with kernels of its size."""
        return np.isin(self.branch, [i for i, kernel in enumerate(self.kernels) if kernel == self.kernels[b]])

    def peers_text(self, b: int) -> str:
        """Names of the other branches with kernels of its size, or that there are none."""
        side = self.kernels[b]
        others = [name for i, name in enumerate(self.branches) if self.kernels[i] == side and i != b]
        if not others:
            return f"no other branch has {side}×{side} kernels"
        return ", ".join(others) if len(others) <= LISTED else f"{len(others)} others with {side}×{side} kernels"


def category_tests(
    group: GroupUnits, names: Sequence[str], categories: np.ndarray, draws: int, seed: int
) -> list[dict[str, Any]]:
    """One row a branch and category that any unit has.

    Args:
        names: of the categories.
        categories: bool (N, C), which units have which.
        draws, seed: of the permutations (`familywise`), over all categories and branches of the group.

    Returns:
        branch, category; layer_units N, branch_units, in_layer (units of the category), in_branch; expected, in the
        branch by chance; odds_ratio with low and high; p, hypergeometric; permutation_p; same_kernel_p, the
        hypergeometric p among branches of the same kernel size alone (NaN without others), and same_kernel, the names
        of these.
    """
    present = np.flatnonzero(categories.any(0)).tolist()
    names, categories = [names[c] for c in present], categories[:, present]
    if not names:
        return []
    units, sizes, total = len(group.branch), np.bincount(group.branch, minlength=len(group.branches)), categories.sum(0)
    k = np.zeros((len(sizes), len(names)), dtype=int)
    k[: group.branch.max() + 1] = counts(group.branch, categories)
    p = upper_tail(k, total, sizes[:, None], units)
    ratio, low, high = odds_ratio(k, total, sizes[:, None], units)
    filled, compact = np.unique(group.branch, return_inverse=True)
    permuted = np.ones_like(p)
    permuted[filled] = familywise(compact, categories, draws, seed)
    rows = []
    for b, branch in enumerate(group.branches):
        peers, text = group.peers(b), group.peers_text(b)
        count, among = int(peers.sum()), np.full(len(names), np.nan)
        if 0 < sizes[b] < count:
            among[:] = upper_tail(k[b], categories[peers].sum(0), sizes[b], count)
        for c, category in enumerate(names):
            rows.append(
                {
                    "branch": branch,
                    "category": category,
                    "layer_units": units,
                    "branch_units": int(sizes[b]),
                    "in_layer": int(total[c]),
                    "in_branch": int(k[b, c]),
                    "expected": float(total[c] * sizes[b] / units),
                    "odds_ratio": float(ratio[b, c]),
                    "low": float(low[b, c]),
                    "high": float(high[b, c]),
                    "p": float(p[b, c]),
                    "permutation_p": float(permuted[b, c]),
                    "same_kernel_p": float(among[c]),
                    "same_kernel": text,
                }
            )
    return rows


def index_tests(group: GroupUnits, names: Sequence[str], indices: np.ndarray) -> list[dict[str, Any]]:
    """One row a branch and index: the branch's units against all others of the group.

    Args:
        names: of the indices.
        indices: (N, J), NaN where undefined.

    Returns:
        branch, index; auc with low and high, p (`roc_auc`); median_in, median_out, units_in, units_out; the same
        among branches of the same kernel size alone: same_kernel_auc, …_low, …_high, …_p (NaN without others), and
        same_kernel, the names of these. Indices that no unit of the group has are left out.
    """
    rows = []
    for j, index in enumerate(names):
        values = indices[:, j]
        if np.isnan(values).all():
            continue
        for b, branch in enumerate(group.branches):
            inside, peers = group.branch == b, group.peers(b)
            auc = roc_auc(values[inside], values[~inside])
            among = auc if peers.all() else roc_auc(values[inside], values[peers & ~inside])
            rows.append(
                {
                    "branch": branch,
                    "index": index,
                    "auc": auc.auc,
                    "low": auc.low,
                    "high": auc.high,
                    "p": auc.p,
                    "median_in": _median(values[inside]),
                    "median_out": _median(values[~inside]),
                    "units_in": auc.inside,
                    "units_out": auc.outside,
                    "same_kernel_auc": among.auc,
                    "same_kernel_low": among.low,
                    "same_kernel_high": among.high,
                    "same_kernel_p": among.p,
                    "same_kernel": group.peers_text(b),
                }
            )
    return rows


def stage_tests(
    group: GroupUnits, indices: np.ndarray, draws: int, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Whether blocks of a residual stage differ from its other blocks, in all indices together (`permanova`).

    Args:
        indices: (N, J), NaN where undefined.

    Returns:
        One row a block: branch, units, statistic, p. And of the stage: blocks, units, share, by_chance, p, with_depth.
    """
    filled, compact = np.unique(group.branch, return_inverse=True)
    test = permanova(compact, indices, draws, seed)
    rows = [
        {
            "branch": group.branches[b],
            "units": int((compact == i).sum()),
            "statistic": float(test.statistic[i]),
            "p": float(test.p[i]),
        }
        for i, b in enumerate(filled)
    ]
    about = {
        "blocks": len(filled),
        "units": len(compact),
        "share": test.share,
        "by_chance": test.expected_share,
        "p": test.share_p,
        "with_depth": test.depth_share,
    }
    return rows, about


def _median(values: np.ndarray) -> float:
    return math.nan if np.isnan(values).all() else float(np.nanmedian(values))
