"""How deep layers and maps lie, in spatial convolutions: kernels of more than one position. 1×1 kernels add none."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .channel_origin import channel_origins
from .operations import AVERAGES, BATCH_NORMS, MAXIMA, MOVES, NORMALISATIONS, UNCHANGED
from .tape import INPUT, Tape

_SAME_UNITS = MAXIMA | AVERAGES | NORMALISATIONS | UNCHANGED | MOVES


class ReadingLayer(Protocol):
    """A layer with what it reads, as `layers.Layer` describes it."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Sequence[str]: ...
    @property
    def planar(self) -> bool: ...


def layer_depths(layers: Iterable[ReadingLayer]) -> dict[str, int]:
    """Layer → its depth: 1 for a planar convolution that reads the picture, one more for each after it.

    A layer without rows and columns of its own (1×1, fully connected) is as deep as what it reads. Branches of a
    block, of whatever kernel sizes, are so equally deep.

    Args:
        layers: in execution order, each after those it reads; layers read that are not among them (the picture) have
            the depth 0.
    """
    depths: dict[str, int] = {}
    for layer in layers:
        depths[layer.name] = max((depths.get(name, 0) for name in layer.inputs), default=0) + int(layer.planar)
    return depths


def early_and_late(deepest: int) -> tuple[int, int]:
    """Two neighbouring depths in the first third of a network, where units can still be told by what they read.

    The later is a third of the way down, rounded up, but at least 3 (the first filters, what combines them, and what
    combines that), or the last where the network is shallower.

    Args:
        deepest: the depth of the network's last layer.
    """
    late = min(deepest, max(3, math.ceil(deepest / 3)))
    return max(late - 1, 0), late


@dataclass(frozen=True)
class NamedMap:
    """The activation of a layer or other module: its name, its number on the tape, its channels."""

    name: str
    value: int
    channels: int


def named_maps(tape: Tape, layers: Collection[str]) -> list[NamedMap]:
    """The maps of a network whose channels are units of known layers, those with most channels first, then the latest.

    So a block comes before a branch of it. Maps that a pool or a normalisation made (other than a layer's own batch
    norm) are left out: their channels are an earlier layer's. Of several names for one map a layer's is taken, else
    the shortest.
    """
    names: dict[int, str] = {}
    for name in sorted(filter(None, tape.outputs), key=lambda name: (name not in layers, len(name), name)):
        names.setdefault(tape.activation(name), name)
    maps = []
    for value, name in names.items():
        maker, shape = tape.makers.get(value), tape.shapes[value]
        if len(shape) != 4 or maker is None or maker.operation in _SAME_UNITS:
            continue
        if maker.operation in BATCH_NORMS and name not in layers:
            continue
        if all(origin.layers for origin in channel_origins(tape)[value]):
            maps.append(NamedMap(name, value, shape[1]))
    return sorted(maps, key=lambda named: (named.channels, named.value), reverse=True)


def depths_below(tape: Tape, end: int) -> dict[int, int]:
    """Value → how far it lies before `end`: spatial convolutions on the way there, of several ways on the longest.

    Values from which nothing leads to `end` are absent.
    """
    depths = {end: 0}
    for call in reversed(tape.path(INPUT, end)):
        kernel = call.kernel
        depth = max(depths[value] for value in call.outputs if value in depths)
        depth += kernel is not None and kernel[0, 0].numel() > 1
        depths |= {value: max(depth, depths.get(value, 0)) for value in call.inputs}
    return depths


def map_at_depth(maps: Iterable[NamedMap], depths: Mapping[int, int], depth: int) -> str | None:
    """Name of the first of `maps` that lies exactly so far before the end; None where there is none.

    Args:
        depths: of `depths_below`.
    """
    return next((named.name for named in maps if depths.get(named.value) == depth), None)
