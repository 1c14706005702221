"""A recorded network as a graph of values: who makes and reads a value, and what every path to it has to pass."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from torch import nn

from .channel_origin import ChannelOrigin, channel_origins
from .dominators import immediate_dominators
from .linear import pool_arguments
from .operations import SCALED
from .recording import Recorded
from .tape import INPUT, Call

POOLS = frozenset({"max_pool2d", "avg_pool2d"})


class DataFlow:
    """The values of a tape with what leads to them.

    Args:
        layers: names of the network's convolutions and fully connected layers, in execution order.

    Attributes:
        order: value → number of the call that made it; −1 for the picture.
        upstream: value → set of bits, of it and of all values that it is made from.
    """

    def __init__(self, recorded: Recorded, layers: Collection[str]) -> None:
        self.recorded, self.tape = recorded, recorded.tape
        self.layers = tuple(name for name in layers if name in self.tape.outputs)
        self.order: dict[int, int] = {INPUT: -1}
        self.upstream: dict[int, int] = {INPUT: 1}
        for number, call in enumerate(self.tape.calls):
            above = 0
            for value in call.inputs:
                above |= self.upstream[value]
            for value in call.outputs:
                self.order[value], self.upstream[value] = number, above | 1 << value

    @cached_property
    def origins(self) -> dict[int, tuple[ChannelOrigin, ...]]:
        """Value → whose units its channels are."""
        return channel_origins(self.tape)

    @cached_property
    def convolutions(self) -> dict[int, str]:
        """Output of a convolution → its name, in execution order."""
        named = {self.tape.outputs[name]: name for name in self.layers}
        return {
            value: named[value]
            for value, call in self.tape.makers.items()
            if value in named and call.operation == "conv2d"
        }

    @cached_property
    def _dominators(self) -> dict[int, int]:
        return immediate_dominators(self.tape)

    def dominator(self, value: int) -> int:
        """The nearest value that every path from the picture to `value` passes (its immediate dominator)."""
        return self._dominators[value]

    def depends(self, value: int, source: int) -> bool:
        """Whether a value is made, among others, from `source`, and is not `source` itself."""
        return value != source and bool(self.upstream[value] >> source & 1)

    def inputs(self, call: Call) -> Sequence[int]:
        """What a call reads; of a product only the factors with most positions, as a gate is one number a channel."""
        if call.operation not in SCALED:
            return call.inputs
        sizes = {value: math.prod(self.tape.shapes[value][2:]) for value in call.inputs}
        return [value for value, size in sizes.items() if size == max(sizes.values())]

    def path(self, value: int, stops: Collection[int]) -> list[Call]:
        """The calls that make a value from those of `stops` (and from the picture), in order; not those of gates."""
        waiting, seen = [value], {INPUT, *stops}
        calls: dict[int, Call] = {}
        while waiting:
            value = waiting.pop()
            if value in seen:
                continue
            seen.add(value)
            call = self.tape.makers[value]
            calls[self.order[value]] = call
            waiting += self.inputs(call)
        return [calls[number] for number in sorted(calls)]

    def channels(self, value: int) -> int:
        """Of a value; 0 where it has none."""
        return (*self.tape.shapes[value], 0, 0)[1]

    def is_map(self, value: int) -> bool:
        """Whether it is a picture or a map of units: (batch, channels, height, width)."""
        return len(self.tape.shapes[value]) == 4

    def kernel(self, call: Call) -> tuple[int, int] | None:
        """Height and width of a named convolution's kernel or of a pooling window; None for any other call."""
        if call.outputs[0] in self.convolutions:
            return self.tape.kernels[self.convolutions[call.outputs[0]]].size
        return pool_arguments(call)["kernel_size"] if call.operation in POOLS else None

    def kernels(self, calls: Iterable[Call]) -> Iterator[tuple[Call, tuple[int, int]]]:
        """The convolutions and pools among calls, each with the size of its window."""
        for call in calls:
            if kernel := self.kernel(call):
                yield call, kernel

    def common_name(self, layers: Iterable[str]) -> str:
        """What names of layers begin with, as far as whole parts of them agree: "a.b1" of a.b1_3x3 and a.b1_5x5.

        Of one name: the module it is the only convolution of, else itself. Numbered names, as conv2d_8 and conv2d_14,
        have nothing in common where other layers are numbered alike.
        """
        names = list(dict.fromkeys(layers))
        if len(names) == 1:
            return self._outer(names[0])
        shared = shared_name(names)
        numbered = {name for name in (*self.layers, *names) if re.fullmatch(rf"{re.escape(shared)}_\d+", name)}
        return "" if numbered > set(names) else shared

    def _outer(self, name: str) -> str:
        """The module around a convolution that holds no other, as the usual trio of convolution, norm, rectifier."""
        outer = name.rpartition(".")[0]
        inside = [layer for layer in self.layers if layer.startswith(f"{outer}.")]
        modules = dict(self.recorded.module.named_modules())
        around = outer in modules and not isinstance(modules[outer], nn.Sequential)
        return outer if outer and inside == [name] and around else name


def shared_name(names: Iterable[str]) -> str:
    """What several names begin with, up to a dot or underscore in all of them; "" where that is nothing."""
    known = [f"{name}." for name in names] or [""]
    first, last = min(known), max(known)
    ends = [i for i in range(min(len(first), len(last))) if first[i] in "._" and last[i] in "._"]
    return next((first[:i] for i in reversed(ends) if first[:i] == last[:i]), "")
