"""Branches side by side in one convolution: groups, and towers that separate groups further on read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from wbsite.graph.channel_origin import SLICES, along_channels
from wbsite.graph.data_flow import Flow
from wbsite.graph.operations import AVERAGES, BATCH_NORMS, MAXIMA, NORMALISATIONS, RECTIFIERS, UNCHANGED
from wbsite.graph.tape import INPUT

from .diagram import source_name
from .groups import JOIN, MORE, SOURCE, Branch, Graph, Group, Member, drawn

_PASSED = RECTIFIERS | UNCHANGED | BATCH_NORMS | NORMALISATIONS | MAXIMA | AVERAGES | {"pad"}
"""What units pass on the way to the groups that read them, besides slices and concatenations."""

Range = tuple[int, int]
"""Units first … last, last not among them."""


@dataclass(frozen=True)
class _Lanes:
    """A convolution whose units fall apart into ranges."""

    value: int
    layer: str
    kind: Literal["groups", "towers"]
    ranges: tuple[Range, ...]


def lanes(flow: Flow) -> Iterator[Group]:
    """Every grouped convolution (2 ≤ groups, not depthwise: fewer groups than input channels), and every other one
    whose units fall apart by the groups that read them.

    Rectifiers, norms, pools and depthwise convolutions lie between a tower's units and their readers; a channel
    shuffle, a fully connected layer or an addition reads everything. Convolutions of one number of lanes that read
    one another (as conv1 … conv5 of AlexNet) share one diagram.
    """
    readers, found = _Readers(flow), []
    for value, layer in flow.convolutions.items():
        module = _conv(flow, value)
        units = module.out_channels
        if 1 < module.groups < module.in_channels:
            step = units // module.groups
            ranges = tuple((low, low + step) for low in range(0, units, step))
            found.append(_Lanes(value, layer, "groups", ranges))
        elif module.groups == 1 and len(ranges := _apart(readers.together(value))) > 1:
            found.append(_Lanes(value, layer, "towers", ranges))
    for chain in _chains(found, readers):
        graph = _graph(flow, chain, readers)
        for one in chain:
            kernel = max(flow.kernel(flow.tape.makers[one.value]) or (1, 1))
            branches = [
                Branch(f"{one.kind[:-1]} {i}", (Member(one.layer, low, high),), kernel, 1)
                for i, (low, high) in enumerate(one.ranges, 1)
            ]
            yield Group(one.layer, one.kind, tuple(branches), graph, flow.places[one.value])


@dataclass(frozen=True)
class _Reading:
    """Group `group` of the convolution that gives `value` reads a range of a layer's units."""

    value: int
    group: int
    units: Range


