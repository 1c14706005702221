"""Branches side by side in one convolution: groups, and towers that separate groups further on read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from wbsite.graph.channel_origin import SLICES, concatenates_channels
from wbsite.graph.kernels import Kernel
from wbsite.graph.operations import AVERAGES, BATCH_NORMS, MAXIMA, NORMALISATIONS, RECTIFIERS, UNCHANGED
from wbsite.graph.tape import INPUT, Call
from wbsite.graph.value_graph import DataFlow

from .diagram import source_name
from .groups import JOIN, MORE, SOURCE, Branch, Graph, Group, Member, drawn_branches

_PASSED = RECTIFIERS | UNCHANGED | BATCH_NORMS | NORMALISATIONS | MAXIMA | AVERAGES | {"pad"}
"""What units pass on the way to the groups that read them, besides slices and concatenations."""

Range = tuple[int, int]
"""Units first … last, last not among them."""


@dataclass(frozen=True)
class _Division:
    """A convolution whose units fall apart into ranges."""

    value: int
    layer: str
    kind: Literal["groups", "towers"]
    ranges: tuple[Range, ...]


def channel_groups(flow: DataFlow) -> Iterator[Group]:
    """Every grouped convolution (2 ≤ groups, not depthwise: fewer groups than input channels), and every other one
    whose units fall apart by the groups that read them.

    Rectifiers, norms, pools and depthwise convolutions lie between a tower's units and their readers; a channel
    shuffle, a fully connected layer or an addition reads everything. Convolutions with as many ranges that read one
    another (as conv1 … conv5 of AlexNet) share one diagram.
    """
    readers, divisions = _Readers(flow), []
    for value, layer in flow.convolutions.items():
        kernel = _kernel(flow, value)
        units = kernel.out_channels
        if 1 < kernel.groups < kernel.in_channels:
            step = units // kernel.groups
            ranges = tuple((low, low + step) for low in range(0, units, step))
            divisions.append(_Division(value, layer, "groups", ranges))
        elif kernel.groups == 1 and len(ranges := _merged(readers.together(value))) > 1:
            divisions.append(_Division(value, layer, "towers", ranges))
    for chain in _chains(divisions, readers):
        graph = _graph(flow, chain, readers)
        for division in chain:
            size = max(flow.kernel(flow.tape.makers[division.value]) or (1, 1))
            branches = [
                Branch(f"{division.kind[:-1]} {i}", (Member(division.layer, low, high),), size, 1)
                for i, (low, high) in enumerate(division.ranges, 1)
            ]
            yield Group(division.layer, division.kind, tuple(branches), graph, flow.order[division.value])


@dataclass(frozen=True)
class _Reader:
    """Group `group` of the convolution that gives `value` reads a range of a layer's units."""

    value: int
    group: int
    units: Range


