"""Bounds of mutual information by kernel densities: the layer with Gaussian noise added, of a stated variance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.discrete_entropy import joined, ranks

from .base import Estimator, Token

if TYPE_CHECKING:
    from typing import Self

if TYPE_CHECKING:
    import torch

BLOCKS = {"cpu": 512, "cuda": 8192}
"""Rows of a block of the matrix of distances: 2 MiB of float64, to stay in a processor's cache, or enough for a GPU."""

ROUNDING = 1e-11
"""Error of an exponent up to which distances come from a matrix product instead of from differences."""

BOUNDS = ("upper", "lower")

SMALLEST = -700.0
"""Least exponent taken: below it exp gives numbers that are slow to compute, and whose sum of any number is nothing."""


@dataclass(frozen=True)
class KDE(Estimator):
    """Bounds of I(X;T) and I(T;Y) for T the activations with noise N(0, σ²) added to every unit, σ² the variance.

    The activations then are a mixture of N Gaussians, whose entropy has no closed form but bounds from the distances
    of its centres (Kolchinsky and Tracey 2017; used on the information plane by Saxe et al. 2018):
    H ≤ −1/N Σᵢ log₂ 1/N Σⱼ exp(−|tᵢ − tⱼ|² / 2σ²) + h ("upper", Kullback-Leibler), and
    H ≥ the same with 8σ² for 2σ² ("lower", Bhattacharyya), h the entropy of the noise. As the inputs fix the centre,
    I(X;T) = H − h is bounded by the same sums, from 0 to log₂ N. I(T;Y) is the bound of H less the mean over labels
    of that of H(T|y); a difference of bounds is no bound.

    Distances and sums are in float64. Equal rows are taken once, with their number. Of the exponentials only
    exp(−d²/8σ²) is computed; its fourth power is the other bound's.

    Raises:
        WbsiteError: a variance that is not above 0 and finite, a bound of another name.
    """

    pairwise: ClassVar[bool] = True
    variance: float
    bound: Literal["upper", "lower"] = "upper"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.variance) and self.variance > 0):
            raise WbsiteError(f"the noise has variance {self.variance}.", "Give a variance above 0.")
        if self.bound not in BOUNDS:
            raise WbsiteError(f"the bound is {self.bound!r}.", 'Give "upper" or "lower".')

    @property
    def token(self) -> str:
        return f"kde-{self.bound}:{self.variance:.15g}"

    @property
    def title(self) -> str:
        return f"KDE {self.bound} bound, σ² = {self.variance:.15g}"

    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """See `Estimator`; distances are computed on the device."""
        return self.several([self], stack, labels, device)[0]

    @classmethod
    def several(
        cls, estimators: Sequence[Self], stack: np.ndarray, labels: np.ndarray, device: torch.device
    ) -> list[np.ndarray]:
        """See `Estimator`; the bounds of one variance are computed together, at the cost of one."""

        @cache
        def bounds(variance: float) -> np.ndarray:
            return np.stack([_bounds(activations, labels, variance, device) for activations in stack])

        return [bounds(each.variance)[:, BOUNDS.index(each.bound)] for each in estimators]


def _bounds(activations: np.ndarray, labels: np.ndarray, variance: float, device: torch.device) -> np.ndarray:
    """(N, units), (N,) → float64 (2, 2), (upper, lower) × (I(X;T), I(T;Y)) in bits."""
    import torch

    rows, counts = _different(activations, labels)
    points, weights = torch.from_numpy(rows).to(device), torch.from_numpy(counts).to(device)
    sums = torch.zeros(2, *weights.shape, dtype=torch.float64, device=device)
    for here, there, squares in _squared_distances(points, variance):
        lower = squares.mul_(-1 / (8 * variance)).clamp_min_(SMALLEST).exp_()
        for bound, kernel in ((1, lower), (0, lower.square().square_())):
            sums[bound, :, there] += weights[:, here] @ kernel
            if here != there:
                sums[bound, :, here] += weights[:, there] @ kernel.mT
    samples = weights.sum(1, keepdim=True)
    entropy = -(weights.sum(0) * torch.log2(sums.sum(1) / samples.sum())).sum(1) / samples.sum()
    # A label that a row does not have weighs nothing there, and its sum may be 0.
    logarithms = torch.where(weights > 0, sums / samples, 1.0).log2()
    by_label = -(weights * logarithms).sum((1, 2)) / samples.sum()
    return torch.stack((entropy, entropy - by_label), 1).cpu().numpy() + 0.0


def _different(activations: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, units), (N,) → the R different rows float64 (R, units), and how many of each label they stand for (L, R)."""
    keys = joined((ranks(unit[None]) for unit in activations.T), 1)[0]
    _, first, row = np.unique(keys, return_index=True, return_inverse=True)
    classes = int(labels.max()) + 1
    counts = np.bincount(labels * len(first) + row, minlength=classes * len(first)).reshape(classes, -1)
    return activations[first].astype(np.float64), counts.astype(np.float64)


def _squared_distances(points: torch.Tensor, variance: float) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Blocks on and above the diagonal of the squared distances of (R, units) rows.

    |a − b|² = |a|² + |b|² − 2ab is a matrix product, but loses what small distances far from the origin consist of;
    it serves where its error, in the exponent of the upper bound, is below ROUNDING.
    """
    import torch

    centred = points - points.mean(0)
    norms = centred.square().sum(1)
    product = 4 * torch.finfo(norms.dtype).eps * float(norms.max()) / (2 * variance) < ROUNDING
    columns = points.T.contiguous()
    block = BLOCKS[points.device.type]
    parts = [slice(start, start + block) for start in range(0, len(points), block)]
    for index, here in enumerate(parts):
        for there in parts[index:]:
            if product:
                squares = torch.addmm(norms[None, there], centred[here], centred[there].T, alpha=-2)
                squares.add_(norms[here, None]).clamp_min_(0)
            else:
                squares = torch.zeros(columns[0, here].numel(), columns[0, there].numel()).to(columns)
                for unit in columns:
                    difference = unit[here, None] - unit[None, there]
                    squares.addcmul_(difference, difference)
            yield here, there, squares


ESTIMATORS = (
    Token("kde-upper", lambda variance: KDE(variance, "upper"), (float,), example="kde-upper:0.001"),
    Token("kde-lower", lambda variance: KDE(variance, "lower"), (float,), example="kde-lower:0.1"),
)
