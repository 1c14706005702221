"""Max-norm: scales weights back where a unit's incoming ones are longer than its configuration allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .stacked import Architecture
from .study import Configuration


class MaxNorm:
    """The limits that hold after every step, or after every epoch, of a stack of networks.

    Args:
        shape: of the networks.
        configurations: of the stack.
        rows: (seeds, configurations, P) of its parameters, which are changed in place.
        every: "step" or "epoch".
    """

    def __init__(
        self, shape: Architecture, configurations: Sequence[Configuration], rows: torch.Tensor, every: str
    ) -> None:
        views = shape.views(rows)
        self.weights, limits = [], []
        for layer, units in enumerate(shape.units):
            hidden = layer < len(shape.widths)
            of_layer = [
                each.max_norm if each.max_norm_every == every and (hidden or each.max_norm_layers == "all") else None
                for each in configurations
            ]
            if any(limit is not None for limit in of_layer):
                self.weights.append(views[f"{layer}.weight"])
                limits += units * [[math.inf if limit is None else limit for limit in of_layer]]
        by_unit = torch.tensor(limits, device=rows.device).view(-1, len(configurations))
        self.limits = by_unit.T[..., None]  # (configurations, units, 1)
        self.scales = rows.new_empty(*rows.shape[:2], len(limits), 1)
        self.of_layers = self.scales.split([weight.shape[2] for weight in self.weights], 2)

    def apply(self) -> None:
        """Limits the weights as they are now."""
        if not self.weights:
            return
        for weight, norms in zip(self.weights, self.of_layers, strict=True):
            torch.linalg.vector_norm(weight, dim=3, keepdim=True, out=norms)
        torch.div(self.limits, self.scales.clamp_(min=1e-12), out=self.scales).clamp_(max=1)
        for weight, scale in zip(self.weights, self.of_layers, strict=True):
            weight.mul_(scale)
