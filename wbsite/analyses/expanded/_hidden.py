"""What figures show of a unit whose paths cancel: its sources, the kernels of both signs, the units between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from wbsite.graph.channel_origin import channel_origins, unit_of
from wbsite.graph.dominators import Route
from wbsite.graph.linear import LinearForm
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.cancellation import Cancellation, compose
from wbsite.ops.expanded.weights import Path, expanded_weights

SOURCES, THROUGH = 3, 3
"""Of a unit: sources of which most is hidden, and for each the units between with the largest contribution."""

SOURCE_COLUMNS = ["layer", "unit", "channel", "source_layer", "source_unit", "positive", "negative", "net", "strong"]
THROUGH_COLUMNS = ["layer", "unit", "channel", "source_layer", "source_unit", "between_layer", "between_unit", "size"]


class Shown:
    """Collects what is shown, unit by unit.

    Attributes:
        arrays: of unit N: positive_N, negative_N, net_N (sources, kh, kw); through_N (sources, between, kh, kw).
        sources: rows, one a unit and channel of its source: sums over paths; whether it is a strong one.
        through: rows, one a unit, hidden source and unit between, in the order of the arrays.
        wanted: layer → units that want a picture.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.arrays: dict[str, np.ndarray] = {}
        self.sources: list[dict[str, Any]] = []
        self.through: list[dict[str, Any]] = []
        self.wanted: dict[str, list[int]] = {}
        self._count = 0

    def add(self, found: Cancellation, unit: int) -> None:
        """One unit of the route's target, with the sources of which most is hidden."""
        pairs = found.pairs
        lost = pairs.strength[unit].square() - pairs.net[unit].square()
        hidden = pairs.channel[unit, lost.argsort(descending=True, stable=True)[:SOURCES]].tolist()
        self._want(found.route.target, unit)
        self.sources += self._all_sources(found, unit)
        kernels: dict[str, list[torch.Tensor]] = {name: [] for name in ("positive", "negative", "net", "through")}
        for channel, every in zip(hidden, self._contributions(found.route, unit, hidden), strict=True):
            sizes = every.flatten(1).norm(dim=1)
            largest = sizes.argsort(descending=True, stable=True)[:THROUGH]
            kernels["positive"].append(every.clamp_min(0).sum(0))
            kernels["negative"].append(every.clamp_max(0).sum(0))
            kernels["net"].append(every.sum(0))
            kernels["through"].append(every[largest])
            self.through += self._rows(found.route, unit, channel, largest.tolist(), sizes[largest].tolist())
        self.arrays |= {f"{name}_{self._count}": torch.stack(parts).cpu().numpy() for name, parts in kernels.items()}
        self._count += 1

    def _want(self, layer: str, unit: int) -> None:
        if layer and layer != "input" and unit not in self.wanted.setdefault(layer, []):
            self.wanted[layer].append(unit)

    def _all_sources(self, found: Cancellation, unit: int) -> Iterator[dict[str, Any]]:
        of = channel_origins(self.recorded.tape)[self.recorded.tape.activation(found.route.source)]
        strong = set(found.pairs.channel[unit].tolist())
        sums = [one[unit].tolist() for one in (found.positive, found.negative, found.net)]
        for channel, (positive, negative, net) in enumerate(zip(*sums, strict=True)):
            values = (
                *(found.route.target, unit, channel, *unit_of(of, channel)),
                *(positive, negative, net, channel in strong),
            )
            yield dict(zip(SOURCE_COLUMNS, values, strict=True))

    def _contributions(self, route: Route, unit: int, channels: Sequence[int]) -> Iterator[torch.Tensor]:
        """C_m of each source channel, (M, kh, kw)."""
        first = Path.between(self.recorded, route.source, route.between)
        assert first.receptive_field is not None
        kernels = first.gradients(first.units(None), LinearForm(self.recorded.tape.shapes))
        into = expanded_weights(self.recorded, route.between, route.target, [unit])[0]
        height, width = first.receptive_field
        for channel in channels:
            yield compose(into, kernels[:, channel], (height.stride, width.stride))

    def _rows(
        self, route: Route, unit: int, channel: int, between: Sequence[int], sizes: Sequence[float]
    ) -> Iterator[dict[str, Any]]:
        tape = self.recorded.tape
        source = unit_of(channel_origins(tape)[tape.activation(route.source)], channel)
        map_between = channel_origins(tape)[tape.activation(route.between)]
        self._want(*source)
        for one, size in zip(between, sizes, strict=True):
            through = unit_of(map_between, one)
            self._want(*through)
            values = (route.target, unit, channel, *source, *through, size)
            yield dict(zip(THROUGH_COLUMNS, values, strict=True))
