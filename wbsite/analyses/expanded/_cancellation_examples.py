"""What figures show of a unit whose paths cancel: its sources, the kernels of both signs, the units between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wbsite.graph.channel_origin import channel_origins, unit_of
from wbsite.graph.dominators import Route
from wbsite.graph.linear import LinearForm
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.cancellation import RouteCancellation, compose
from wbsite.ops.expanded.weights import Path, expanded_weights

SOURCES, THROUGH = 3, 3
"""Of a unit: sources of which most is hidden, and for each the units between with the largest contribution."""

KINDS = ("positive", "negative", "net", "contributions")


class CancellationExamples:
    """Collects the kernels and rows of example units, one unit after the other.

    Attributes:
        kernels: kind → number of the example → positive, negative, net (sources, kh, kw); contributions (sources,
            between, kh, kw).
        sources: rows, one an example and channel of its source: sums over paths; whether it is a strong one.
        through: rows, one an example, hidden source and unit between, in the order of the contributions.
        wanted: layer → channels that want a picture.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.kernels: dict[str, dict[str, NDArray[np.float32]]] = {kind: {} for kind in KINDS}
        self.sources: list[dict[str, Any]] = []
        self.through: list[dict[str, Any]] = []
        self.wanted: dict[str, list[int]] = {}

    def add(self, cancellation: RouteCancellation, unit: int) -> None:
        """One unit of the route's target, with the sources of which most is hidden."""
        route, pairs = cancellation.route, cancellation.pairs
        lost = pairs.strength[unit].square() - pairs.net[unit].square()
        hidden = pairs.channel[unit, lost.argsort(descending=True, stable=True)[:SOURCES]].tolist()
        self._want(route.target, unit)
        self.sources += self._source_rows(cancellation, unit)
        kernels: dict[str, list[torch.Tensor]] = {kind: [] for kind in KINDS}
        for channel, contributions in zip(hidden, self._contributions(route, unit, hidden), strict=True):
            sizes = contributions.flatten(1).norm(dim=1)
            largest = sizes.argsort(descending=True, stable=True)[:THROUGH]
            kernels["positive"].append(contributions.clamp_min(0).sum(0))
            kernels["negative"].append(contributions.clamp_max(0).sum(0))
            kernels["net"].append(contributions.sum(0))
            kernels["contributions"].append(contributions[largest])
            self.through += self._through_rows(route, unit, channel, largest.tolist(), sizes[largest].tolist())
        number = str(len(self.kernels["net"]))
        for kind, parts in kernels.items():
            self.kernels[kind][number] = torch.stack(parts).cpu().numpy()

    def _want(self, layer: str, unit: int) -> None:
        if layer and layer != "input" and unit not in self.wanted.setdefault(layer, []):
            self.wanted[layer].append(unit)

    def _source_rows(self, cancellation: RouteCancellation, unit: int) -> Iterator[dict[str, Any]]:
        origin = channel_origins(self.recorded.tape)[self.recorded.tape.activation(cancellation.route.source)]
        strong = set(cancellation.pairs.channel[unit].tolist())
        sums = [part[unit].tolist() for part in (cancellation.positive, cancellation.negative, cancellation.net)]
        for channel, (positive, negative, net) in enumerate(zip(*sums, strict=True)):
            source_layer, source_unit = unit_of(origin, channel)
            yield {
                "layer": cancellation.route.target,
                "unit": unit,
                "channel": channel,
                "source_layer": source_layer,
                "source_unit": source_unit,
                "positive": positive,
                "negative": negative,
                "net": net,
                "strong": channel in strong,
            }

    def _contributions(self, route: Route, unit: int, channels: Sequence[int]) -> Iterator[torch.Tensor]:
        """C_m of each source channel, (M, kh, kw)."""
        first = Path.between(self.recorded, route.source, route.between)
        assert first.receptive_field is not None
        kernels = first.gradients(first.units(None), LinearForm(self.recorded.tape.shapes))
        into = expanded_weights(self.recorded, route.between, route.target, [unit])[0]
        height, width = first.receptive_field
        for channel in channels:
            yield compose(into, kernels[:, channel], (height.stride, width.stride))

    def _through_rows(
        self, route: Route, unit: int, channel: int, between: Sequence[int], sizes: Sequence[float]
    ) -> Iterator[dict[str, Any]]:
        tape = self.recorded.tape
        source_layer, source_unit = unit_of(channel_origins(tape)[tape.activation(route.source)], channel)
        origin = channel_origins(tape)[tape.activation(route.between)]
        self._want(source_layer, source_unit)
        for middle, size in zip(between, sizes, strict=True):
            between_layer, between_unit = unit_of(origin, middle)
            self._want(between_layer, between_unit)
            yield {
                "layer": route.target,
                "unit": unit,
                "channel": channel,
                "source_layer": source_layer,
                "source_unit": source_unit,
                "between_layer": between_layer,
                "between_unit": between_unit,
                "size": size,
            }
