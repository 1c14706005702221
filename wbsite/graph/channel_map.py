"""Which units a kernel's input channels are, which kernels read a unit, and what lies before a bottleneck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from .channel_origin import ChannelOrigin, Origins, channel_origins
from .recording import Recorded
from .tape import INPUT_NAME


@dataclass(frozen=True)
class Reader:
    """Units first … first + units − 1 of a layer are input channels channel … of the layer `name`."""

    name: str
    channel: int
    first: int
    units: int


@dataclass(frozen=True)
class Bottleneck:
    """1×1 convolutions with fewer units than inputs that are all a layer reads.

    Attributes:
        layers: their names.
        source: name of the module whose output they read, directly or through a pool.
    """

    layers: tuple[str, ...]
    source: str


class ChannelMap:
    """What feeds what in a recorded network, channel by channel.

    Args:
        layers: names of its convolutions and fully connected layers, in execution order.
    """

    def __init__(self, recorded: Recorded, layers: Sequence[str]) -> None:
        self.recorded, self.tape, self.layers = recorded, recorded.tape, tuple(layers)

    @cached_property
    def inputs(self) -> dict[str, Origins]:
        """Layer → what the channels of the map it reads stand for, before a fully connected layer flattens it."""
        return {name: self._inputs(name) for name in self.layers}

    @cached_property
    def readers(self) -> dict[str, list[Reader]]:
        """Layer → who reads its units, in execution order; not layers that read no maps, such as those of tokens."""
        readers: dict[str, list[Reader]] = {name: [] for name in self.layers}
        for name, inputs in self.inputs.items():
            channel = 0
            kernel = self.tape.kernels[name]
            units = sum(origin.units for origin in inputs)
            if kernel.operation == "linear" and (not units or kernel.in_channels % units):
                continue
            for origin in inputs:
                for layer in set(origin.layers) & readers.keys():
                    readers[layer].append(Reader(name, channel, origin.first, origin.units))
                channel += origin.units
        return readers

    def kernels(self, layer: str) -> torch.Tensor:
        """A layer's weight, float32 on the CPU, (O, I / groups, kh, kw); of a fully connected layer that reads a
        map, its height and width are kh and kw."""
        weight = self.tape.kernels[layer].weight.to("cpu", torch.float32)
        if weight.ndim == 4:
            return weight
        traced = layer in self.tape.feeding
        height, width = (*(self.tape.shapes[self._map(self.tape.feeds(layer))][2:] if traced else ()), 1, 1)[:2]
        channels = sum(origin.units for origin in self.inputs[layer]) or weight.shape[1]
        size = (height, width) if channels * height * width == weight.shape[1] else (weight.shape[1] // channels, 1)
        return weight.reshape(len(weight), channels, *size)

    def input_channels(self, layer: str, reader: str, units: int) -> torch.Tensor:
        """int64 (units,): input channels of `reader` that the units of a layer are, −1 for those it does not read."""
        channels = torch.full((units,), -1)
        for run in self.readers[layer]:
            if run.name == reader:
                channels[run.first : run.first + run.units] = torch.arange(run.units) + run.channel
        return channels

    def groups(self, layer: str) -> int:
        """Of a convolution; 1 for a fully connected layer."""
        return self.tape.kernels[layer].groups

    def bottleneck(self, layer: str) -> Bottleneck | None:
        """The bottleneck that a layer reads through; None where there is none, or where it has several sources."""
        squeezing = [self._squeezing(origin) for origin in self.inputs[layer]]
        sources = {self._source(self.tape.feeds(name)) if name else "" for name in squeezing}
        source = sources.pop()
        return Bottleneck(tuple(filter(None, squeezing)), source) if source and not sources else None

    def source_channels(self, bottleneck: Bottleneck) -> Origins:
        """What the channels of a bottleneck's source stand for."""
        return channel_origins(self.tape)[self.tape.activation(bottleneck.source)]

    def _inputs(self, layer: str) -> Origins:
        """What a layer reads; channels without a name where that cannot be followed back to the picture."""
        if layer in self.tape.feeding:
            return channel_origins(self.tape)[self._map(self.tape.feeds(layer))]
        return (ChannelOrigin((), 0, self.tape.kernels[layer].in_channels),)

    def _squeezing(self, origin: ChannelOrigin) -> str:
        """The layer that channels come from if it is a 1×1 convolution with fewer units than inputs, else ""."""
        name = origin.layers[0] if len(origin.layers) == 1 and origin.layers != (INPUT_NAME,) else ""
        return name if name and self.tape.kernels[name].squeezes else ""

    @cached_property
    def _names(self) -> dict[int, str]:
        """Value → the module whose activation it is; of several, a layer, else the one with the shortest name."""
        names = sorted(filter(None, self.tape.outputs), key=lambda name: (name not in self.layers, len(name)))
        return {self.tape.activation(name): name for name in reversed(names)}

    def _source(self, value: int) -> str:
        """The nearest named value above, through calls with one input that are no layers; "" where there is none."""
        while value not in self._names:
            call = self.tape.makers.get(value)
            if call is None or len(call.inputs) != 1 or call.operation in ("conv2d", "linear"):
                return ""
            value = call.inputs[0]
        return self._names[value]

    def _map(self, value: int) -> int:
        """The map that a value of features was flattened from; the value itself if it is a map."""
        while len(self.tape.shapes[value]) == 2:
            call = self.tape.makers.get(value)
            if call is None or len(call.inputs) != 1 or call.operation == "linear":
                break
            value = call.inputs[0]
        return value
