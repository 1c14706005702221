"""What figures show around units that were found: inputs, positions, factors, pairs of families."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from wbsite.core.errors import WbsiteError
from wbsite.ops.expanded.input_map import InputMap
from wbsite.ops.expanded.weight_factors import explained_by_count, weight_factors
from wbsite.ops.tuning.orientation import agreement
from wbsite.results.expanded.examples import (
    Agreement,
    Bottleneck,
    Centre,
    Direction,
    DistantInput,
    FactorInput,
    Family,
    Finding,
    FurtherBack,
    Input,
    LayerPair,
    Positions,
)

from ._rules import Unit
from ._survey import Survey

COUNTS = range(1, 7)
"""Numbers of factors whose explained variance is compared."""

LISTED = 5
"""Units listed of a factor."""


def units_among(inputs: Iterable[Input | FactorInput]) -> list[Unit]:
    """Those channels that are a unit of a layer."""
    return [(channel.layer, channel.unit) for channel in inputs if channel.layer not in ("", "input")]


def strongest(wide: InputMap, kernels: torch.Tensor, count: int) -> tuple[list[Input], NDArray[np.float32]]:
    """The strongest channels of a map for one unit's kernels (C, kh, kw), and their kernels (count, kh, kw)."""
    squares = kernels.double().square().sum((1, 2))
    order = squares.argsort(descending=True, stable=True)[:count].tolist()
    total, names = float(squares.sum()), wide.units
    inputs = [
        Input(channel=i, layer=names[i][0], unit=names[i][1], share=float(squares[i]) / total if total else 0.0)
        for i in order
    ]
    return inputs, kernels[order].numpy()


