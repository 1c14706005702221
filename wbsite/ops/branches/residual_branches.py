"""Branches whose maps are added: the blocks of a residual stage, as far as they have units of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wbsite.graph.operations import BATCH_NORMS, RECTIFIERS, SUMS, UNCHANGED
from wbsite.graph.tape import INPUT, Call
from wbsite.graph.value_graph import DataFlow, shared_name

from .diagram import Boxes, place_name
from .groups import JOIN, Branch, Graph, Group, Member, drawn_branches

_MIXED = frozenset({"linear", "matmul", "mm", "bmm", "addmm", "einsum"})
"""What is rectified after these are their units, and not those of a convolution before them."""

_SAME_STREAM = RECTIFIERS | UNCHANGED | BATCH_NORMS


@dataclass(frozen=True)
class _Sum:
    """A sum of maps: the call that completes it, and what is added."""

    call: Call
    terms: tuple[int, ...]

    @property
    def value(self) -> int:
        return self.call.outputs[0]


def residual_branches(flow: DataFlow, passed: list[str]) -> Iterator[Group]:
    """Stages of two or more blocks that add to one stream.

    A stage is a chain of sums each of which adds to what the one before it gave, perhaps normed and rectified, but
    not convolved; sums that are only added up further are one. A sum has no units of its own, so a block's units are
    those of the last rectified convolution on its path (He et al. 2016: the second of a bottleneck, the first of a
    basic block).

    Args:
        passed: gets the names of places with a sum of paths none of which has a rectified convolution.
    """
    stages = _stages(flow)
    for stage in stages:
        name = _name(flow, stage, stages)
        blocks: list[tuple[int, int, Branch]] = []
        for number, addition in enumerate(stage, 1):
            paths = [(term, members) for term in addition.terms if (members := _rectified(flow, addition, term))]
            for path, (term, members) in enumerate(paths, 1):
                block = f"block {number}" + (f" path {path}" if len(paths) > 1 else "")
                windows = list(flow.kernels(flow.path(term, {flow.dominator(addition.value)})))
                depth = sum(call.outputs[0] in flow.convolutions for call, _ in windows)
                kernel = max((max(size) for _, size in windows), default=1)
                blocks.append((number - 1, term, Branch(block, members, kernel, depth)))
        if len(blocks) > 1:
            yield _group(flow, name, stage, blocks)
        elif not blocks:
            passed.append(name)


def _sums(flow: DataFlow) -> Iterator[_Sum]:
    """Sums of two and more maps of one shape, those that are only added up further left out."""
    adds = {
        call.outputs[0]: call
        for call in flow.tape.calls
        if call.operation in SUMS
        and len(set(call.inputs)) > 1
        and flow.is_map(call.outputs[0])
        and all(flow.tape.shapes[value] == flow.tape.shapes[call.outputs[0]] for value in call.inputs)
    }

    def terms(call: Call) -> Iterator[int]:
        for value in dict.fromkeys(call.inputs):
            if value in adds and len(flow.tape.readers[value]) == 1:
                yield from terms(adds[value])
            else:
                yield value

    for value, call in adds.items():
        readers = flow.tape.readers[value]
        if not (len(readers) == 1 and readers[0].outputs[0] in adds):
            yield _Sum(call, tuple(terms(call)))


def _stages(flow: DataFlow) -> list[list[_Sum]]:
    """Sums that add to one stream, in execution order."""
    stages: list[list[_Sum]] = []
    ends: dict[int, list[_Sum]] = {}
    for addition in _sums(flow):
        before = next((stream for term in addition.terms if (stream := _stream(flow, term)) in ends), None)
        stage = [] if before is None else ends.pop(before)
        if not stage:
            stages.append(stage)
        stage.append(addition)
        ends[addition.value] = stage
    return stages


def _stream(flow: DataFlow, value: int) -> int:
    """What a value was before it was normed and rectified."""
    while value != INPUT and flow.tape.makers[value].operation in _SAME_STREAM | SUMS:
        call = flow.tape.makers[value]
        if len(set(call.inputs)) > 1:
            break
        value = call.inputs[0]
    return value


def _rectified(flow: DataFlow, addition: _Sum, term: int) -> tuple[Member, ...]:
    """The last rectified convolutions on the way from the sum's source to a term."""
    source, convolutions = flow.dominator(addition.value), set()
    waiting, seen = [(term, False)], set()
    while waiting:
        value, rectified = waiting.pop()
        if value in (source, INPUT) or (value, rectified) in seen:
            continue
        seen.add((value, rectified))
        call = flow.tape.makers[value]
        if value in flow.convolutions:
            if rectified:
                convolutions.add(value)
                continue
            rectified = False
        rectified = (rectified and call.operation not in _MIXED) or call.operation in RECTIFIERS
        inputs = call.inputs[:1] if value in flow.convolutions else flow.inputs(call)
        waiting += [(read, rectified) for read in inputs]
    return tuple(Member(flow.convolutions[value], 0, flow.channels(value)) for value in sorted(convolutions))


def _name(flow: DataFlow, stage: Sequence[_Sum], stages: Sequence[Sequence[_Sum]]) -> str:
    """The module that holds the blocks of this stage and no others, else the first and last block."""
    blocks = [_block(flow, addition) for addition in stage]
    shared = shared_name(blocks)
    outside = [_block(flow, addition) for other in stages if other is not stage for addition in other]
    if shared and not any(name == shared or name.startswith(f"{shared}.") for name in outside):
        return shared
    return f"{blocks[0]} to {blocks[-1]}" if len(blocks) > 1 else blocks[0]


def _block(flow: DataFlow, addition: _Sum) -> str:
    calls = flow.path(addition.value, {flow.dominator(addition.value)})
    outputs = [value for call in calls for value in call.outputs]
    layers = [flow.convolutions[value] for value in outputs if value in flow.convolutions]
    return place_name(flow, addition.call, layers)


def _group(flow: DataFlow, name: str, stage: Sequence[_Sum], blocks: Sequence[tuple[int, int, Branch]]) -> Group:
    """The stage with a diagram of its blocks, each from the sum before it to its own."""
    branches = tuple(branch for _, _, branch in blocks)
    graph, (drawn, omitted) = Graph(), drawn_branches(len(stage))
    boxes = Boxes(flow, graph, flow.dominator(stage[0].value))
    for number in drawn:
        if omitted and number == drawn[-1]:
            boxes.omitted([skipped.value for skipped in stage[drawn[-2] + 1 : number]], stage[drawn[-2]].value)
        addition, names = stage[number], {term: branch.name for block, term, branch in blocks if block == number}
        for term in addition.terms:
            for call, kernel in flow.kernels(flow.path(term, {flow.dominator(addition.value)})):
                boxes.window(call, kernel, names.get(term, ""))
        join = graph.add("+", JOIN, flow.channels(addition.value))
        for term in addition.terms:
            boxes.link(term, join)
        boxes.by_value[addition.value] = join
    return Group(name, "residual", branches, graph, flow.order[stage[0].value])
