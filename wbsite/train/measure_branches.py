"""What the units of a first layer look for, and in which branch they are, while the network is trained and after."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import nn

from wbsite.graph.layers import Layers, discover
from wbsite.ops.expanded.unit_properties import Filters
from wbsite.ops.tuning.orientation import orientation

from .runs import Run

LEVELS = 127
"""First-layer kernels are looked at as pictures: rounded finely."""


class Branches:
    """Measures the first convolution of a network whose second one reads it in groups, or undivided.

    Args:
        module: the network, whose structure is looked at once.
        input_shape: (channels, height, width).
    """

    def __init__(self, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.layers: Layers = discover(module, input_shape)
        self.first, self.second = self.layers.convs[:2]

    def weight(self, module: nn.Module, name: str) -> torch.Tensor:
        """(O, I / groups, kh, kw), on the CPU."""
        return cast(torch.Tensor, module.get_submodule(name).weight).detach().float().cpu()

    def moment(self, module: nn.Module) -> list[dict[str, Any]]:
        """One row a unit of the first layer: chroma share, mean frequency and strength (see `ops.properties.Filters`),
        and how oriented it is (`ops.orientation`)."""
        kernels = self.weight(module, self.first.name)
        filters, (oriented, _) = Filters.of(kernels), orientation(kernels)
        measures = {
            "chroma": filters.colour,
            "frequency": filters.frequency,
            "oriented": oriented,
            "strength": filters.strength,
        }
        columns = {name: values.tolist() for name, values in measures.items()}
        return [
            {"unit": unit, **{name: round(values[unit], 4) for name, values in columns.items()}}
            for unit in range(len(kernels))
        ]

    def record(self, module: nn.Module) -> dict[str, Any]:
        """The two layers' names, the number of branches (1: undivided), and how finely kernels are rounded."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "branches": self.second.groups,
            "levels": LEVELS,
        }

    def kept(self, module: nn.Module) -> dict[str, np.ndarray]:
        """The first layer's kernels, and of the second layer's the sum of absolute weights over positions."""
        strength = self.weight(module, self.second.name).abs().sum((2, 3), keepdim=True)
        return {self.first.name: self.weight(module, self.first.name).numpy(), self.second.name: strength.numpy()}


def shown(run: Run) -> str:
    """The median chroma share of the first layer's units in every branch of a finished run."""
    end = max(row["epoch"] for row in run.record["history"])
    chroma = np.array([row["chroma"] for row in run.record["history"] if row["epoch"] == end])
    medians = np.median(chroma.reshape(run.record["branches"], -1), axis=1)
    return f"median chroma by branch {', '.join(format(m, '.2f') for m in medians)}"
