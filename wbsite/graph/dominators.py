"""Where a network is one map wide: the maps that everything a layer sees has to pass.

A layer's inputs are understood step by step from one such map to the one before it. Bottlenecks are passed over:
1×1 convolutions that squeeze a wide map for the sake of speed, whose units say little by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from .channel_origin import spans
from .operations import JOINS, RECTIFIERS, SUMS
from .recording import Recorded
from .tape import INPUT, Call, Tape

_CONVOLUTION = "conv2d"


@dataclass(frozen=True)
class Route:
    """Two steps that lead to a layer: from `source` to `between`, all through it, to `target`. Names of modules."""

    source: str
    between: str
    target: str


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
    names = _names(recorded.tape, layers)
    found = {target: _wide(recorded, target, names) for target in targets if target in recorded.tape.outputs}
    return {target: Route(maps[1], maps[0], target) for target, maps in found.items() if len(maps) == 2}


def _wide(recorded: Recorded, target: str, names: Mapping[int, str]) -> list[str]:
    """The nearest and the second nearest map, as far as there are."""
    end = recorded.tape.pre_activation(target)
    found: list[str] = []
    after = 0
    for value, convolutions in _cuts(recorded.tape.path(INPUT, end), end):
        if value in names and convolutions > after and not _squeezed(recorded.module, names[value]):
            found.append(names[value])
            after = convolutions
        if len(found) == 2:
            break
    return found


def _cuts(calls: tuple[Call, ...], end: int) -> list[tuple[int, int]]:
    """Values that every path to `end` passes, the latest first, each with the number of convolutions after it."""
    made = {value: i for i, call in enumerate(calls) for value in call.outputs}
    spanned = [0] * (len(calls) + 1)  # edges over each place: those that begin before it and end after it
    for i, call in enumerate(calls):
        for value in call.inputs:
            first = made.get(value, -1) + 1
            for place in range(first, i):
                spanned[place] += 1
    found, convolutions = [], 0
    for i in range(len(calls) - 1, -1, -1):
        (value,) = calls[i].outputs if len(calls[i].outputs) == 1 else (end,)
        if value != end and not spanned[i]:
            found.append((value, convolutions))
        convolutions += calls[i].operation == _CONVOLUTION
    return found


def _names(tape: Tape, layers: Collection[str]) -> dict[int, str]:
    """Map → the module whose activation it is: a layer, else the one with the shortest name."""
    maker = {value: call for call in tape.calls for value in call.outputs}
    found: dict[int, str] = {}
    for name in sorted(filter(None, tape.outputs), key=lambda name: (name not in layers, len(name), name)):
        value = tape.activation(name)
        if value in found or value not in maker or len(tape.shapes[value]) != 4:
            continue
        call = maker[value]
        if call.operation in RECTIFIERS and name not in layers:
            call = maker.get(call.inputs[0], call)
        if (name in layers or call.operation in JOINS | SUMS) and all(span.layers for span in spans(tape, value)):
            found[value] = name
    return found


def _squeezed(module: nn.Module, name: str) -> bool:
    layer = module.get_submodule(name)
    if not isinstance(layer, nn.Conv2d):
        return False
    return layer.kernel_size == (1, 1) and layer.out_channels < layer.in_channels
