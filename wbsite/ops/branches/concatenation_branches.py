"""Branches whose maps are concatenated: the paths into a concatenation, and dense blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wbsite.graph.channel_origin import ChannelOrigin, concatenates_channels
from wbsite.graph.tape import INPUT_NAME, Call
from wbsite.graph.value_graph import DataFlow

from .diagram import Boxes, place_name
from .groups import JOIN, Branch, Graph, Group, Member, drawn_branches


def concatenation_branches(flow: DataFlow, passed: list[str]) -> Iterator[Group]:
    """Every concatenation along channels of two or more parts that are units of known convolutions.

    A concatenation inside another is a group of its own and a part of the outer one's branch. Where a part is made
    from another part (as in DenseNet's blocks, however they are written), the kind is "dense" and the group is the
    largest of the growing concatenations.

    Args:
        passed: gets the names of places where parts cannot be followed to convolutions.
    """
    calls = [call for call in flow.tape.calls if concatenates_channels(call)]
    parts: dict[int, tuple[int, ...]] = {}
    for call in calls:
        parts[call.outputs[0]] = _parts(flow, call, parts)
    for call in calls:
        value = call.outputs[0]
        members = set(parts[value])
        if any(end > value and _grows(flow, value, members, other) for end, other in parts.items()):
            continue
        branches = list(_branches(flow, value, parts[value]))
        if len(branches) > 1:
            yield _group(flow, call, parts[value], branches)
        elif len(members) > 1 and any(flow.upstream[value] >> convolution & 1 for convolution in flow.convolutions):
            passed.append(place_name(flow, call, ()))


def _parts(flow: DataFlow, call: Call, known: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """What is concatenated, once each; of a concatenation that another part is made from, its parts."""
    parts: list[int] = []
    for part in dict.fromkeys(call.inputs):
        grows = part in known and any(flow.depends(other, part) for other in call.inputs)
        parts += known[part] if grows else [part]
    return tuple(dict.fromkeys(parts))


def _grows(flow: DataFlow, value: int, parts: set[int], later: Sequence[int]) -> bool:
    """Whether a later concatenation holds all parts of this one, and nothing else or what is made from it."""
    return parts <= set(later) and (parts == set(later) or any(flow.depends(part, value) for part in later))


def _branches(flow: DataFlow, value: int, parts: Sequence[int]) -> Iterator[tuple[int, Branch]]:
    """The parts that are units of known convolutions, and of none that an earlier part gives."""
    source = flow.dominator(value)
    taken: set[Member] = set()
    names = _names(flow, source, parts)
    for part, name in zip(parts, names, strict=True):
        members = members_of(flow.origins[part])
        if not members or set(members) <= taken:
            continue
        taken |= set(members)
        windows = list(flow.kernels(_own_path(flow, source, part, parts)))
        depth = sum(call.outputs[0] in flow.convolutions for call, _ in windows)
        yield part, Branch(name, members, max((max(size) for _, size in windows), default=1), depth)


def members_of(origins: Sequence[ChannelOrigin]) -> tuple[Member, ...]:
    """Runs of channels as units of one convolution each; () where some are not."""
    if any(len(origin.layers) != 1 or origin.layers == (INPUT_NAME,) for origin in origins):
        return ()
    return tuple(Member(origin.layers[0], origin.first, origin.first + origin.units) for origin in origins)


def _own_path(flow: DataFlow, source: int, part: int, parts: Sequence[int]) -> list[Call]:
    """The calls of a part's own path: from the source or from other parts."""
    return flow.path(part, {source, *parts} - {part}) if part != source else []


def _names(flow: DataFlow, source: int, parts: Sequence[int]) -> list[str]:
    """Names of the branches, each once."""
    names = []
    for part in parts:
        windows = [call for call, _ in flow.kernels(_own_path(flow, source, part, parts))]
        layers = [flow.convolutions[call.outputs[0]] for call in windows if call.outputs[0] in flow.convolutions]
        name = flow.common_name(layers) or (layers[-1] if layers else "")
        names.append(name or ("pool" if windows else "input"))
    return [name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}" for i, name in enumerate(names)]


def _group(flow: DataFlow, call: Call, parts: Sequence[int], made: Sequence[tuple[int, Branch]]) -> Group:
    """The group of the branches that make these parts."""
    value, branches = call.outputs[0], tuple(branch for _, branch in made)
    name = place_name(flow, call, [member.layer for branch in branches for member in branch.members])
    dense = any(flow.depends(a, b) for a in parts for b in parts)
    graph, source = Graph(), flow.dominator(value)
    boxes, (drawn, omitted) = Boxes(flow, graph, source), drawn_branches(len(made))
    for number in drawn:
        part, branch = made[number]
        if omitted and number == drawn[-1]:
            last = drawn[-2]
            boxes.omitted([other for other, _ in made[last + 1 : number]], made[last][0] if dense else source)
        for window, kernel in flow.kernels(_own_path(flow, source, part, parts)):
            boxes.window(window, kernel, branch.name)
    join = graph.add("", JOIN, flow.channels(value))
    for part, _ in made:
        boxes.link(part, join)
    return Group(name, "dense" if dense else "concat", branches, graph, flow.order[value])
