"""The wide map that a layer reads, directly or across its bottleneck, and the weights with which it reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.channel_origin import channel_origins
from wbsite.graph.linear import LinearForm
from wbsite.graph.receptive_field import receptive_field

from .weights import Path


@dataclass(frozen=True)
class InputMap:
    """A map in whose channels weights are understood.

    Attributes:
        channel_map: of the network.
        value: its number on the tape.
        layer, side: how feature visualization names it: what feeds the layer ("input"), or what it puts out.
        bottleneck: the 1×1 convolutions between it and the layer that reads it; () where that reads it directly.
    """

    channel_map: ChannelMap
    value: int
    layer: str
    side: Literal["input", "output"]
    bottleneck: tuple[str, ...]

    @classmethod
    def of(cls, channel_map: ChannelMap, layer: str) -> InputMap:
        """What a layer reads, across its bottleneck if it has one.

        Branches of a bottleneck that read the map in different ways, one of them through a pool, have in common
        only the map before the pool.

        Raises:
            WbsiteError: there is no such layer.
        """
        tape, bottleneck = channel_map.tape, channel_map.bottleneck(layer)
        if bottleneck is None:
            return cls(channel_map, tape.feeds(layer), layer, "input", ())
        layers = bottleneck.layers
        values = {tape.feeds(name) for name in layers}
        if len(values) == 1:
            return cls(channel_map, values.pop(), layers[0], "input", layers)
        return cls(channel_map, tape.activation(bottleneck.source), bottleneck.source, "output", layers)

    @property
    def channels(self) -> int:
        """Of the map."""
        return self.channel_map.tape.shapes[self.value][1]

    @property
    def units(self) -> list[tuple[str, int]]:
        """(layer, unit) that each channel is; a layer of "" for a channel that is no one unit."""
        return [
            (origin.layers[0] if len(origin.layers) == 1 else "", unit)
            for origin in channel_origins(self.channel_map.tape)[self.value]
            for unit in range(origin.first, origin.first + origin.units)
        ]

    def kernels(self, layer: str, units: Sequence[int] | None = None) -> torch.Tensor:
        """Expanded weights from this map to a layer's pre-activation, (units, channels, kh, kw) float32 on the CPU.

        For the layer that reads it without a bottleneck these are its own weights, batch norm included, and zeros for
        the channels of other groups.

        Args:
            units: of the layer; None for all.

        Raises:
            WbsiteError: the layer does not depend on this map; a call in between has no linear form; a weight is
                not finite.
        """
        tape = self.channel_map.tape
        end = tape.pre_activation(layer)
        calls = tape.path(self.value, end)
        if not calls:
            raise WbsiteError(f"{layer} does not depend on what {self.layer} reads.", "Choose a later layer.")
        field = receptive_field(calls, self.value, end)
        path = Path(self.channel_map.recorded, self.layer, layer, self.value, end, calls, field)
        weights = path.gradients(path.units(units), LinearForm(tape.shapes)).detach().to("cpu", torch.float32)
        if not bool(torch.isfinite(weights).all()):
            raise WbsiteError(
                f"weights between what {self.layer} reads and {layer} are not finite.",
                "The weights file does not hold every layer between them, or the training diverged.",
            )
        return weights
