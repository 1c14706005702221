"""Which positions of a map a fully connected layer tells apart: its weights' variance by y and by x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

from .index import BandingIndex, banding_index

_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class PositionShares:
    """Where in the map the weights of a fully connected layer vary.

    Attributes:
        shares: R, the share of the variance over positions that the vertical position explains, C, that
            of the horizontal one, H = R - C, each as of a kernel as large as the map: the sums of
            squares of the banding index. An interval of H over output units is among them.
        energy: (h, w) float64 on the CPU, mean over outputs and channels of the squared weight at each
            position, after centring every (output, channel) map over positions. Its mean is the variance.
    """

    shares: BandingIndex
    energy: torch.Tensor

    @property
    def by_y(self) -> torch.Tensor:
        """Mean squared centred weight of each row, (h,), from the top."""
        return self.energy.mean(1)

    @property
    def by_x(self) -> torch.Tensor:
        """Mean squared centred weight of each column, (w,), from the left."""
        return self.energy.mean(0)


def as_maps(weight: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """The weight of a linear layer that reads a flattened map, (O, C·h·w) → (O, C, h, w).

    Args:
        weight: (O, C·h·w), the inputs in the order in which torch flattens a map.
        shape: (C, h, w).

    Raises:
        WbsiteError: the layer reads another number of values.
    """
    channels, height, width = shape
    if weight.ndim != 2 or weight.shape[1] != channels * height * width:
        raise WbsiteError(
            f"weight has shape {tuple(weight.shape)}; a layer that reads a {channels}×{height}×{width} map has "
            f"(outputs, {channels * height * width}).",
            "Give the map's (channels, height, width) as the layer reads it, after any pooling.",
        )
    return weight.reshape(len(weight), channels, height, width)


def position_shares(
    weight: torch.Tensor | np.ndarray, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> PositionShares:
    """Shares of the variance of a fully connected layer's weights by vertical and by horizontal position.

    Args:
        weight: (O outputs, C channels, h, w) as `as_maps` gives it, any real dtype, on any device.
        resamples, seed, level: of the bootstrap interval over outputs, see `banding_index`.

    Raises:
        WbsiteError: as `banding_index` does; a map of a single row or column has no shares to compare.
    """
    weight = torch.as_tensor(weight).detach()
    shares = banding_index(weight, resamples=resamples, seed=seed, level=level)
    outputs, channels, height, width = weight.shape
    energy = torch.zeros(height, width, dtype=torch.float64, device=weight.device)
    for chunk in weight.split(max(1, _CHUNK_ELEMENTS // weight[0].numel())):
        maps = chunk.to(torch.float64)
        energy += (maps - maps.mean((2, 3), keepdim=True)).square().sum((0, 1))
    return PositionShares(shares, energy.cpu() / (outputs * channels))
