"""Colour, frequency and orientation of a first layer's units, by branch, during training and after it."""

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
"""How finely kernels are rounded (see `runs.quantise`): those of a first layer are shown as pictures."""


class BranchMeasures:
    """Measures of the first convolution of a network, which the second one reads in groups or undivided.

    Args:
        module: the network; its structure is read once.
        input_shape: (channels, height, width).
    """

    def __init__(self, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.layers: Layers = discover(module, input_shape)
        self.first, self.second = self.layers.convs[:2]

    def kernels(self, module: nn.Module, name: str) -> torch.Tensor:
        """A layer's weights, (O, I / groups, kh, kw), on the CPU."""
        return cast(torch.Tensor, module.get_submodule(name).weight).detach().float().cpu()

    def history_rows(self, module: nn.Module) -> list[dict[str, Any]]:
        """One row a unit of the first layer: chroma share, mean frequency and strength (see
        `ops.expanded.unit_properties.Filters`), and orientation selectivity (`ops.tuning.orientation`)."""
        kernels = self.kernels(module, self.first.name)
        filters, (oriented, _) = Filters.of(kernels), orientation(kernels)
        measures = {
            "chroma": filters.colour,
            "frequency": filters.frequency,
            "oriented": oriented,
            "strength": filters.strength,
        }
        rows = zip(*(values.tolist() for values in measures.values()), strict=True)
        return [
            {"unit": unit, **{name: round(value, 4) for name, value in zip(measures, row, strict=True)}}
            for unit, row in enumerate(rows)
        ]

    def record(self, module: nn.Module) -> dict[str, Any]:
        """The two layers' names, the number of branches (1: undivided), and how finely kernels are rounded."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "branches": self.second.groups,
            "levels": LEVELS,
        }

    def kept_kernels(self, module: nn.Module) -> dict[str, np.ndarray]:
        """The first layer's kernels, and the second layer's absolute weights summed over positions."""
        strength = self.kernels(module, self.second.name).abs().sum((2, 3), keepdim=True)
        return {self.first.name: self.kernels(module, self.first.name).numpy(), self.second.name: strength.numpy()}


def describe(run: Run) -> str:
    """The median chroma share of the first layer's units in every branch of a finished run, as a text."""
    last_epoch = max(row["epoch"] for row in run.record["history"])
    chroma = np.array([row["chroma"] for row in run.record["history"] if row["epoch"] == last_epoch])
    medians = np.median(chroma.reshape(run.record["branches"], -1), axis=1)
    return f"median chroma by branch {', '.join(format(median, '.2f') for median in medians)}"