class Illustrations:
    """Collects what figures show of a network, one part after the other.

    Args:
        survey: of the network.

    Attributes:
        kernels: by the field of the result.
        excitatory, inhibitory: family → (units, kh, kw, factors).
        vectors: direction → (channels,).
        directions: those that want a picture.
        units: those that want one, the most wanted first; with repetitions.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.kernels: dict[str, NDArray[np.floating]] = {}
        self.excitatory: dict[str, NDArray[np.float32]] = {}
        self.inhibitory: dict[str, NDArray[np.float32]] = {}
        self.vectors: dict[str, NDArray[np.float32]] = {}
        self.directions: list[Direction] = []
        self.units: list[Unit] = []

    def centre(self, unit: Unit, inputs: int, further: int) -> Centre:
        """A unit of the later level: its strongest inputs, and, one layer further back, its strongest expanded weights.

        Args:
            inputs: how many are kept.
            further: how many are kept one layer further back.
        """
        layer, channel = unit
        wide = self.survey.wide(layer)
        near, self.kernels["centre_kernels"] = strongest(wide, wide.kernels(layer, [channel])[0], inputs)
        self.units += [unit, *units_among(near)]
        map_before = self._map_before(layer)
        return Centre(inputs=near, further=self._further(map_before, unit, further) if map_before else None)

    def _further(self, wide: InputMap, unit: Unit, count: int) -> FurtherBack:
        layer, channel = unit
        kernels = wide.kernels(layer, [channel])
        factors = weight_factors(kernels, 2)
        inputs, self.kernels["centre_further"] = strongest(wide, kernels[0], count)
        self.units += units_among(inputs)
        size = torch.cat([factors.excitatory, factors.inhibitory]).flatten(0, 2).norm(dim=0)
        carried = factors.inputs * size[:, None]
        return FurtherBack(
            inputs=[
                DistantInput(**item.model_dump(), factor=int(carried[:, item.channel].argmax())) for item in inputs
            ],
            share=sum(item.share for item in inputs),
            channels=wide.channels,
            colour=self._property_means(wide, "colour", factors.shares),
            explained=factors.explained,
        )

    def _property_means(self, wide: InputMap, prop: str, shares: torch.Tensor) -> list[float | None]:
        """How colourful, or how fine, what each factor (n, channels) of a map reads is, in [−1, 1].

        The mean over its channels, by share, of the cosine of their expanded weights to the first filters with that
        property of theirs; of a first filter, its own in place of it. Over the channels that are one unit; None
        without.
        """
        survey, names = self.survey, wide.units
        cosines, known = torch.zeros(wide.channels).double(), torch.zeros(wide.channels).double()
        direction = survey.filters.directions()[prop]
        for layer in {layer for layer, _ in names} - {"", "input"}:
            try:
                of_layer = direction if layer == survey.first else survey.read(layer).along(direction)[:, 0]
            except WbsiteError:  # a branch beside the way from the first filters
                continue
            for channel, (name, unit) in enumerate(names):
                if name == layer:
                    cosines[channel], known[channel] = of_layer[unit], 1
        weight = shares.double() * known
        return [float(row @ cosines / row.sum()) if row.sum() > 0 else None for row in weight]

    def _map_before(self, layer: str) -> InputMap | None:
        """The wide map that the first of the earlier layers on the way to this one reads; None without such layers."""
        tape = self.survey.wires.tape
        for before in self.survey.early:
            if tape.path(tape.value(before.name), tape.value(layer)):
                return self.survey.wide(before.name)
        return None

    def positions(self, unit: Unit, inputs: int, most: int) -> Positions:
        """For each position of a unit's kernel, the direction over its inputs.

        Args:
            inputs: how many are kept.
            most: positions that are kept, the strongest.
        """
        layer, channel = unit
        wide = self.survey.wide(layer)
        kernel = wide.kernels(layer, [channel])[0]
        norms = kernel.norm(dim=0)
        order = norms.flatten().argsort(descending=True, stable=True)[:most].tolist()
        for position in sorted(order):
            y, x = divmod(position, norms.shape[1])
            self._want_direction(f"position-{y}-{x}", wide, kernel[:, y, x])
        near, self.kernels["position_kernels"] = strongest(wide, kernel, inputs)
        self.kernels["position_norms"] = norms.numpy()
        self.units += [unit, *units_among(near)]
        return Positions(inputs=near, bottleneck=list(wide.bottleneck), channels=wide.channels)

    def _want_direction(self, name: str, wide: InputMap, vector: torch.Tensor) -> None:
        self.vectors[name] = vector.float().numpy()
        self.directions.append(Direction(name=name, place=wide.layer, side=wide.side))

    def bottleneck(self, unit: Unit, count: int) -> Bottleneck:
        """A unit's strongest kernels over its bottleneck, and over the wide map before that."""
        layer, channel = unit
        wires = self.survey.wires
        narrow, wide = InputMap(wires, wires.tape.feeds(layer), layer, "input", ()), self.survey.wide(layer)
        direct, self.kernels["bottleneck_direct"] = strongest(narrow, narrow.kernels(layer, [channel])[0], count)
        across, self.kernels["bottleneck_across"] = strongest(wide, wide.kernels(layer, [channel])[0], count)
        self.units += [unit, *units_among(direct), *units_among(across)]
        return Bottleneck(
            layers=list(wide.bottleneck), channels=narrow.channels, wide=wide.channels, direct=direct, across=across
        )

    def family(self, name: str, prop: str, members: Sequence[Unit], count: int, groups: int) -> Family:
        """Factors of a family of one layer over the wide map before it, against random groups of units of the layer.

        Args:
            name: of the rule that found it.
            prop: property of the first filters that the rule is on.
            count: factors.
            groups: random groups.
        """
        layer, channels = members[0][0], [channel for _, channel in members]
        wide = self.survey.wide(layer)
        kernels = wide.kernels(layer)
        factors = weight_factors(kernels[channels], count)
        rng = np.random.default_rng(0)
        drawn = [sorted(rng.choice(len(kernels), len(channels), replace=False).tolist()) for _ in range(groups)]
        listed: list[list[FactorInput]] = []
        for i, shares in enumerate(factors.shares):
            order = shares.argsort(descending=True, stable=True)[:LISTED].tolist()
            inputs = [FactorInput(layer=wide.units[c][0], unit=wide.units[c][1], share=float(shares[c])) for c in order]
            listed.append([item for item in inputs if item.share > 0])
            self._want_direction(f"{name}-factor-{i}", wide, factors.inputs[i])
        self.excitatory[name], self.inhibitory[name] = factors.excitatory.numpy(), factors.inhibitory.numpy()
        self.units += [
            *members,
            *(unit for i in range(LISTED) for row in listed for unit in units_among(row[i : i + 1])),
        ]
        return Family(
            layer=layer,
            channels=channels,
            inputs=wide.channels,
            explained=factors.explained,
            units=listed,
            property=prop,
            property_means=self._property_means(wide, prop, factors.shares),
            by_count=list(explained_by_count(kernels[channels], COUNTS).values()),
            by_count_random=[list(explained_by_count(kernels[group], COUNTS).values()) for group in drawn],
        )

    def pair(self, layer: str) -> LayerPair:
        """All kernels between a layer and the wide map before it."""
        wide = self.survey.wide(layer)
        self.kernels["pair_kernels"] = wide.kernels(layer).half().numpy()
        return LayerPair(target=layer, bottleneck=list(wide.bottleneck), sources=wide.units)

    def agreement(self, targets: Finding, sources: Finding, shuffles: int = 1000) -> Agreement:
        """Whether lines excite those of their own orientation: `agreement` of two families of the same pair of layers.

        The null is its 95th percentile with the sources' angles in random order.
        """
        layer = targets.first.layer
        wide = self.survey.wide(layer)
        columns = [wide.units.index((unit.layer, unit.channel)) for unit in sources.units]
        kernels = wide.kernels(layer, [unit.channel for unit in targets.units])
        net = kernels[:, columns].sum((2, 3))
        target_lines = torch.tensor([unit.angle for unit in targets.units])
        source_lines = torch.tensor([unit.angle for unit in sources.units])
        generator = torch.Generator().manual_seed(0)
        chance = [
            agreement(net, target_lines, source_lines[torch.randperm(len(source_lines), generator=generator)])
            for _ in range(shuffles)
        ]
        return Agreement(
            correlation=agreement(net, target_lines, source_lines), null=float(torch.tensor(chance).quantile(0.95))
        )
