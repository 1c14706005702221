"""Where a network is one map wide: the maps that everything a layer sees has to pass.

A layer's inputs are understood step by step from one such map to the one before it. Bottlenecks are passed over:
1×1 convolutions that squeeze a wide map for the sake of speed, whose units say little by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .channel_origin import channel_origins
from .operations import JOINS, RECTIFIERS, SUMS
from .recording import Recorded
from .tape import INPUT, Tape


@dataclass(frozen=True)
class Route:
    """Two steps that lead to a layer: from `source` to `between`, all through it, to `target`. Names of modules."""

    source: str
    between: str
    target: str


def immediate_dominators(tape: Tape) -> dict[int, int]:
    """Value → the nearest value that every path from the picture to it passes; the picture has itself."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_node(INPUT)
    graph.add_edges_from((value, output) for call in tape.calls for value in call.inputs for output in call.outputs)
    return {**nx.immediate_dominators(graph, INPUT), INPUT: INPUT}


def routes(recorded: Recorded, targets: Sequence[str], layers: Collection[str]) -> dict[str, Route]:
    """Convolution → the two nearest wide maps before it that all paths from the picture to it pass.

    At least one convolution lies on each step. A map counts if its channels are units of known layers, rectified or
    not: a layer's, a block's (branches side by side) or a residual stream's; bottlenecks and what a pool or a
    normalisation gives back do not, nor does the picture. For `mixed3b_5x5` of InceptionV1: mixed3a and conv2d2.
    Convolutions before which there are no two such maps are absent, and those that no recorded calls lead to.

    Args:
        targets: names of convolutions.
        layers: names of the network's convolutions and fully connected layers.
    """
    names, dominators = _map_names(recorded.tape, layers), immediate_dominators(recorded.tape)
    maps = {
        target: _wide_maps(recorded, target, names, dominators) for target in targets if target in recorded.tape.outputs
    }
    return {target: Route(wide[1], wide[0], target) for target, wide in maps.items() if len(wide) == 2}


def _wide_maps(recorded: Recorded, target: str, names: Mapping[int, str], dominators: Mapping[int, int]) -> list[str]:
    """The nearest and the second nearest map, as far as there are."""
    maps: list[str] = []
    last = 0
    for value, convolutions in _dominators_of(recorded.tape, recorded.tape.pre_activation(target), dominators):
        if value in names and convolutions > last and not _squeezes(recorded.tape, names[value]):
            maps.append(names[value])
            last = convolutions
        if len(maps) == 2:
            break
    return maps


def _dominators_of(tape: Tape, end: int, dominators: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Values that every path to `end` passes, the latest first, each with the number of convolutions after it."""
    waiting = [call for call in tape.path(INPUT, end) if call.operation == "conv2d"]
    convolutions, value = 0, dominators[end]
    while value != INPUT:
        while waiting and waiting[-1].outputs[0] > value:  # values are numbered in the order in which they are made
            waiting.pop()
            convolutions += 1
        yield value, convolutions
        value = dominators[value]


def _map_names(tape: Tape, layers: Collection[str]) -> dict[int, str]:
    """Map → the module whose activation it is: a layer, else the one with the shortest name."""
    origins = channel_origins(tape)
    names: dict[int, str] = {}
    for name in sorted(filter(None, tape.outputs), key=lambda name: (name not in layers, len(name), name)):
        value = tape.activation(name)
        if value in names or value not in tape.makers or len(tape.shapes[value]) != 4:
            continue
        call = tape.makers[value]
        if call.operation in RECTIFIERS and name not in layers:
            call = tape.makers.get(call.inputs[0], call)
        if (name in layers or call.operation in JOINS | SUMS) and all(origin.layers for origin in origins[value]):
            names[value] = name
    return names


def _squeezes(tape: Tape, name: str) -> bool:
    kernel = tape.kernels.get(name)
    return kernel is not None and kernel.squeezes
