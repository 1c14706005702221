"""What the expanded weights of a pair of layers look like, compared with those of shuffled kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.linear import LinearForm
from wbsite.stats.intervals import t_interval

from .shuffled_kernels import Within, shuffled
from .smoothness import unit_balance, unit_smoothness
from .weights import Path, finite

LEVEL = 0.95
"""Quantile of the null that a unit has to pass to be called more than chance."""

MEASURES = {"smoothness": unit_smoothness, "balance": unit_balance}
"""Measures of a unit's maps, (units, C, kh, kw) → (units,), by name."""


@dataclass(frozen=True)
class ShuffleNull:
    """Measures of the units of a pair of layers, as they are and with shuffled kernels.

    Attributes:
        units: (U,) channels of the target, in order.
        maps: (U, C, kh, kw) their expanded weights, on the CPU.
        observed: measure → (U,); NaN for a unit of which it is not defined.
        null: measure → (draws, U), with the positions in every kernel shuffled.
        scattered: measure → (draws, U), with all weights of every convolution shuffled.
    """

    units: np.ndarray
    maps: torch.Tensor
    observed: Mapping[str, np.ndarray]
    null: Mapping[str, np.ndarray]
    scattered: Mapping[str, np.ndarray]

    @classmethod
    def draw(cls, path: Path, units: int, draws: int, scattered: int, seed: int) -> ShuffleNull:
        """Measures units at random, and again with shuffled kernels.

        Args:
            units: at most so many.
            draws, scattered: shuffles of either kind.
            seed: of units and shuffles.

        Raises:
            WbsiteError: a call on the path has no linear form; weights on it are not finite, or all units' maps
                are constant or too small.
        """
        generator = torch.Generator().manual_seed(seed)
        sample = torch.randperm(len(path.units(None)), generator=generator)[:units].sort().values
        backwards = path.backwards(LinearForm(path.recorded.tape.shapes))

        def shuffles(count: int, within: Within) -> dict[str, np.ndarray]:
            measured = []
            for _ in range(count):
                reweighted = backwards.reweighted(shuffled(path, generator, within).calls)
                measured.append(_measured(path.gradients(sample.tolist(), reweighted)))
            return {name: np.stack([measures[name] for measures in measured]) for name in MEASURES}

        maps = finite(path, path.gradients(sample.tolist(), backwards))
        observed = _measured(maps)
        if np.isnan(observed["smoothness"]).all():
            raise WbsiteError("all expanded weights are alike or zero")
        by_kernel, by_layer = shuffles(draws, "kernel"), shuffles(scattered, "layer")
        return cls(sample.numpy(), maps.cpu(), observed, by_kernel, by_layer)

    def row(self, measure: str) -> dict[str, float]:
        """A summary of one measure.

        Returns:
            units: number of those of which it is defined. share, share_low, share_high: share of them above the null's
            `LEVEL` quantile, pooled over units and draws, with Wilson's 95 % interval. low, median, high: quartiles of
            the units. null_low, null_median, null_limit: quantiles 0.05, 0.5 and 0.95 of the null. null_draws_low,
            null_draws_high: smallest and largest median of one draw. scattered_median: that of the other null. excess,
            excess_low, excess_high: mean over units of what a unit has above its own mean under the null, with
            Student's t interval.
        """
        live = ~np.isnan(self.observed[measure])
        observed, null = self.observed[measure][live], self.null[measure][:, live]
        low, middle, limit = np.nanquantile(null, (1 - LEVEL, 0.5, LEVEL)).tolist()
        above = int((observed > limit).sum())
        wilson = scipy.stats.binomtest(above, len(observed)).proportion_ci(method="wilson")
        excess = t_interval(observed - null.mean(0))
        by_draw = np.nanmedian(null, axis=1)
        return {
            "units": len(observed),
            "share": above / len(observed),
            "share_low": float(wilson.low),
            "share_high": float(wilson.high),
            **dict(zip(("low", "median", "high"), np.quantile(observed, (0.25, 0.5, 0.75)).tolist(), strict=True)),
            "null_low": low,
            "null_median": middle,
            "null_limit": limit,
            "null_draws_low": float(by_draw.min()),
            "null_draws_high": float(by_draw.max()),
            "scattered_median": float(np.nanmedian(self.scattered[measure])),
            "excess": excess.mean,
            "excess_low": excess.low,
            "excess_high": excess.high,
        }


def _measured(maps: torch.Tensor) -> dict[str, np.ndarray]:
    maps = maps.double()
    return {name: measure(maps).cpu().numpy() for name, measure in MEASURES.items()}
