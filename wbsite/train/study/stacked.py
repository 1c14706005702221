"""Fully connected classifiers, many of one architecture at once: their parameters are stacked, one network a row.

A stack of networks is a tensor (seeds, configurations, P): all parameters of a network in a row, layer by layer.
Samples are columns, so that every operation runs along a layer's whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from wbsite.ops.information.activations import activation

EPSILON = 1e-5
"""Added to variances in batch normalisation, as in PyTorch."""


@dataclass(frozen=True)
class Architecture:
    """The shape of a network.

    Attributes:
        inputs: features of a sample.
        widths: units of the hidden layers.
        classes: units of the softmax readout.
        batch_norm: whether hidden pre-activations are normalised over the batch.
    """

    inputs: int
    widths: tuple[int, ...]
    classes: int
    batch_norm: bool = False

    @property
    def units(self) -> tuple[int, ...]:
        """Units of every layer, the readout last."""
        return (*self.widths, self.classes)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, the readout last."""
        return (*(f"layer {n}" for n in range(1, len(self.widths) + 1)), "output")

    @cached_property
    def slots(self) -> dict[str, tuple[int, tuple[int, int]]]:
        """Parameter → where it begins in a row, and its shape (units, 1 or the units below), in order."""
        slots, start = {}, 0
        for layer, (below, units) in enumerate(zip((self.inputs, *self.widths), self.units, strict=True)):
            shapes = {"weight": (units, below), "bias": (units, 1)}
            if self.batch_norm and layer < len(self.widths):
                shapes |= dict.fromkeys(("scale", "shift", "mean", "variance"), (units, 1))
            for name, shape in shapes.items():
                slots[f"{layer}.{name}"] = (start, shape)
                start += shape[0] * shape[1]
        return slots

    @property
    def size(self) -> int:
        """Numbers in a row, P, running statistics included."""
        return max(start + math.prod(shape) for start, shape in self.slots.values())

    def views(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Parameter → its part of (seeds, configurations, P), as (seeds, configurations, units, …); shares memory."""
        return {
            name: rows[..., start : start + math.prod(shape)].unflatten(-1, shape)
            for name, (start, shape) in self.slots.items()
        }


def initial(shape: Architecture, kind: str, bias: float | None, seed: int) -> torch.Tensor:
    """The parameters of one untrained network, float32 (P,).

    Args:
        shape: of the network.
        kind: "truncated_normal", weights of a layer of n units from a normal distribution with standard deviation
            1/√n cut at two of them, the readout's uniform in ±√(6/(inputs + classes)) (Glorot and Bengio 2010), as in
            the networks of the deep-bottleneck project, biases 0; or "standard", weights and biases uniform in ±1/√m
            of m inputs, as PyTorch does.
        bias: of the hidden layers in place of the kind's own.
        seed: the same draws for every network of this shape and kind.
    """
    generator = torch.Generator().manual_seed(seed)
    row = torch.zeros(1, 1, shape.size)
    for name, view in shape.views(row).items():
        layer, part = name.split(".")
        readout = int(layer) == len(shape.widths)
        units, below = shape.slots[f"{layer}.weight"][1]
        if kind == "standard" and part in ("weight", "bias"):
            view.uniform_(-(below**-0.5), below**-0.5, generator=generator)
        elif part == "weight" and readout:
            limit = math.sqrt(6 / (units + below))
            view.uniform_(-limit, limit, generator=generator)
        elif part == "weight":
            deviation = units**-0.5
            torch.nn.init.trunc_normal_(view, 0, deviation, -2 * deviation, 2 * deviation, generator=generator)
        elif part in ("scale", "variance"):
            view.fill_(1)
        if part == "bias" and bias is not None and not readout:
            view.fill_(bias)
    return row[0, 0]


def groups(names: Sequence[str]) -> list[tuple[str, slice]]:
    """Each activation with the configurations that have it, which lie side by side."""
    ends = [end for end in range(1, len(names) + 1) if end == len(names) or names[end] != names[end - 1]]
    return [(names[end - 1], slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]


def forward(
    shape: Architecture, parameters: dict[str, torch.Tensor], activations: Sequence[str], samples: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Every layer's output, the last one's before the softmax; batch normalisation by the running statistics.

    Args:
        parameters: `Architecture.views` of them, (seeds, configurations, units, …).
        activations: of the configurations.
        samples: float32 (seeds or 1, features, samples), each seed's own or all seeds' the same.

    Yields:
        (seeds, configurations, units, samples), the hidden layers and then the logits.
    """
    seeds, configurations = parameters["0.weight"].shape[:2]
    functions = [(activation(name), part) for name, part in groups(activations)]
    # All networks of a seed see the same samples, so their first layers are one matrix.
    first = parameters["0.weight"].reshape(seeds, -1, shape.inputs)
    biases = parameters["0.bias"].reshape(seeds, -1, 1)
    values = torch.baddbmm(biases, first, samples.expand(seeds, -1, -1)).unflatten(1, (configurations, -1))
    for layer in range(len(shape.units)):
        if layer:
            weight, bias = (parameters[f"{layer}.{part}"].flatten(0, 1) for part in ("weight", "bias"))
            values = torch.baddbmm(bias, weight, values.flatten(0, 1)).unflatten(0, (seeds, configurations))
        if layer < len(shape.widths):
            if shape.batch_norm:
                mean, variance, scale, shift = (
                    parameters[f"{layer}.{part}"] for part in ("mean", "variance", "scale", "shift")
                )
                values = (values - mean) * torch.rsqrt(variance + EPSILON) * scale + shift
            for function, part in functions:
                function(values[:, part])
        yield values
