"""How two layers are connected, overall strength taken out: correspondence analysis of the sums of |W|."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

_ZERO = 1e-12
"""A singular value below this (of residuals, whose sizes are at most 1) is rounding."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Correspondence analysis of a matrix of strengths; numpy arrays, float64.

    With n = ΣA, r and c the shares of n that outputs and inputs have, S = (A/n − r cᵀ) / √(r cᵀ) = U Σ Vᵀ (Greenacre,
    Theory and Applications of Correspondence Analysis, 1984). If every pair of units were connected as strongly as
    their overall strengths say, A/n would be r cᵀ: the first singular pair of A/√(r cᵀ), which is not in S.

    Attributes:
        strength: (O, I) ≥ 0, the matrix A.
        residuals: (O, I), S; zeros for units without weights.
        values: (K,) singular values of S, largest first, K = min(O, I) − 1 of the units with weights; each in [0, 1].
        inputs: (I, K) principal coordinates V Σ / √c: units that are read in the same proportions have the same, and
            distances over all factors are chi-squared distances. Their mean, units counted by c, is 0, their mean
            square the factor's squared singular value. NaN for units without weights.
        outputs: (O, K) likewise, U Σ / √r.
    """

    strength: np.ndarray
    residuals: np.ndarray
    values: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray

    @property
    def inertia(self) -> float:
        """Σ S², in [0, min(O, I) − 1], χ²/n of A as a table of counts: 0 where overall strengths are all there is."""
        return float(np.square(self.residuals).sum())

    @cached_property
    def shares(self) -> np.ndarray:
        """(K,) share of the inertia that each factor has; zeros where there is none."""
        squared = np.square(self.values)
        total = squared.sum()
        return squared / total if total > 0 else squared


def strengths(weight: torch.Tensor | np.ndarray) -> np.ndarray:
    """(O, I, …) weights → (O, I) float64, A = Σ |W| over kernel positions.

    Raises:
        WbsiteError: fewer than two axes, or weights that are not finite.
    """
    w = torch.as_tensor(weight).detach().to("cpu", torch.float64)
    if w.ndim < 2:
        raise WbsiteError(f"weights have shape {tuple(w.shape)}.", "Give a kernel: (outputs, inputs, kh, kw).")
    if not bool(torch.isfinite(w).all()):
        raise WbsiteError("weights are not finite.", "The file does not hold this layer, or the training diverged.")
    return w.abs().flatten(2).sum(2).numpy() if w.ndim > 2 else w.abs().numpy()


def connectivity_factors(weight: torch.Tensor | np.ndarray) -> Factors:
    """Along which factors the units of a layer differ in who reads them, whatever their overall strength.

    The scale of all weights does not matter, and a unit that is split in two with weights in proportion changes
    nothing. The scale of single units does, a little, since stronger ones count for more; `balanced` takes it out.

    Args:
        weight: (O, I, kh, kw) of a convolution without groups, or any (O, I) matrix; only its magnitude counts.

    Returns:
        Signs of factors: the input with the largest coordinate, in magnitude, has a positive one.

    Raises:
        WbsiteError: as `strengths`; no weight is other than zero.
    """
    a = strengths(weight)
    total = a.sum()
    if total <= 0:
        raise WbsiteError("all weights are zero.", "There are no connections to compare.")
    r, c = a.sum(1) / total, a.sum(0) / total
    out, into = r > 0, c > 0
    root = np.sqrt(np.outer(r[out], c[into]))
    live = a[np.ix_(out, into)] / total / root - root
    u, values, v = np.linalg.svd(live, full_matrices=False)
    count = min(live.shape) - 1  # the residuals have no component along √r and √c
    values = np.where(values[:count] > _ZERO, values[:count], 0.0)
    inputs, outputs = np.full((len(c), count), np.nan), np.full((len(r), count), np.nan)
    inputs[into] = v[:count].T * values / np.sqrt(c[into])[:, None]
    outputs[out] = u[:, :count] * values / np.sqrt(r[out])[:, None]
    largest = np.abs(np.nan_to_num(inputs)).argmax(0)
    signs = np.where(np.nan_to_num(inputs)[largest, np.arange(count)] < 0, -1.0, 1.0)
    residuals = np.zeros_like(a)
    residuals[np.ix_(out, into)] = live
    return Factors(a, residuals, values, inputs * signs, outputs * signs)


def balanced(strength: np.ndarray, rounds: int = 1000, tolerance: float = 1e-9) -> np.ndarray:
    """Strengths with every unit's scale taken out: rows and columns that each sum to the same.

    Scaling a rectified unit up and what reads it down by the same factor is no change of the network; nor is moving
    such a factor into a batch norm's gain. Factors of balanced strengths (marginal-free correspondence analysis,
    Goodman 1996) are the same whatever these scales are. A weak unit's weights count as much as a strong one's, which
    is why they are a check and not the rule. By Sinkhorn and Knopp's (1967) alternation.

    Args:
        strength: (O, I) ≥ 0. Rows and columns of zeros stay zeros.
        rounds: at most so many; a matrix with too many zeros has no balance, and is left as near as they come.
    """
    x = np.array(strength, np.float64)
    rows, columns = x.sum(1) > 0, x.sum(0) > 0
    for _ in range(rounds):
        x[rows] *= columns.sum() / x[rows].sum(1, keepdims=True)
        sums = x[:, columns].sum(0)
        x[:, columns] *= rows.sum() / sums
        if np.abs(sums - rows.sum()).max() < tolerance * max(x.shape):
            break
    return x


def shuffled_strengths(strength: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A draw of the null: strengths without structure, with about the same overall strength of every unit.

    A / (n r cᵀ), how much stronger each pair is than its units' overall strengths say, is permuted among the pairs:
    marginals are kept in expectation, and with them the spread and the tails of the ratios.

    Args:
        strength: (O, I) ≥ 0. Units without weights stay so.
    """
    expected = np.outer(strength.sum(1), strength.sum(0)) / strength.sum()
    live = expected > 0
    ratios = strength[live] / expected[live]
    shuffled = np.zeros_like(expected)
    shuffled[live] = expected[live] * rng.permutation(ratios)
    return shuffled


def null_values(strength: np.ndarray, draws: int, seed: int, count: int) -> np.ndarray:
    """(draws, count) leading singular values of as many draws of the null, each sorted by size; zeros beyond the rank.

    The k-th of a draw is compared with the k-th observed (parallel analysis, Horn 1965).
    """
    rng = np.random.default_rng(seed)
    null = np.zeros((draws, count))
    for row in null:
        values = connectivity_factors(shuffled_strengths(strength, rng)).values[:count]
        row[: len(values)] = values
    return null
