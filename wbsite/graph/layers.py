"""Layers of a module, as its recorded forward pass shows them: execution order, shapes, what feeds what."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from wbsite.core.errors import unknown

from .kernels import TRANSPOSED, Kernel, Skipped
from .operations import MOVES, UNCHANGED
from .recording import Recorded
from .tape import INPUT_NAME, Call, Tape
from .unreadable import unreadable


@dataclass(frozen=True)
class Layer:
    """One convolution or fully connected layer that the forward pass reaches.

    Attributes:
        name: dotted path of its module, or of the parameter that its kernels come from.
        kind: "conv" (two-dimensional convolution, however it is called) or "linear" (product with one matrix).
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
        computed_from: parameters of its kernels, where that is not one parameter as it stands.
        scale: factor between the kernels and those that are stored; 1 where nothing else of their shape is stored.
        changed: how far they differ beyond that factor, as share of the norm of all kernels: 0 to 1.
        varies: whether the kernels are computed anew from every picture.
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
    computed_from: tuple[str, ...] = ()
    scale: float = 1.0
    changed: float = 0.0
    varies: bool = False

    @property
    def spatial(self) -> bool:
        """Whether the kernel sees more than one position."""
        return self.kernel[0] * self.kernel[1] > 1

    @property
    def planar(self) -> bool:
        """Whether the kernel has extent along both axes, so that rows and columns can be compared."""
        return min(self.kernel) > 1


@dataclass(frozen=True)
class Layers:
    """The layers of one module.

    Attributes:
        layers: in execution order.
        skipped: in registration order, those whose kernels cannot be read last.
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
    """Describes the convolutions and linear layers that one forward pass in evaluation mode reaches.

    The pass is that of `Recorded.of`, on zeros, so values of the weights (NaN included) do not matter. Nothing is
    changed by it: hooks, training flags, and the state of random generators are as before.

    Args:
        module: any network that takes one batch of images.
        input_shape: (channels, height, width).

    Raises:
        WbsiteError: the forward pass fails on an input of this shape.
    """
    lazy = {name for name, m in module.named_modules() if any(map(is_lazy, m.parameters(recurse=False)))}
    if lazy:  # the pass initialises lazy parameters in place: it runs on a copy, so that they stay as given
        module = copy.deepcopy(module)
    tape = Recorded.of(module, input_shape).tape
    position = {name: i for i, name in enumerate([INPUT_NAME, *tape.kernels])}
    layers: list[Layer] = []
    notes: list[str] = []
    channels = {INPUT_NAME: input_shape[0]}
    for name, kernel in tape.kernels.items():
        above = set[str]().union(*(use.inputs for use in tape.uses[name]))
        inputs = sorted((other for other in above if position[other] < position[name]), key=position.__getitem__)
        layer = _described(tape, kernel, len(layers), tuple(inputs), channels)
        layers.append(layer)
        if layer.kind == "conv":
            channels[name] = layer.out_channels
        if not inputs:
            notes.append(f"{name}: nothing that feeds it can be followed back to the picture or to another layer.")
        if len(inputs) < len(above):
            notes.append(f"{name}: fed by itself or by later layers in repeated calls; these inputs are left out.")
    skipped = (*tape.skipped, *_skipped(module, lazy, {*tape.kernels, *(other.name for other in tape.skipped)}))
    return Layers(tuple(layers), skipped, input_shape, tuple(notes))


def _described(tape: Tape, kernel: Kernel, order: int, inputs: tuple[str, ...], channels: dict[str, int]) -> Layer:
    """A layer with these inputs, of which those with maps have these numbers of channels."""
    uses, conv = tape.uses[kernel.name], kernel.operation == "conv2d"
    reads: tuple[int, ...] = ()
    if not conv:
        flattened = _flattened_map(tape, kernel.name)
        # Concatenated, or added ones of the same width; any other first axis is not that of channels.
        widths = [channels[other] for other in inputs if other in channels]
        reads = flattened if flattened[:1] in {(sum(widths),), *((width,) for width in widths)} else ()
    return Layer(
        name=kernel.name,
        kind="conv" if conv else "linear",
        order=order,
        inputs=inputs,
        in_channels=kernel.in_channels,
        out_channels=kernel.out_channels,
        kernel=kernel.size,
        stride=kernel.stride,
        padding=kernel.padding,
        dilation=kernel.dilation,
        groups=kernel.groups,
        bias=kernel.bias is not None,
        parameters=kernel.weight.numel() + (0 if kernel.bias is None else kernel.bias.numel()),
        output_shape=uses[0].shape,
        calls=len(uses),
        weight_shape=tuple(kernel.weight.shape),
        reads=reads,
        computed_from=kernel.parameters if kernel.computed else (),
        scale=kernel.scale,
        changed=kernel.changed,
        varies=kernel.varies,
    )


def _flattened_map(tape: Tape, layer: str) -> tuple[int, ...]:
    """(channels, height, width) of the map whose values the vector is that a layer reads, in this order; empty if it
    is none: positions averaged or put in another order, or anything computed since."""
    if len(tape.shapes.get(tape.feeding.get(layer, -1), ())) != 2:
        return ()
    value = tape.feeding[layer]
    while (call := tape.makers.get(value)) is not None and _keeps_order(call, tape):
        value = call.inputs[0]
    shape = tape.shapes[value]
    rearranged = call is not None and call.operation in MOVES - {"pad", "interpolate"}
    return () if rearranged or len(shape) != 4 else shape[1:]


def _keeps_order(call: Call, tape: Tape) -> bool:
    """Whether a call gives back all numbers that it is given, in the order in which they lie in its only input."""
    if call.operation not in MOVES | UNCHANGED or len(call.inputs) != 1 or call.several:
        return False
    shape = tape.shapes[call.inputs[0]]
    if math.prod(shape) != math.prod(tape.shapes[call.outputs[0]]):
        return False
    numbers = torch.arange(math.prod(shape), dtype=torch.float64, device=call.device)
    return torch.equal(call.run({call.inputs[0]: numbers.reshape(shape)}).flatten(), numbers)


def _skipped(module: nn.Module, lazy: Collection[str], reached: Collection[str]) -> Iterator[Skipped]:
    for name, layer in module.named_modules():
        if name in reached or not isinstance(layer, (_ConvNd, nn.Linear)):
            continue
        kind = type(layer).__name__
        if getattr(layer, "transposed", False):
            reason = TRANSPOSED
        elif name in lazy:
            reason = "its parameters are not initialised: load weights, or call the network once in the factory"
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            reason = "the forward pass in evaluation mode gets no tensor from it"
        else:
            reason = f"its kernels are {layer.weight.dim() - 2}-dimensional, only two-dimensional ones are analysed"
        yield Skipped(name, kind, reason)
    yield from (Skipped(*layer) for layer in unreadable(module))
