"""Copies of a network with weights as before training: how its architecture alone responds to the same stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

from wbsite.graph.kernels import Kernel
from wbsite.graph.recording import Recorded, Replay
from wbsite.graph.tape import Call, Ref

from .base import LoadedModel

_CONVOLUTIONS = ("conv1d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
"""That are no layers here, but part of the network all the same."""

_STATISTICS = ("input", "running_mean", "running_var", "weight", "bias")
_NORMS = {
    "batch_norm": _STATISTICS,
    "instance_norm": _STATISTICS,
    "group_norm": ("input", "num_groups", "weight", "bias"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias"),
}
_FRESH = {"running_mean": 0.0, "running_var": 1.0, "weight": 1.0, "bias": 0.0}


def untrained(model: LoadedModel, seed: int, device: torch.device | None = None) -> LoadedModel:
    """The network with random weights, the same on every device, in evaluation mode.

    Kernels of convolutions and fully connected layers are normal with variance 2 / (inputs of a unit) and biases 0 (He
    et al. 2015), which keeps the size of activations from layer to layer; normalisations start as in a new module:
    mean 0, variance 1, scale 1. Other parameters stay as they are.

    They are put in place of the kernels that the recorded calls received, whatever computes these from parameters: a
    parametrization, a mask or a normalisation would give back the trained ones.

    Args:
        device: where it is to be run; None for where the network lies.
    """
    recorded = Recorded.of(model) if device is None else Recorded.of(model).on(device)
    kernels = _Draws(recorded.module, seed)
    layers = {use.value: name for name, uses in recorded.tape.uses.items() for use in uses if use.value is not None}
    calls = []
    for call in recorded.tape.calls:
        name = layers.get(call.outputs[0])
        calls.append(_fresh(call, kernels) if name is None else _drawn(call, recorded.tape.kernels[name], kernels))
    tape = replace(
        recorded.tape,
        calls=calls,
        kernels={
            name: replace(kernel, weight=kernels.of(name, kernel.weight), bias=None, stored=None, varies=False)
            for name, kernel in recorded.tape.kernels.items()
        },
    )
    copied = Replay(replace(recorded, tape=tape))
    return replace(model, module=copied, missing=())


class _Draws:
    """Random kernels by layer, in the order in which modules are registered; others as they come."""

    def __init__(self, module: nn.Module, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.kernels: dict[str, torch.Tensor] = {}
        for name, part in module.named_modules():
            if isinstance(part, (_ConvNd, nn.Linear)):
                self.of(name, part.weight)

    def of(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """The kernels of a layer, of the shape of `like` and on its device."""
        if name not in self.kernels or self.kernels[name].shape != like.shape:
            kernel = torch.empty(like.shape)
            nn.init.kaiming_normal_(kernel, nonlinearity="relu", generator=self.generator)
            self.kernels[name] = kernel
        return self.kernels[name].to(like)


def _drawn(call: Call, kernel: Kernel, draws: _Draws) -> Call:
    """A layer's call with drawn kernels."""
    weight = draws.of(kernel.name, kernel.weight)
    if call.operation == "deform_conv2d":  # its offsets decide where it reads
        arguments = _arguments(call, ("input", "weight", "offset", "mask", "bias"))
        bias = arguments["bias"]
        arguments |= {"weight": weight, "bias": torch.zeros_like(bias) if isinstance(bias, torch.Tensor) else bias}
        return replace(call, args=(*arguments.values(), *call.args[5:]), kwargs={})
    x = next(Ref(value) for value in call.inputs)
    if kernel.operation == "linear":
        return replace(call, function=F.linear, name="F.linear", args=(x, weight), kwargs={})
    geometry = {name: getattr(kernel, name) for name in ("stride", "padding", "dilation", "groups")}
    return replace(call, function=F.conv2d, name="F.conv2d", args=(x, weight), kwargs=geometry)


def _fresh(call: Call, draws: _Draws) -> Call:
    """A normalisation as in a new module, a convolution that is no layer with drawn kernels; others as they are."""
    names = _NORMS.get(call.operation, ("input", "weight", "bias") if call.operation in _CONVOLUTIONS else ())
    if not names:
        return call
    arguments = _arguments(call, names)
    for name, argument in arguments.items():
        if not isinstance(argument, torch.Tensor):
            continue
        if name == "weight" and call.operation in _CONVOLUTIONS:
            arguments[name] = draws.of(call.module, argument)
        else:
            arguments[name] = torch.full_like(argument, _FRESH[name])
    args = tuple(arguments[name] for name in names[: len(call.args)])
    kwargs: Mapping[str, Any] = {name: arguments.get(name, value) for name, value in call.kwargs.items()}
    return replace(call, args=(*args, *call.args[len(names) :]), kwargs=kwargs)


def _arguments(call: Call, names: tuple[str, ...]) -> dict[str, Any]:
    return {**dict(zip(names, call.args, strict=False)), **{k: v for k, v in call.kwargs.items() if k in names}}
