"""Gradients of a stack of networks, forward and backward written out.

The operations are those that autograd would run, in its order, and so are the numbers. Written out they need no graph,
and use the same tensors and views of them step after step: on tensors as small as these, making new ones takes longer
than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from wbsite.ops.information.activations import ACTIVATIONS, DERIVATIVES

from .stacked import EPSILON, Architecture, groups

MOMENTUM = 0.1
"""Share of a batch in the running statistics of batch normalisation, as in PyTorch."""


class Gradients:
    """Computes the gradient of each network's mean cross-entropy over a batch.

    Args:
        shape: of all networks.
        activations: of the configurations, equal ones side by side.
        seeds: how many.
        device: where the networks are.
    """

    def __init__(self, shape: Architecture, activations: Sequence[str], seeds: int, device: torch.device) -> None:
        self.shape, self.activations = shape, activations
        self.parameters = torch.zeros(seeds, len(activations), shape.size, device=device)
        self.passes: dict[int, _Pass] = {}

    @torch.inference_mode()
    def __call__(self, rows: torch.Tensor, samples: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The gradients, of the shape of `rows`; zero for running statistics, which this brings up to date.

        Args:
            rows: (seeds, configurations, P), see `stacked`.
            samples: float32 (seeds, features, batch).
            targets: float32 (seeds, 1, classes, batch), 1 for the class of a sample and else 0.
        """
        self.parameters.copy_(rows)
        batch = samples.shape[2]
        if batch not in self.passes:  # all are of one size but the last of an epoch
            self.passes[batch] = _Pass(self.shape, self.activations, self.parameters, batch)
        gradients = self.passes[batch].run(samples, targets)
        if self.shape.batch_norm:
            rows.copy_(self.parameters)
        return gradients


@dataclass(frozen=True)
class _Layer:
    """One layer's tensors: (networks, units, …) where an operation takes all networks as one batch, and else
    (seeds, configurations, units, …).

    All networks of a seed see the same samples, so their first layers are one matrix, as if of one network a seed.

    Attributes:
        parameters: by name, as they are now.
        weight, bias: (networks, units, …).
        weight_back: (networks, units below, units), the weight transposed.
        values, slopes: the layer's output, at first before its activation, and the gradient there.
        flat_values, flat_slopes: (networks, units, batch) of the same.
        gradients: by name of the parameter.
        weight_gradient: (networks, units, units below) of the gradients.
        below, below_slopes: (networks, units below, batch), values and slopes of the layer below; None of the first.
        below_back: (networks, batch, units below) of these values.
        groups: activation, and the values and slopes of the configurations that have it.
    """

    parameters: dict[str, torch.Tensor]
    weight: torch.Tensor
    bias: torch.Tensor
    weight_back: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor
    flat_values: torch.Tensor
    flat_slopes: torch.Tensor
    gradients: dict[str, torch.Tensor]
    weight_gradient: torch.Tensor
    below: torch.Tensor | None
    below_back: torch.Tensor | None
    below_slopes: torch.Tensor | None
    groups: list[tuple[str, torch.Tensor, torch.Tensor]]


