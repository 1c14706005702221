"""EDGE, the ensemble dependency graph estimator of mutual information, for a layer whose inputs all differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.discrete_entropy import informations, joined

from .base import Estimator, Token

if TYPE_CHECKING:
    import torch

MEMBERS = 10
"""Base estimators of the ensemble, as in the authors' code."""

WIDEST = 1.1
"""Bandwidth of the last member in that of the first, as there."""

SMOOTHNESS = 0.4
"""As there, the factor on the bandwidth of a continuous variable."""

LEAST = 1e-3
"""Bits that the first pass counts as least, as there: the bandwidth of the second is finite also of a dead layer."""


@dataclass(frozen=True)
class EDGE(Estimator):
    """I(X;T) and I(T;Y) by EDGE (Noshad, Zeng and Hero 2019), with the defaults of the authors' code.

    Samples are put into cells by a locality sensitive hash, ⌊(p + b) / ε⌋ of each projection p. Cells of T and of the
    other variable are the nodes of a graph, joined where samples share both, and
    I = Σᵢⱼ Nᵢⱼ/N log₂(N Nᵢⱼ / (Nᵢ Mⱼ)), the sum over its edges. Up to 6 units are hashed as they are, more by
    random projections, at most log₂(N/10). The bandwidth ε of a projection comes from the mean distance to the k-th
    nearest sample along it, k ~ 0.43 N^(2/3 + 0.17 d/(d + 1)); a first estimate I then changes it by the factor
    2^(−√(2I) + 1/(2I)). Members of the ensemble have bandwidths from 1 to 1.1 times ε and shifts b spread over it.

    The estimate is the median over the members, the default of the code. The paper's weights cancel terms of the bias
    that come from smooth densities; here the other variable is discrete, and there are none to cancel. Cells are kept
    apart exactly, without a second hash onto fewer of them.

    **Limits.** The labels are cells as they stand. Inputs that all differ are a cell each, so every Nᵢ is 1 and I(X;T)
    becomes the entropy of the hashed T, at most log₂ N: an estimate with bins that fit the layer, not more. I(T;Y) is
    of the same cells. The code changes the bandwidth by each of the two estimates on its own; the factor grows without
    bound as I falls, so that an I(T;Y) that is low at first would end as 0.

    The projections are always the same.

    Raises:
        WbsiteError: activations beyond 10¹⁰⁰, whose deviation overflows.
    """

    token = "edge"
    title = "EDGE"

    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """See `Estimator`; computed in memory whatever the device."""
        return np.array([self._pair(activations.astype(np.float64), labels) for activations in stack])

    def _pair(self, activations: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """(N, units), (N,) → (2,)."""
        largest = float(np.abs(activations).max())
        if largest > 1e100:
            raise WbsiteError(f"activations reach {largest:.3g}.", "Give activations below 1e100.")
        projected = _projected(activations)
        widths = _widths(projected, activations.shape[1])
        bits = max(_medians(projected, widths, labels)[0], LEAST)
        return _medians(projected, widths * 2 ** (-math.sqrt(2 * bits) + 0.5 / bits), labels)


def _projected(activations: np.ndarray) -> np.ndarray:
    """(N, units) → (N, projections), by normal weights of variance 1 / units for standardised activations."""
    samples, units = activations.shape
    if units <= 6:
        return activations
    projections = max(1, min(units, math.floor(math.log2(max(samples / 10, 2)))))
    deviation = activations.std(0)
    scale = np.where(deviation < 1e-4, 1, deviation) * math.sqrt(units)
    weights = np.random.default_rng(0).normal(size=(units, projections))
    return activations @ (weights / scale[:, None])


def _widths(projected: np.ndarray, units: int) -> np.ndarray:
    """(N, projections) → (projections,), the bandwidths of the first pass."""
    samples, projections = projected.shape
    share = 2 / 3 + 0.17 * projections / (projections + 1)
    nearest = math.floor(0.43 * samples**share * math.exp(-1 / max(10_000, projections**4)))
    distances = np.array([_distance(column, min(max(nearest, 1), samples)) for column in projected.T])
    return (distances + 1e-4) * SMOOTHNESS * 18 * projections / (1 + math.log(units))


def _distance(column: np.ndarray, nearest: int) -> float:
    """Mean over (N,) values of the distance to the `nearest`-th nearest, the value itself being the first.

    Among sorted values the nearest ones of v are a run; of the runs that long the one whose further end is nearest
    lies where the sum of its ends passes 2v.
    """
    ascending = np.sort(column)
    starts, ends = ascending[: len(column) - nearest + 1], ascending[nearest - 1 :]
    passed = np.searchsorted(starts + ends, 2 * ascending)
    runs = np.clip([passed - 1, passed], 0, len(starts) - 1)
    return float(np.maximum(ascending - starts[runs], ends[runs] - ascending).min(0).mean())


def _medians(projected: np.ndarray, widths: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Medians over the ensemble of I(X;T) and I(T;Y)."""
    factors = np.linspace(1, WIDEST, MEMBERS)[:, None]
    shifts = np.arange(MEMBERS)[:, None] / MEMBERS
    classes = int(labels.max()) + 1
    columns = (np.floor(column / (width * factors) + shifts) for column, width in zip(projected.T, widths, strict=True))
    return np.median(informations(joined(columns, classes), labels, classes), axis=0)


ESTIMATORS = (Token("edge", EDGE, example="edge"),)
