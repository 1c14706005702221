"""The banding index of a network's layers, while it is trained and after."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from wbsite.graph.layers import Layer, Layers, discover
from wbsite.ops.banding.index import BandingIndex, banding_index

from .runs import Run

RESAMPLES = 1000


class Banding:
    """Measures a network's planar layers: those whose kernels have rows and columns.

    Args:
        module: the network, whose structure is looked at once.
        input_shape: (channels, height, width).
    """

    def __init__(self, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.layers: Layers = discover(module, input_shape)
        self.units_read = {layer.name: self._units_read(module, layer.name) for layer in self.planar}

    @property
    def planar(self) -> list[Layer]:
        """The planar convolutions in execution order."""
        return [layer for layer in self.layers.layers if layer.kind == "conv" and layer.planar]

    def _units_read(self, module: nn.Module, name: str) -> int:
        coordinates = getattr(module, "coordinates", ())
        channels = cast(torch.Tensor, module.get_submodule(name).weight).shape[1]
        return channels - 2 if name in coordinates else channels

    def kernels(self, module: nn.Module, name: str) -> torch.Tensor:
        """The weights of a layer from the units it reads, without those from coordinate channels: (O, I, kh, kw)."""
        weight = cast(torch.Tensor, module.get_submodule(name).weight)
        return weight.detach()[:, : self.units_read[name]].float().cpu()

    def moment(self, module: nn.Module) -> list[dict[str, Any]]:
        """R, C and H of every planar layer, one row a layer."""
        return [
            {"layer": layer.name, **shares(banding_index(self.kernels(module, layer.name), resamples=1))}
            for layer in self.planar
        ]

    def record(self, module: nn.Module) -> dict[str, Any]:
        """The names of the last two planar layers, all layers' indices, and the head's."""
        before, last = (layer.name for layer in self.planar[-2:])
        return {"last": last, "before": before, "layers": self.final(module), "head": self.head(module)}

    def kept(self, module: nn.Module) -> dict[str, np.ndarray]:
        """The kernels of the last two planar layers."""
        return {layer.name: self.kernels(module, layer.name).numpy() for layer in self.planar[-2:]}

    def final(self, module: nn.Module) -> dict[str, dict[str, Any]]:
        """R, C and H of every planar layer, with a bootstrap interval over its units."""
        found = {}
        for layer in self.planar:
            index = banding_index(self.kernels(module, layer.name), resamples=RESAMPLES)
            found[layer.name] = {
                "units": index.units,
                **shares(index),
                "low": finite(index.low),
                "high": finite(index.high),
            }
        return found

    def head(self, module: nn.Module) -> dict[str, Any]:
        """How much of the spatial variance of a fully connected layer over a map is explained by rows and by columns.

        Empty for a head that does not read the last map position by position.
        """
        last = next(layer for layer in reversed(self.layers.layers) if layer.kind == "conv")
        channels, *side = last.output_shape
        for layer in self.layers.layers:
            positions = layer.in_channels // channels
            if layer.kind == "linear" and layer.in_channels % channels == 0 and positions == side[0] * side[1] > 1:
                weight = cast(torch.Tensor, module.get_submodule(layer.name).weight).detach().float().cpu()
                index = banding_index(weight.reshape(len(weight), channels, *side), resamples=RESAMPLES)
                return {**shares(index), "low": finite(index.low), "high": finite(index.high), "positions": positions}
        return {}


def shown(run: Run) -> str:
    """H of the last two planar layers of a finished run."""

    def of(layer: str) -> str:
        index = run.record["layers"][layer]["index"]
        return f"H({layer}) {'none' if index is None else format(index, '.3f')}"

    return f"{of(run.record['before'])}, {of(run.record['last'])}"


def shares(index: BandingIndex) -> dict[str, float | None]:
    """R, C and H; none where the weights do not vary."""
    return {name: finite(getattr(index, name)) for name in ("row_share", "column_share", "index")}


def finite(value: float) -> float | None:
    """The number rounded to what its record keeps, or None for NaN."""
    return round(value, 6) if math.isfinite(value) else None
