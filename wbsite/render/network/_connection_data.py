"""The `connections` result of a layer as figures need it: kernels of each unit, and whose units are at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wbsite.results.network.connections import Connections, Span
from wbsite.results.site import LayerInfo, Model

KINDS = ("input", "across", "cancelled", "output")
"""Inputs, inputs across the bottleneck, those that cancel, and outputs."""


@dataclass(frozen=True)
class End:
    """The unit at the other end of a connection.

    Attributes:
        layer: "input" for the picture; "" where the channel stands for nothing that has a name.
        channel: of the layer, from 0.
        added: how many more layers' units are added to it before it is read (a residual stream).
    """

    layer: str
    channel: int
    added: int = 0


@dataclass(frozen=True)
class Connection:
    """One kernel and the unit at its other end.

    Attributes:
        kernel: (kh, kw) weights, or expanded weights.
        positive, negative: sums of the path products, for kinds across a bottleneck.
        cancellation: share of their absolute sum that cancels, 0 to 1.
    """

    end: End
    kernel: np.ndarray
    positive: float = 0.0
    negative: float = 0.0
    cancellation: float = 0.0


@dataclass(frozen=True)
class Listed:
    """Connections of a unit, strongest first, as arrays.

    Attributes:
        ends: at their other ends.
        kernels: (connection, position) weights, each kernel flattened, with zeros after its end.
        shapes: (height, width) of each kernel.
        sums: (connection, 3) sums of the positive and of the negative path products and the share that cancels, for
            kinds across a bottleneck; else no columns.
    """

    ends: Sequence[End]
    kernels: np.ndarray
    shapes: Sequence[tuple[int, int]]
    sums: np.ndarray

    @property
    def scale(self) -> float:
        """The largest absolute weight: where the kernels' common scale ends."""
        return float(np.abs(self.kernels).max(initial=0))


class UnitConnections:
    """The connections of a layer's units, one by one."""

    def __init__(self, model: Model, layer: LayerInfo, result: Connections) -> None:
        self.model, self.layer, self.result, self.bottleneck = model, layer, result, result.bottleneck

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that the layer's units have."""
        return tuple(
            kind for kind in KINDS if (self.result.readers if kind == "output" else kind in self.result.channel)
        )

    @cached_property
    def squeezed(self) -> int:
        """Units of the bottleneck."""
        return sum(self.model.layer(name).out_channels for name in (self.bottleneck.layers if self.bottleneck else ()))

    def total(self, kind: str) -> int:
        """Of how many connections of a kind a unit's strongest are listed."""
        if kind == "input":
            return self.layer.weight_shape[1]
        if kind == "output":
            readers = [self.model.layer(reader.layer) for reader in self.result.readers]
            return sum(reader.out_channels // reader.groups for reader in readers)
        return sum(span.units for span in (self.bottleneck.inputs if self.bottleneck else ()))

    def of(self, kind: str, channel: int) -> list[Connection]:
        """The listed connections of a unit, strongest first."""
        found = self.listed(kind, channel)
        parts = zip(found.ends, found.kernels, found.shapes, found.sums.tolist(), strict=True)
        return [Connection(end, kernel[: kh * kw].reshape(kh, kw), *sums) for end, kernel, (kh, kw), sums in parts]

    def listed(self, kind: str, channel: int) -> Listed:
        """The same as arrays."""
        result = self.result
        if kind == "output":
            there = result.output_reader[channel] >= 0
            readers = [result.readers[place] for place in result.output_reader[channel][there]]
            channels = result.output_channel[channel][there].tolist()
            ends = [End(reader.layer, number) for reader, number in zip(readers, channels, strict=True)]
            shapes = [(reader.kernel[0], reader.kernel[1]) for reader in readers]
            return Listed(ends, result.output_kernel[channel][there], shapes, np.empty((len(ends), 0)))
        if kind not in result.channel:
            return Listed((), np.empty((0, 0)), (), np.empty((0, 0)))
        there = result.channel[kind][channel] >= 0
        known = self._ends["input" if kind == "input" else "across"]
        ends = [known[number] for number in result.channel[kind][channel][there].tolist()]
        kernels = result.kernel[kind][channel][there]
        count, kh, kw = kernels.shape
        measured = () if kind == "input" else (result.positive, result.negative, result.cancellation)
        sums = [part[kind][channel][there] for part in measured]
        return Listed(
            ends,
            kernels.reshape(count, kh * kw),
            [(kh, kw)] * count,
            np.stack(sums, 1) if sums else np.empty((count, 0)),
        )

    @cached_property
    def _ends(self) -> dict[str, list[End]]:
        """Kind → what each channel read stands for."""
        across = self.bottleneck.inputs if self.bottleneck else ()
        return {"input": _ends(self.result.inputs), "across": _ends(across)}


def _ends(spans: Sequence[Span]) -> list[End]:
    return [
        End(span.layers[0] if span.layers else "", i, max(0, len(span.layers) - 1))
        for span in spans
        for i in range(span.first, span.first + span.units)
    ]


def scale_of(connections: Sequence[Connection]) -> float:
    """The largest absolute weight of several kernels: where their common scale ends."""
    return max((float(np.abs(connection.kernel).max()) for connection in connections), default=0.0)
