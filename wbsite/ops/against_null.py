"""Smoothness of the units of a pair of layers, held against expanded weights of shuffled kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import binomtest

from wbsite.errors import WbsiteError

from .expanded import Path
from .intervals import t_interval
from .linear import LinearForm
from .shuffling import Within, shuffled
from .smoothness import unit_smoothness

LEVEL = 0.95
"""Quantile of the null that a unit has to pass to be called smoother."""


@dataclass(frozen=True)
class AgainstNull:
    """Smoothness of the units of a pair.

    Attributes:
        units: (U,) channels of the target, in order.
        maps: (U, C, kh, kw) their expanded weights, on the CPU.
        observed: (U,) their smoothness; NaN for a unit whose maps are constant.
        null: (draws, U) with the positions in every kernel shuffled.
        scattered: (draws, U) with all weights of every convolution shuffled.
    """

    units: np.ndarray
    maps: torch.Tensor
    observed: np.ndarray
    null: np.ndarray
    scattered: np.ndarray

    @classmethod
    def drawn(cls, path: Path, units: int, draws: int, scattered: int, seed: int) -> AgainstNull:
        """Of up to so many units at random, with so many shuffles of either kind.

        Raises:
            WbsiteError: a call on the path has no linear form; weights on it are not finite, or all units' maps
                are constant or too small.
        """
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(path.units(None)), generator=generator)[:units].sort().values
        form = LinearForm(path.recorded.tape.shapes)

        def smoothness(within: Within) -> np.ndarray:
            other = shuffled(path, generator, within)
            return unit_smoothness(other.gradients(chosen.tolist(), form)).cpu().numpy()

        maps = path.gradients(chosen.tolist(), form)
        if not bool(torch.isfinite(maps).all()):
            raise WbsiteError(f"the weights file does not hold every layer from {path.source} to {path.target}")
        observed = unit_smoothness(maps).cpu().numpy()
        if np.isnan(observed).all():
            raise WbsiteError("all expanded weights are alike or zero")
        null = np.stack([smoothness("kernel") for _ in range(draws)])
        return cls(
            chosen.numpy(), maps.cpu(), observed, null, np.stack([smoothness("layer") for _ in range(scattered)])
        )

    def row(self) -> dict[str, float]:
        """The pair in one line.

        units: that have a smoothness. share, share_low, share_high: of them above the null's `LEVEL` quantile, pooled
        over units and draws, with Wilson's 95 % interval. low, median, high: quartiles of the units. null_low,
        null_median, null_limit: quantiles 0.05, 0.5 and 0.95 of the null. null_draws_low, null_draws_high: smallest
        and largest median of one draw. scattered_median: of the other null. excess, excess_low, excess_high: mean of
        a unit's smoothness minus its own mean under the null, with Student's t interval over units.
        """
        live = ~np.isnan(self.observed)
        observed, null = self.observed[live], self.null[:, live]
        low, middle, limit = np.nanquantile(null, (1 - LEVEL, 0.5, LEVEL)).tolist()
        smoother = int((observed > limit).sum())
        wilson = binomtest(smoother, len(observed)).proportion_ci(method="wilson")
        excess = t_interval(observed - null.mean(0))
        by_draw = np.nanmedian(null, axis=1)
        return {
            "units": len(observed),
            "share": smoother / len(observed),
            "share_low": float(wilson.low),
            "share_high": float(wilson.high),
            **dict(zip(("low", "median", "high"), np.quantile(observed, (0.25, 0.5, 0.75)).tolist(), strict=True)),
            "null_low": low,
            "null_median": middle,
            "null_limit": limit,
            "null_draws_low": float(by_draw.min()),
            "null_draws_high": float(by_draw.max()),
            "scattered_median": float(np.nanmedian(self.scattered)),
            "excess": excess.mean,
            "excess_low": excess.low,
            "excess_high": excess.high,
        }