class _Pass:
    """Forward and backward for one size of batch.

    Args:
        parameters: (seeds, configurations, P), where they are read.
    """

    def __init__(self, shape: Architecture, activations: Sequence[str], parameters: torch.Tensor, batch: int) -> None:
        self.shape, self.batch = shape, batch
        self.views = shape.views(parameters)
        self.first = [self.views[f"0.{name}"].contiguous() for name in ("weight", "bias")]
        self.gradients = {name: torch.zeros(view.shape).to(view) for name, view in self.views.items()}
        self.parts = [self.gradients[name].flatten(2) for name in shape.slots]
        # A layer's slopes are made from those of the layer above, so that two tensors take turns.
        self.turns = parameters.new_empty(2, parameters[..., 0].numel() * max(shape.units) * batch)
        self.layers: list[_Layer] = []
        for layer in range(len(shape.units)):
            self.layers.append(self._layer(layer, groups(activations) if layer < len(shape.widths) else []))

    def _layer(self, layer: int, parts: Sequence[tuple[str, slice]]) -> _Layer:
        def networks(stack: torch.Tensor) -> torch.Tensor:
            return stack.flatten(1, 2) if layer == 0 else stack.flatten(0, 1)

        views, gradients = (
            {name.partition(".")[2]: part for name, part in each.items() if name.startswith(f"{layer}.")}
            for each in (self.views, self.gradients)
        )
        weight, bias = self.first if layer == 0 else (views["weight"], views["bias"])
        values = weight.new_empty(*weight.shape[:3], self.batch)
        slopes = self.turns[layer % 2, : values.numel()].view_as(values)
        below, below_slopes = (
            (each.flatten(0, 1) for each in (self.layers[-1].values, self.layers[-1].slopes)) if layer else (None, None)
        )
        return _Layer(
            views, networks(weight), networks(bias), networks(weight).mT, values, slopes, networks(values),
            networks(slopes), gradients, networks(gradients["weight"]), below, None if below is None else below.mT,
            below_slopes,
            [(name, values[:, part], slopes[:, part]) for name, part in parts],
        )  # fmt: skip

    def run(self, samples: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """See `Gradients`."""
        for copied, name in zip(self.first, ("weight", "bias"), strict=True):
            copied.copy_(self.views[f"0.{name}"])
        kept = []
        for layer in self.layers:
            below = samples if layer.below is None else layer.below
            torch.baddbmm(layer.bias, layer.weight, below, out=layer.flat_values)
            if layer.groups and self.shape.batch_norm:
                kept.append(_normalise(layer))
            for name, values, _ in layer.groups:
                ACTIVATIONS[name](values)
        torch.softmax(layer.values, 2, out=layer.slopes)
        layer.slopes.sub_(targets).div_(self.batch)  # of the mean cross-entropy: softmax minus one-hot, over the batch
        for layer in reversed(self.layers):
            for name, values, slopes in layer.groups:
                DERIVATIVES[name](slopes, values)
            if layer.groups and self.shape.batch_norm:
                _back_to_before(layer, *kept.pop())
            below_back = samples.mT if layer.below_back is None else layer.below_back
            torch.bmm(layer.flat_slopes, below_back, out=layer.weight_gradient)
            torch.sum(layer.slopes, 3, keepdim=True, out=layer.gradients["bias"])
            if layer.below_slopes is not None:
                torch.bmm(layer.weight_back, layer.flat_slopes, out=layer.below_slopes)
        return torch.cat(self.parts, 2)


def _normalise(layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalises a layer's values over the batch and keeps the running statistics; returns the values between
    normalising and scaling, and what they were multiplied by."""
    values, parameters, samples = layer.values, layer.parameters, layer.values.shape[3]
    mean, variance = values.mean(3, keepdim=True), values.var(3, keepdim=True, correction=0)
    parameters["mean"].lerp_(mean, MOMENTUM)
    parameters["variance"].lerp_(variance * (samples / max(1, samples - 1)), MOMENTUM)
    inverse = torch.rsqrt(variance + EPSILON)
    normalised = (values - mean) * inverse
    torch.addcmul(parameters["shift"], normalised, parameters["scale"], out=values)
    return normalised, inverse


def _back_to_before(layer: _Layer, normalised: torch.Tensor, inverse: torch.Tensor) -> None:
    """The slopes before batch normalisation from those after it (Ioffe and Szegedy 2015), and the gradients of its
    scale and shift."""
    slopes, gradients, samples = layer.slopes, layer.gradients, layer.values.shape[3]
    torch.sum(slopes, 3, keepdim=True, out=gradients["shift"])
    torch.sum(slopes * normalised, 3, keepdim=True, out=gradients["scale"])
    slopes.sub_((gradients["shift"] + normalised * gradients["scale"]) / samples)
    slopes.mul_(inverse * layer.parameters["scale"])
