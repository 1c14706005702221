"""Nulls for expanded weights: the same path with the positions of every kernel, or all weights, in random order."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from wbsite.graph.tape import Call

from .weights import Path

Within = Literal["kernel", "layer"]


def shuffled(path: Path, generator: torch.Generator, within: Within = "kernel") -> Path:
    """The path with the weights of its spatial convolutions in random order.

    Kernel sizes, strides and pools stay, so maps are as smooth as composition makes them. Convolutions that share a
    weight share its permutation. The network is not changed: the path returned has weights of its own.

    Args:
        generator: on the CPU; the same state gives the same path on any device.
        within: "kernel": every (output, input) kernel's positions, each kernel by a permutation of its own, which
            keeps its weights, norm and sum but not its shape; "layer": all weights of a convolution, 1×1 ones too,
            which keeps only their distribution.
    """
    weights: dict[int, torch.Tensor] = {}
    return replace(path, calls=tuple(_shuffled(call, generator, within, weights) for call in path.calls))


def _shuffled(call: Call, generator: torch.Generator, within: Within, weights: dict[int, torch.Tensor]) -> Call:
    """The call with a permuted weight, which is noted by the id of the original."""
    weight = call.kernel
    if weight is None:
        return call
    if id(weight) not in weights:
        weights[id(weight)] = _permuted(weight.detach(), generator, within)
    if "weight" in call.kwargs:
        return replace(call, kwargs={**call.kwargs, "weight": weights[id(weight)]})
    return replace(call, args=(call.args[0], weights[id(weight)], *call.args[2:]))


def _permuted(weight: torch.Tensor, generator: torch.Generator, within: Within) -> torch.Tensor:
    if within == "layer":
        order = torch.randperm(weight.numel(), generator=generator)
        return weight.flatten()[order.to(weight.device)].reshape(weight.shape)
    if weight[0, 0].numel() == 1:
        return weight
    order = torch.rand(weight.flatten(2).shape, generator=generator).argsort(2)
    return weight.flatten(2).gather(2, order.to(weight.device)).reshape(weight.shape)