class _Readers:
    """Who reads which units of the convolutions of a network."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.of: dict[str, list[_Reading]] = {layer: [] for layer in flow.convolutions.values()}
        self.known: dict[int, list[Range]] = {}
        for value in flow.convolutions:
            self._enter(value)

    def _enter(self, value: int) -> None:
        module, at = _conv(self.flow, value), 0
        step = module.in_channels // module.groups
        for span in self.flow.spans[self.flow.tape.makers[value].inputs[0]]:
            for group in range(at // step, -(-(at + span.units) // step)):
                low, high = max(at, group * step), min(at + span.units, (group + 1) * step)
                units = (span.first + low - at, span.first + high - at)
                for name in self.of.keys() & set(span.layers):
                    self.of[name].append(_Reading(value, group, units))
            at += span.units

    def together(self, value: int) -> list[Range]:
        """The ranges of a convolution's units that are read together; [] where something reads them that cannot be
        told."""
        if value not in self.known:
            self.known[value] = self._together(value) if self._all_known(value) else []
        return self.known[value]

    def _all_known(self, value: int) -> bool:
        """Whether only convolutions read the units, after what keeps or cuts channels."""
        flow, waiting, seen = self.flow, [value], {value}
        while waiting:
            at = waiting.pop()
            if any(span.layers == () for span in flow.spans[at]):
                return False
            for call in flow.tape.readers[at]:
                if call.outputs[0] in flow.convolutions:
                    continue
                same = all(
                    flow.is_map(output) and flow.channels(output) == flow.channels(at) for output in call.outputs
                )
                cut = call.operation in SLICES and all(map(flow.is_map, call.outputs))
                if not (along_channels(call) or cut or (call.operation in _PASSED and same)):
                    return False
                waiting += [output for output in call.outputs if output not in seen]
                seen |= set(call.outputs)
        return True

    def _together(self, value: int) -> list[Range]:
        found: list[Range] = []
        for reading in self.of[self.flow.convolutions[value]]:
            module = _conv(self.flow, reading.value)
            if not module.groups == module.in_channels > 1:
                found.append(reading.units)
                continue
            behind, each = self.together(reading.value), module.out_channels // module.groups
            if not behind:
                return []
            first = reading.units[0] - reading.group  # unit of this layer that is the other's first channel
            mine = ((first + low // each, first - (-high // each)) for low, high in behind)
            found += [(low, high) for low, high in mine if low <= reading.units[0] < high]
        return found


def _conv(flow: Flow, value: int) -> nn.Conv2d:
    module = flow.module(flow.convolutions[value])
    assert isinstance(module, nn.Conv2d)
    return module


def _apart(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Ranges that overlap as one."""
    merged: list[Range] = []
    for low, high in sorted(set(ranges)):
        if merged and low < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _chains(found: Sequence[_Lanes], readers: _Readers) -> list[list[_Lanes]]:
    """Convolutions with the same number of lanes that read one another, in execution order."""
    chains: list[list[_Lanes]] = []
    for one in found:
        for chain in chains:
            reads = any(reading.value == one.value for reading in readers.of[chain[-1].layer])
            if reads and len(chain[-1].ranges) == len(one.ranges):
                chain.append(one)
                break
        else:
            chains.append([one])
    return chains


def _graph(flow: Flow, chain: Sequence[_Lanes], readers: _Readers) -> Graph:
    """A column of boxes a lane, with arrows to the lanes that read it."""
    graph, read = Graph(), flow.tape.makers[chain[0].value].inputs[0]
    source = graph.add(source_name(flow, read), SOURCE, flow.channels(read))
    shown, left = drawn(len(chain[0].ranges))
    before: dict[int, int] = {}
    word = "tower" if any(one.kind == "towers" for one in chain) else "group"
    more = source
    for level, one in enumerate(chain):
        kernel, boxes = flow.kernel(flow.tape.makers[one.value]) or (1, 1), dict[int, int]()
        for number in shown:
            low, high = one.ranges[number]
            if left and number == shown[-1]:
                box = graph.add(f"{left} more", MORE, sum(b - a for a, b in one.ranges[shown[-2] + 1 : number]))
                graph.link(more, box)
                more = box
            boxes[number] = graph.add(one.layer, "conv", high - low, f"{word} {number + 1}", kernel)
            if level == 0:
                graph.link(source, boxes[number])
            for reading in readers.of[chain[level - 1].layer] if level else ():
                if reading.value == one.value and (one.kind == "towers" or reading.group == number):
                    for other, box in before.items():
                        a, b = chain[level - 1].ranges[other]
                        if a < reading.units[1] and reading.units[0] < b:
                            graph.link(box, boxes[number])
        before = boxes
    join = graph.add(_reader(flow, chain[-1]), JOIN, flow.channels(chain[-1].value))
    for box in [*before.values(), *([more] if left else [])]:
        graph.link(box, join)
    return graph


def _reader(flow: Flow, one: _Lanes) -> str:
    """The first layer that is made from the last convolution of a chain."""
    fed = ((name, flow.tape.feeding.get(name, INPUT)) for name in flow.layers)
    return next((name for name, given in fed if flow.before[given] >> one.value & 1), "")