class _Readers:
    """Who reads which units of the convolutions of a network."""

    def __init__(self, flow: DataFlow) -> None:
        self.flow = flow
        self.by_layer: dict[str, list[_Reader]] = {layer: [] for layer in flow.convolutions.values()}
        self.ranges: dict[int, list[Range]] = {}
        for value in flow.convolutions:
            self._enter(value)

    def _enter(self, value: int) -> None:
        kernel, start = _kernel(self.flow, value), 0
        step = kernel.in_channels // kernel.groups
        for origin in self.flow.origins[self.flow.tape.makers[value].inputs[0]]:
            end = start + origin.units
            for group in range(start // step, -(-end // step)):
                low, high = max(start, group * step), min(end, (group + 1) * step)
                units = (origin.first + low - start, origin.first + high - start)
                for name in self.by_layer.keys() & set(origin.layers):
                    self.by_layer[name].append(_Reader(value, group, units))
            start = end

    def together(self, value: int) -> list[Range]:
        """The ranges of a convolution's units that are read together; [] where something reads them of which that
        is not known."""
        if value not in self.ranges:
            self.ranges[value] = self._together(value) if self._all_known(value) else []
        return self.ranges[value]

    def _all_known(self, value: int) -> bool:
        """Whether only convolutions read the units, after what keeps or cuts channels."""
        flow, waiting, seen = self.flow, [value], {value}
        while waiting:
            value = waiting.pop()
            if any(origin.layers == () for origin in flow.origins[value]):
                return False
            for call in flow.tape.readers[value]:
                if call.outputs[0] in flow.convolutions:
                    continue
                if not self._keeps_units(call, flow.channels(value)):
                    return False
                waiting += [output for output in call.outputs if output not in seen]
                seen |= set(call.outputs)
        return True

    def _keeps_units(self, call: Call, channels: int) -> bool:
        """Whether a call keeps, slices or concatenates units of maps with so many channels."""
        flow = self.flow
        if concatenates_channels(call):
            return True
        if not all(map(flow.is_map, call.outputs)):
            return False
        same = all(flow.channels(output) == channels for output in call.outputs)
        return call.operation in SLICES or (call.operation in _PASSED and same)

    def _together(self, value: int) -> list[Range]:
        together: list[Range] = []
        for reader in self.by_layer[self.flow.convolutions[value]]:
            kernel = _kernel(self.flow, reader.value)
            if not kernel.groups == kernel.in_channels > 1:
                together.append(reader.units)
                continue
            ranges, multiplier = self.together(reader.value), kernel.out_channels // kernel.groups
            if not ranges:
                return []
            first = reader.units[0] - reader.group  # unit of this layer that is the depthwise one's first channel
            read = ((first + low // multiplier, first - (-high // multiplier)) for low, high in ranges)
            together += [(low, high) for low, high in read if low <= reader.units[0] < high]
        return together


def _kernel(flow: DataFlow, value: int) -> Kernel:
    return flow.tape.kernels[flow.convolutions[value]]


def _merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Ranges that overlap as one."""
    merged: list[Range] = []
    for low, high in sorted(set(ranges)):
        if merged and low < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _chains(divisions: Sequence[_Division], readers: _Readers) -> list[list[_Division]]:
    """Convolutions with as many ranges that read one another, in execution order."""
    chains: list[list[_Division]] = []
    for division in divisions:
        for chain in chains:
            reads = any(reader.value == division.value for reader in readers.by_layer[chain[-1].layer])
            if reads and len(chain[-1].ranges) == len(division.ranges):
                chain.append(division)
                break
        else:
            chains.append([division])
    return chains


def _graph(flow: DataFlow, chain: Sequence[_Division], readers: _Readers) -> Graph:
    """A column of boxes for each range, with arrows to the ranges that read it."""
    graph, source = Graph(), flow.tape.makers[chain[0].value].inputs[0]
    source_box = graph.add(source_name(flow, source), SOURCE, flow.channels(source))
    drawn, omitted = drawn_branches(len(chain[0].ranges))
    previous: dict[int, int] = {}
    word = "tower" if any(division.kind == "towers" for division in chain) else "group"
    more = source_box
    for level, division in enumerate(chain):
        kernel, boxes = flow.kernel(flow.tape.makers[division.value]) or (1, 1), dict[int, int]()
        for number in drawn:
            low, high = division.ranges[number]
            if omitted and number == drawn[-1]:
                units = sum(last - first for first, last in division.ranges[drawn[-2] + 1 : number])
                box = graph.add(f"{omitted} more", MORE, units)
                graph.link(more, box)
                more = box
            boxes[number] = graph.add(division.layer, "conv", high - low, f"{word} {number + 1}", kernel)
            if level == 0:
                graph.link(source_box, boxes[number])
            for reader in readers.by_layer[chain[level - 1].layer] if level else ():
                if reader.value == division.value and (division.kind == "towers" or reader.group == number):
                    for other, box in previous.items():
                        first, last = chain[level - 1].ranges[other]
                        if first < reader.units[1] and reader.units[0] < last:
                            graph.link(box, boxes[number])
        previous = boxes
    join = graph.add(_reader_name(flow, chain[-1]), JOIN, flow.channels(chain[-1].value))
    for box in [*previous.values(), *([more] if omitted else [])]:
        graph.link(box, join)
    return graph


def _reader_name(flow: DataFlow, division: _Division) -> str:
    """The first layer that is made from the last convolution of a chain."""
    fed = ((name, flow.tape.feeding.get(name, INPUT)) for name in flow.layers)
    return next((name for name, value in fed if flow.upstream[value] >> division.value & 1), "")
