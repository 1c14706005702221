"""Layers of a module, found by running it: execution order, shapes, what feeds what."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from wbsite.core.errors import unknown

from .autograd_trace import Trace, run, upstream

INPUT = "input"
"""Stands for the picture among the inputs of a layer."""


@dataclass(frozen=True)
class Layer:
    """One convolution or fully connected layer that the forward pass reaches.

    Attributes:
        name: dotted path in the module, as `module.get_submodule` takes it.
        kind: "conv" (Conv2d and its subclasses) or "linear" (nn.Linear).
        order: place in the order of first calls, from 0.
        inputs: the nearest layers upstream, in execution order, "input" (the picture) first; all
            of them precede this layer. Empty where the trace is broken (see `Layers.notes`).
        in_channels, out_channels: over all groups; features of a linear layer.
        kernel, stride, dilation: (height, width); 1 for a linear layer.
        padding: (height, width), or "same".
        groups: of the convolution.
        bias: whether there is one.
        parameters: numbers in the weight and the bias.
        output_shape: of the first call, without the batch axis.
        calls: how many times one forward pass uses the layer.
        weight_shape: (out_channels, in_channels / groups, kh, kw), or (out, in) of a linear layer.
        reads: (channels, height, width) of the map whose values are a linear layer's inputs, in this
            order; empty for other layers, and where values are not those of a map of its `inputs`.
    """

    name: str
    kind: str
    order: int
    inputs: tuple[str, ...]
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int
    bias: bool
    parameters: int
    output_shape: tuple[int, ...]
    calls: int
    weight_shape: tuple[int, ...]
    reads: tuple[int, ...] = ()

    @property
    def spatial(self) -> bool:
        """Whether the kernel sees more than one position."""
        return self.kernel[0] * self.kernel[1] > 1

    @property
    def planar(self) -> bool:
        """Whether the kernel has extent along both axes, so that rows and columns can be compared."""
        return min(self.kernel) > 1


@dataclass(frozen=True)
class Skipped:
    """A convolution or linear layer that is left out, its class, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Layers:
    """What `discover` found in one module.

    Attributes:
        layers: in execution order.
        skipped: in registration order.
        input_shape: (channels, height, width) of the input it was run on.
        notes: sentences on what could not be traced.
    """

    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...]
    input_shape: tuple[int, int, int]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in execution order."""
        return tuple(layer.name for layer in self.layers)

    @property
    def convs(self) -> tuple[Layer, ...]:
        """The convolutions, in execution order."""
        return tuple(layer for layer in self.layers if layer.kind == "conv")

    def named(self, name: str) -> Layer:
        """The layer with this name.

        Raises:
            WbsiteError: there is none; the hint gives the nearest names.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown("layer", name, self.names)


def discover(module: nn.Module, input_shape: tuple[int, int, int]) -> Layers:
    """Finds the convolutions and linear layers of a module by one forward pass in evaluation mode.

    The input is zeros (1, channels, height, width) on the device and in the precision of the
    module's first floating-point parameter, so values of the weights (NaN included) do not matter.
    Nothing is kept of the pass: hooks, training flags, and the state of random generators are as before.

    Args:
        module: any network that takes one batch of images.
        input_shape: (channels, height, width).

    Raises:
        WbsiteError: the forward pass fails on an input of this shape.
    """
    lazy = {name for name, m in module.named_modules() if any(map(is_lazy, m.parameters(recurse=False)))}
    if lazy:  # the pass initialises lazy parameters in place: it runs on a copy, so that they stay as given
        module = copy.deepcopy(module)
    found = {n: m for n, m in module.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and n not in lazy}
    traces, source = run(module, found, input_shape)

    called = list(traces)  # in the order of first calls
    owner = {id(node): name for name in called for node in traces[name].nodes if node is not None}
    owner[id(source)] = INPUT
    position = {name: i for i, name in enumerate([INPUT, *called])}
    layers: list[Layer] = []
    notes: list[str] = []
    widths: dict[str, int] = {}
    for name in called:
        trace = traces[name]
        above = {up for node in trace.nodes if node is not None for up in upstream(node, owner)}
        earlier = sorted((up for up in above if position[up] < position[name]), key=position.__getitem__)
        fed = [input_shape[0] if up == INPUT else widths[up] for up in earlier if up == INPUT or up in widths]
        layers.append(_describe(name, found[name], len(layers), tuple(earlier), fed, trace))
        if layers[-1].kind == "conv":
            widths[name] = layers[-1].out_channels
        if not earlier:
            notes.append(f"{name}: what feeds it cannot be traced (torch.no_grad or detach inside forward).")
        if len(earlier) < len(above):
            notes.append(f"{name}: fed by itself or by later layers in repeated calls; these inputs are left out.")
    return Layers(tuple(layers), tuple(_skipped(module, lazy, traces)), input_shape, tuple(notes))


def _describe(
    name: str, module: nn.Conv2d | nn.Linear, order: int, inputs: tuple[str, ...], fed: list[int], trace: Trace
) -> Layer:
    """A layer fed by maps of these numbers of channels."""
    # Concatenated, or added ones of the same width; any other first axis is not that of channels.
    known = isinstance(module, nn.Linear) and trace.map[:1] in {(sum(fed),), *((width,) for width in fed)}
    bias = 0 if module.bias is None else module.bias.numel()
    common: dict[str, Any] = {
        "name": name,
        "order": order,
        "inputs": inputs,
        "bias": module.bias is not None,
        "parameters": module.weight.numel() + bias,
        "output_shape": trace.shape,
        "calls": len(trace.nodes),
        "weight_shape": tuple(module.weight.shape),
        "reads": trace.map if known else (),
    }
    return Layer(**common, **(_geometry(module) if isinstance(module, nn.Conv2d) else _pointwise(module)))


def _geometry(conv: nn.Conv2d) -> dict[str, Any]:
    padding = conv.padding
    return {
        "kind": "conv",
        "in_channels": conv.in_channels,
        "out_channels": conv.out_channels,
        "kernel": tuple(conv.kernel_size),
        "stride": tuple(conv.stride),
        "padding": (0, 0) if padding == "valid" else padding if isinstance(padding, str) else tuple(padding),
        "dilation": tuple(conv.dilation),
        "groups": conv.groups,
    }


def _pointwise(linear: nn.Linear) -> dict[str, Any]:
    one = (1, 1)
    sizes = {"in_channels": linear.in_features, "out_channels": linear.out_features, "groups": 1}
    return {"kind": "linear", **sizes, "kernel": one, "stride": one, "padding": (0, 0), "dilation": one}


def _skipped(module: nn.Module, lazy: set[str], traces: dict[str, Trace]) -> Iterator[Skipped]:
    for name, layer in module.named_modules():
        if name in traces or not isinstance(layer, (_ConvNd, nn.Linear)):
            continue
        kind = type(layer).__name__
        if getattr(layer, "transposed", False):
            reason = "a transposed convolution: its kernels write to positions instead of reading them"
        elif name in lazy:
            reason = "its parameters are not initialised: load weights, or call the network once in the factory"
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            reason = "the forward pass in evaluation mode gets no tensor from it"
        else:
            reason = f"its kernels are {layer.weight.dim() - 2}-dimensional, only two-dimensional ones are analysed"
        yield Skipped(name, kind, reason)
