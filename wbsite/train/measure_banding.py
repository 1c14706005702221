"""The banding index of a network's layers, during training and after it."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from wbsite.graph.layers import Layer, Layers, discover
from wbsite.ops.banding.index import BandingIndex, BandingShares, banding_index, banding_shares

from .runs import Run

RESAMPLES = 1000
"""Bootstrap resamples over units for the intervals of a trained network."""


class BandingMeasures:
    """Measures of a network's planar layers, those whose kernels have rows and columns.

    Args:
        module: the network; its structure is read once.
        input_shape: (channels, height, width).
    """

    def __init__(self, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.layers: Layers = discover(module, input_shape)
        self.coordinate_layers: tuple[str, ...] = getattr(module, "coordinates", ())

    @property
    def planar(self) -> list[Layer]:
        """The planar convolutions in execution order."""
        return [layer for layer in self.layers.layers if layer.kind == "conv" and layer.planar]

    def kernels(self, module: nn.Module, name: str) -> torch.Tensor:
        """A layer's weights from other units, without those from coordinate channels: (O, I, kh, kw), on the CPU."""
        weight = cast(torch.Tensor, module.get_submodule(name).weight)
        units = weight.shape[1] - 2 * (name in self.coordinate_layers)
        return weight.detach()[:, :units].float().cpu()

    def history_rows(self, module: nn.Module) -> list[dict[str, Any]]:
        """R, C and H of every planar layer, one row a layer."""
        return [
            {"layer": layer.name, **shares(banding_shares(self.kernels(module, layer.name)))} for layer in self.planar
        ]

    def record(self, module: nn.Module) -> dict[str, Any]:
        """The names of the last two planar layers, all layers' indices, and the head's."""
        before, last = (layer.name for layer in self.planar[-2:])
        return {"last": last, "before": before, "layers": self.final_indices(module), "head": self.head(module)}

    def kept_kernels(self, module: nn.Module) -> dict[str, np.ndarray]:
        """The kernels of the last two planar layers."""
        return {layer.name: self.kernels(module, layer.name).numpy() for layer in self.planar[-2:]}

    def final_indices(self, module: nn.Module) -> dict[str, dict[str, Any]]:
        """Layer → number of units, R, C, and H with a bootstrap interval over units."""
        indices = {
            layer.name: banding_index(self.kernels(module, layer.name), resamples=RESAMPLES) for layer in self.planar
        }
        return {name: {"units": index.units, **shares(index), **bounds(index)} for name, index in indices.items()}

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
                return {**shares(index), **bounds(index), "positions": positions}
        return {}


def describe(run: Run) -> str:
    """H of the last two planar layers of a finished run, as a text."""

    def layer_text(layer: str) -> str:
        index = run.record["layers"][layer]["index"]
        return f"H({layer}) {'none' if index is None else format(index, '.3f')}"

    return f"{layer_text(run.record['before'])}, {layer_text(run.record['last'])}"


def shares(index: BandingShares) -> dict[str, float | None]:
    """R, C and H as a record keeps them; None where the weights do not vary."""
    return {name: rounded(getattr(index, name)) for name in ("row_share", "column_share", "index")}


def bounds(index: BandingIndex) -> dict[str, float | None]:
    """The interval of H as a record keeps it; None where the weights do not vary."""
    return {"low": rounded(index.low), "high": rounded(index.high)}


def rounded(value: float) -> float | None:
    """The number to six decimals, None for one that is not finite."""
    return round(value, 6) if math.isfinite(value) else None
