"""How deep a layer lies: the spatial convolutions on the longest way to it from the picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol


class Placed(Protocol):
    """A layer as tracing describes it."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Sequence[str]: ...
    @property
    def planar(self) -> bool: ...


def levels(layers: Iterable[Placed]) -> dict[str, int]:
    """Layer → its level: 1 for a spatial convolution that reads the picture, one more for each after it.

    A layer without rows and columns of its own (1×1, fully connected) is on the level of what it reads. Branches of
    a block, of whatever kernel sizes, are so on one level.

    Args:
        layers: in execution order, each after those it reads; of layers read that are not among them (the
            picture), the level is 0.
    """
    found: dict[str, int] = {}
    for layer in layers:
        found[layer.name] = max((found.get(name, 0) for name in layer.inputs), default=0) + int(layer.planar)
    return found


def early_and_late(deepest: int) -> tuple[int, int]:
    """Two neighbouring levels in the first third of a network, where units can still be told by what they read.

    The later is a third of the way down, rounded up, but not before the third level (the first filters, what
    combines them, and what combines that), or the last where there are fewer.

    Args:
        deepest: the network's last level.
    """
    late = min(deepest, max(3, math.ceil(deepest / 3)))
    return max(late - 1, 0), late
