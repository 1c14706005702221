"""How a layer's weights are distributed, and how few of its inputs carry most of each unit's.

For convolutions (O units, I inputs of a unit, kh, kw) and fully connected layers (O, I). Sums are in
float64, a few million weights at a time, so the largest fully connected layers fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the units of a layer, for every k of `Concentration`."""

NEAR_ZERO = 0.01
"""A weight is near zero when its size is below this share of the layer's largest."""

_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class Concentration:
    """Share of a unit's squared norm that its k strongest inputs carry, over the units of a layer.

    Attributes:
        inputs: I, the inputs a unit sees.
        k: 1, 2, 5, 10, 20, 50, … and last I itself.
        mean: (len(k),) over live units, float64, NaN when there are none.
        quantiles: (len(QUANTILES), len(k)) over live units.
        effective_inputs: (O,) participation ratio (Σe)²/Σe² with e an input's squared norm: between 1
            (one input carries all) and I (all alike); NaN for a unit of zeros.
    """

    inputs: int
    k: tuple[int, ...]
    mean: torch.Tensor
    quantiles: torch.Tensor
    effective_inputs: torch.Tensor


@dataclass(frozen=True, eq=False)
class WeightDistribution:
    """Histogram of a layer's weights and its moments.

    Attributes:
        edges: (bins + 1,) equal bins, symmetric around zero, which lies in the middle of one.
        counts: (bins,) int64.
        below, above: weights beyond the first and the last edge.
        mean, std: of all weights.
        excess_kurtosis: 0 for a normal distribution, 3 for a Laplace one; NaN for constant weights.
        near_zero: share of weights smaller than 1 % of the layer's largest.
        zero: share of weights that are exactly zero.
        largest: largest |weight|.
    """

    edges: torch.Tensor
    counts: torch.Tensor
    below: int
    above: int
    mean: float
    std: float
    excess_kurtosis: float
    near_zero: float
    zero: float
    largest: float


def kernel_norms(weight: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of every unit's kernel, (O,) float64 on the CPU."""
    return torch.cat([chunk.flatten(1).norm(dim=1) for chunk in _units(weight)]).cpu()


def concentration(weight: torch.Tensor) -> Concentration:
    """How few inputs carry a unit's weights; `weight` is (O, I, kh, kw) or (O, I).

    Raises:
        WbsiteError: weights of another rank, empty or not finite.
    """
    inputs = weight.shape[1] if weight.ndim > 1 else 0
    k = _steps(inputs)
    shares, effective = [], []
    for chunk in _units(weight):
        energy = chunk.square().sum(2).cpu()
        # numpy sorts the thousands of inputs of a fully connected unit several times faster than torch.
        strongest = torch.from_numpy(np.sort(energy.numpy(), axis=1)).flip(1).cumsum(1)
        total = strongest[:, -1:]
        shares.append(strongest[:, [count - 1 for count in k]] / total)
        effective.append(total[:, 0].square() / energy.square().sum(1))
    per_unit, ratios = torch.cat(shares), torch.cat(effective)
    live = per_unit[~per_unit[:, 0].isnan()]
    levels = torch.tensor(QUANTILES, dtype=torch.float64)
    empty = torch.full((len(QUANTILES), len(k)), math.nan, dtype=torch.float64)
    return Concentration(
        inputs=inputs,
        k=k,
        mean=live.mean(0),
        quantiles=live.quantile(levels, dim=0) if len(live) else empty,
        effective_inputs=ratios,
    )


def weight_distribution(weight: torch.Tensor, bins: int = 101, coverage: float = 0.999) -> WeightDistribution:
    """Histogram over ± the `coverage` quantile of |weight|, so that a few giants do not set the scale.

    The quantile is that of at most four million evenly spaced weights; the counts are of all.

    Args:
        weight: (O, I, kh, kw) or (O, I).
        bins: odd, so that zero is in the middle of a bin.
        coverage: share of weights within the bins, between 0 and 1.

    Raises:
        WbsiteError: as for `concentration`; an even or small number of bins; coverage out of range.
    """
    if bins < 3 or bins % 2 == 0 or not 0 < coverage <= 1:
        raise WbsiteError(
            f"bins is {bins} and coverage {coverage}; expected an odd number of bins and 0 < coverage ≤ 1.",
            "The defaults are 101 and 0.999.",
        )
    count = weight.numel()
    total, largest, zeros = 0.0, 0.0, 0
    for chunk in _units(weight):
        total += float(chunk.sum())
        largest = max(largest, float(chunk.abs().max()))
        zeros += int((chunk == 0).sum())
    sample = weight.detach().flatten()[:: -(-count // _CHUNK)].abs().double()
    limit = float(sample.kthvalue(max(1, math.ceil(coverage * len(sample)))).values) or largest or 1.0
    edges = torch.linspace(-limit, limit, bins + 1, dtype=torch.float64)

    mean, second, fourth, near = total / count, 0.0, 0.0, 0
    counts = torch.zeros(bins + 2, dtype=torch.int64)
    for chunk in _units(weight):
        near += int((chunk.abs() < NEAR_ZERO * largest).sum())
        squares = (chunk - mean).square()
        second, fourth = second + float(squares.sum()), fourth + float(squares.square().sum())
        # A weight on the last edge belongs to the last bin, so that ±limit are treated alike.
        bin_numbers = torch.bucketize(chunk.flatten(), edges.to(chunk.device), right=True)
        bin_numbers[chunk.flatten() == limit] = bins
        counts += torch.bincount(bin_numbers, minlength=bins + 2).cpu()
    variance = second / count
    varies = variance > (1e-12 * largest) ** 2
    return WeightDistribution(
        edges=edges,
        counts=counts[1:-1],
        below=int(counts[0]),
        above=int(counts[-1]),
        mean=mean,
        std=math.sqrt(variance),
        excess_kurtosis=fourth / count / variance**2 - 3 if varies else math.nan,
        near_zero=near / count,
        zero=zeros / count,
        largest=largest,
    )


def _units(weight: torch.Tensor) -> Iterator[torch.Tensor]:
    """(O, I, kh, kw) or (O, I) → runs of units (o, I, positions) in float64."""
    if weight.ndim not in (2, 4) or not weight.numel():
        raise WbsiteError(
            f"weight has shape {tuple(weight.shape)}; expected a non-empty (units, inputs) or (units, inputs, kh, kw).",
            "Pass the weight of a convolution or of a fully connected layer.",
        )
    for chunk in weight.detach().split(max(1, _CHUNK // weight[0].numel())):
        chunk = chunk.reshape(*chunk.shape[:2], -1).double()
        if not bool(chunk.isfinite().all()):
            raise WbsiteError("weights hold NaN or infinite values.", "Check the weights file: it may be damaged.")
        yield chunk


def _steps(inputs: int) -> tuple[int, ...]:
    steps = [digit * 10**power for power in range(len(str(inputs))) for digit in (1, 2, 5)]
    return (*(step for step in steps if step < inputs), inputs)
