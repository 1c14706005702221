"""The wide map that a layer reads, directly or across its bottleneck, and the weights with which it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_map import Wiring
from wbsite.graph.channel_origin import spans
from wbsite.graph.linear import LinearForm
from wbsite.graph.receptive_field import window

from .weights import Path


@dataclass(frozen=True)
class WideMap:
    """A map in whose channels weights are understood.

    Attributes:
        wires: of the network.
        value: its number on the tape.
        place, side: how feature visualization names it: what feeds the layer `place`, or what that puts out.
        bottleneck: the 1×1 convolutions between it and the layer it was asked for; () where that reads it directly.
    """

    wires: Wiring
    value: int
    place: str
    side: Literal["input", "output"]
    bottleneck: tuple[str, ...]

    @classmethod
    def of(cls, wires: Wiring, layer: str) -> WideMap:
        """What a layer reads, across its bottleneck if it has one.

        Branches of a bottleneck that read the map in different ways, one of them through a pool, have in common
        only the map before the pool.

        Raises:
            WbsiteError: there is no such layer.
        """
        found = wires.bottleneck(layer)
        if found is None:
            return cls(wires, wires.tape.feeds(layer), layer, "input", ())
        fed = {wires.tape.feeds(name) for name in found.layers}
        if len(fed) == 1:
            return cls(wires, fed.pop(), found.layers[0], "input", found.layers)
        return cls(wires, wires.tape.activation(found.source), found.source, "output", found.layers)

    @property
    def channels(self) -> int:
        return self.wires.tape.shapes[self.value][1]

    @property
    def units(self) -> list[tuple[str, int]]:
        """(layer, unit) that each channel is; a layer of "" for a channel that is no one unit."""
        return [
            (span.layers[0] if len(span.layers) == 1 else "", unit)
            for span in spans(self.wires.tape, self.value)
            for unit in range(span.first, span.first + span.units)
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
        tape = self.wires.tape
        end = tape.pre_activation(layer)
        calls = tape.path(self.value, end)
        if not calls:
            raise WbsiteError(f"{layer} does not depend on what {self.place} reads.", "Choose a later layer.")
        path = Path(self.wires.recorded, self.place, layer, self.value, end, calls, window(calls, self.value, end))
        found = path.gradients(path.units(units), LinearForm(tape.shapes)).detach().to("cpu", torch.float32)
        if not bool(torch.isfinite(found).all()):
            raise WbsiteError(
                f"weights between what {self.place} reads and {layer} are not finite.",
                "The weights file does not hold every layer between them, or the training diverged.",
            )
        return found
