"""The `connections` result of a layer as figures need it: kernels of each unit, and whose units are at their ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wbsite.core.store import Entry
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


class Connections:
    """Of one layer of a model."""

    def __init__(self, model: Model, layer: LayerInfo, entry: Entry) -> None:
        self.model, self.layer, self.values, self.arrays = model, layer, entry.values, entry.arrays

    @property
    def bottleneck(self) -> Mapping[str, Any] | None:
        """What is known of the bottleneck that the layer reads through, if it does."""
        return self.values["bottleneck"]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that the layer's units have."""
        across = "across_channel" in self.arrays
        return tuple(k for k in KINDS if k == "input" or (self.values["readers"] if k == "output" else across))

    @cached_property
    def squeezed(self) -> int:
        """Units of the bottleneck."""
        return sum(self.model.layer(name).out_channels for name in (self.bottleneck or {}).get("layers", ()))

    def total(self, kind: str) -> int:
        """Of how many connections of a kind a unit's strongest are listed."""
        if kind == "input":
            return self.layer.weight_shape[1]
        if kind == "output":
            readers = [self.model.layer(reader["layer"]) for reader in self.values["readers"]]
            return sum(reader.out_channels // reader.groups for reader in readers)
        return sum(span["units"] for span in (self.bottleneck or {}).get("inputs", ()))

    def of(self, kind: str, channel: int) -> list[Connection]:
        """The listed connections of a unit, strongest first."""
        return list(self._outputs(channel) if kind == "output" else self._inputs(kind, channel))

    def _inputs(self, kind: str, unit: int) -> Iterator[Connection]:
        if f"{kind}_channel" not in self.arrays:
            return
        ends = self._ends["input" if kind == "input" else "across"]
        names = ("positive", "negative", "cancellation") if kind != "input" else ()
        for i, channel in enumerate(self.arrays[f"{kind}_channel"][unit]):
            if channel >= 0:
                sums = {name: float(self.arrays[f"{kind}_{name}"][unit, i]) for name in names}
                yield Connection(ends[channel], self.arrays[f"{kind}_kernel"][unit, i], **sums)

    def _outputs(self, unit: int) -> Iterator[Connection]:
        for i, place in enumerate(self.arrays["output_reader"][unit]):
            if place >= 0:
                reader = self.values["readers"][place]
                kh, kw = reader["kernel"]
                kernel = self.arrays["output_kernel"][unit, i, : kh * kw].reshape(kh, kw)
                yield Connection(End(reader["layer"], int(self.arrays["output_channel"][unit, i])), kernel)

    @cached_property
    def _ends(self) -> dict[str, list[End]]:
        """Kind → what each channel read stands for."""
        behind = (self.bottleneck or {}).get("inputs", ())
        return {"input": _ends(self.values["inputs"]), "across": _ends(behind)}


def _ends(spans: Sequence[Mapping[str, Any]]) -> list[End]:
    return [
        End(span["layers"][0] if span["layers"] else "", i, max(0, len(span["layers"]) - 1))
        for span in spans
        for i in range(span["first"], span["first"] + span["units"])
    ]


def scale_of(connections: Sequence[Connection]) -> float:
    """The largest absolute weight of several kernels: where their common scale ends."""
    return max((float(np.abs(connection.kernel).max()) for connection in connections), default=0.0)
