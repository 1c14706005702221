"""A recorded pass computed only where pictures differ from a blank one, and only for positions that are asked for.

The blank picture's values are computed once. A picture that differs from it inside a rectangle has values that differ
inside a rectangle, which grows from call to call by what a position sees; and of these a call need compute no more
than the positions that are asked for see. Where a call reads beyond them, the blank picture's values are put around
them. The result is that of the whole pass, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import torch

from .fast.winograd import with_fewer_products
from .linear import pool_arguments
from .operations import SCALED, SUMS
from .receptive_field import Positions, positions_affected, positions_read, step_of, unpadded
from .rectangles import Cut, area, hull, overlap, slices, whole
from .tape import INPUT, Call, Program, Ref, execute

_BEYOND = {"conv2d": 0.0, "max_pool2d": -math.inf, "avg_pool2d": 0.0}
"""Operation → what lies beyond the edges of a map that it reads."""

_OWNING = frozenset({"conv2d", "batch_norm"})
"""Operations whose output is memory of its own, which a rectifier may overwrite."""


_MOST = 0.8
"""Share of a map from which on all of it is computed, by the call itself, rather than its part put into a frame."""


@dataclass(frozen=True)
class _Step:
    """A call on part of its maps.

    Attributes:
        cuts: map → what the call is given of it.
    """

    call: Call
    cuts: Mapping[int, Cut]


@dataclass(frozen=True)
class Plan:
    """What is computed for pictures that differ from the blank one inside a rectangle.

    Attributes:
        window: rows and columns of the input that are read, first and last.
        steps: the calls, in order.
        results: map → the positions asked for.
        computed: the maps of which any are computed; of the others they are the blank picture's.
        largest: numbers in the largest map that is computed for one picture.
        kept: numbers in all maps of one picture that are asked for; at least 1.
    """

    window: Positions
    steps: tuple[_Step, ...]
    results: Mapping[int, Cut]
    computed: tuple[int, ...]
    largest: int
    kept: int


class PartialPass:
    """A program that is run on many pictures which differ little from a blank one.

    Args:
        program: one that is right on batches of other pictures (`agreement.Agreement`).
        blank: (1, C, H, W), the blank picture as the network's input.
        positions: map → first and last row, first and last column that are asked for.
    """

    def __init__(self, program: Program, blank: torch.Tensor, positions: Mapping[int, Positions]) -> None:
        self.positions = dict(positions)
        values = {INPUT, *(value for call in program.calls for value in call.outputs)}
        self.blank = execute(program.calls, {INPUT: blank}, values, lambda call, values: call.run(values))
        self._calls = program.calls
        self._local = {call.outputs[0]: local for call in program.calls if (local := self._on_parts(call)) is not None}
        self._needed = self._needed_for(positions)
        self._overwriting = self._overwritable()
        self._plans: dict[Positions, Plan] = {}
        self._quicker: dict[int, Call] = {}

    def plan(self, support: Positions) -> Plan:
        """For pictures that differ from the blank one at most between these rows and columns, first and last."""
        if support not in self._plans:
            self._plans[support] = self._planned(support)
        return self._plans[support]

    def __call__(self, x: torch.Tensor, plan: Plan) -> dict[int, torch.Tensor]:
        """(B, C, rows, columns) of the plan's window → map → (B, C, rows, columns) at the positions asked for."""
        count, cuts = len(x), {id(step.call): step.cuts for step in plan.steps}

        def run(call: Call, values: Mapping[int, Any]) -> Any:
            cut = cuts[id(call)]
            return call.run(
                {
                    value: cut[value](values.get(value), count) if value in cut else self._other(value, values, count)
                    for value in call.inputs
                }
            )

        values = execute([step.call for step in plan.steps], {INPUT: x}, plan.computed, run)
        return {value: cut(values.get(value), count) for value, cut in plan.results.items()}

    def asked(self, value: int) -> torch.Tensor:
        """(1, C, rows, columns) of the blank picture's map at the positions asked for."""
        return self.blank[value][slices(self.positions[value])]

    def _other(self, value: int, values: Mapping[int, Any], count: int) -> Any:
        """A value that is no map."""
        blank = self.blank[value]
        return values[value] if value in values else blank.expand(count, *blank.shape[1:])

    def _on_parts(self, call: Call) -> Call | None:
        """The call on parts of maps, or None where it has to have them whole."""
        operation, maps = call.operation, [self.blank[value] for value in (*call.inputs, *call.outputs)]
        if call.several or operation == "pad" or step_of(call) is None or any(x.ndim != 4 for x in maps):
            return None
        if operation == "avg_pool2d" and not _counts_evenly(call):
            return None
        if operation == "max_pool2d" and (pool := pool_arguments(call))["dilation"] == (1, 1):
            largest = partial(_largest_of_windows, pool["kernel_size"], pool["stride"])
            return replace(call, function=largest, args=(Ref(call.inputs[0]),), kwargs={})
        if operation in _BEYOND:
            return unpadded(call)
        even = len({x.shape[2:] for x in maps}) == 1
        constants = [x for x in (*call.args, *call.kwargs.values()) if isinstance(x, torch.Tensor)]
        if operation in SUMS | SCALED:
            even = even and all(x.numel() == 1 or (x.ndim >= 3 and x.shape[-2:] == (1, 1)) for x in constants)
        return call if even else None

    def _needed_for(self, positions: Mapping[int, Positions]) -> dict[int, Positions | None]:
        """Value → the positions that those asked for depend on; None for a value that is no map."""
        needed: dict[int, Positions | None] = dict(positions)
        for call in reversed(self._calls):
            if not any(value in needed for value in call.outputs):
                continue
            for value in call.inputs:
                blank = self.blank[value]
                if blank.ndim != 4:
                    needed[value] = None
                    continue
                read = whole(blank)
                if call.outputs[0] in self._local:
                    output = needed[call.outputs[0]]
                    assert output is not None
                    read = overlap(positions_read(call, output), read) or read
                known = needed.get(value)
                needed[value] = read if known is None else hull(known, read)
        return needed

    def _overwritable(self) -> dict[int, Call]:
        """Output of a rectifier → the same in place, where nothing else reads what it overwrites."""
        readers: dict[int, int] = {}
        for call in self._calls:
            for value in call.inputs:
                readers[value] = readers.get(value, 0) + 1
        owned = {call.outputs[0] for call in self._calls if call.operation in _OWNING} - set(self.positions)
        return {
            call.outputs[0]: replace(call, function=torch.relu_, args=(Ref(call.inputs[0]),), kwargs={})
            for call in self._calls
            if call.operation == "relu" and readers[call.inputs[0]] == 1 and call.inputs[0] in owned
        }

    def _planned(self, support: Positions) -> Plan:
        held: dict[int, Positions] = {INPUT: support}
        differing, steps = {INPUT}, []
        for call in self._calls:
            output = call.outputs[0]
            if differing.isdisjoint(call.inputs) or not any(value in self._needed for value in call.outputs):
                continue
            part = self._affected(call, held)
            if output in self._local and part is None:
                continue
            maps = [value for value in call.inputs if self.blank[value].ndim == 4]
            if output in self._local and part is not None and part != whole(self.blank[output]):
                read = dict.fromkeys(maps, positions_read(call, part))
                call, held[output] = self._local[output], part
            else:
                read = {value: whole(self.blank[value]) for value in maps}
                held |= {value: whole(self.blank[value]) for value in call.outputs if self.blank[value].ndim == 4}
            steps.append((self._quick(self._overwriting.get(output, call)), read))
            differing |= set(call.outputs)
        picture = whole(self.blank[INPUT])
        reads = [part for _, read in steps if INPUT in read and (part := overlap(read[INPUT], picture)) is not None]
        held[INPUT] = reduce(hull, reads, support)
        numbers = {value: self.blank[value].shape[1] * area(part) for value, part in held.items()}
        return Plan(
            held[INPUT],
            tuple(
                _Step(call, {value: self._cut(value, held, part, call.operation) for value, part in read.items()})
                for call, read in steps
            ),
            {value: self._cut(value, held, part) for value, part in self.positions.items()},
            tuple(value for value in self.positions if value in held),
            max(numbers.values()),
            max(1, sum(numbers.get(value, 0) for value in self.positions)),
        )

    def _quick(self, call: Call) -> Call:
        """The call as it is run; made ready once for all plans."""
        if id(call) not in self._quicker:
            self._quicker[id(call)] = with_fewer_products(call)
        return self._quicker[id(call)]

    def _affected(self, call: Call, held: Mapping[int, Positions]) -> Positions | None:
        """What is computed of a local call's output: what differs of what is needed, or all where that is most."""
        output = call.outputs[0]
        needed = self._needed.get(output)
        if output not in self._local or needed is None:
            return None
        affected = [
            part
            for value in call.inputs
            if value in held and (part := positions_affected(call, held[value])) is not None
        ]
        part = overlap(reduce(hull, affected), needed) if affected else None
        everything = whole(self.blank[output])
        return everything if part is not None and area(part) >= _MOST * area(everything) else part

    def _cut(self, value: int, held: Mapping[int, Positions], wanted: Positions, operation: str = "") -> Cut:
        return Cut.of(self.blank[value], held.get(value), wanted, _BEYOND.get(operation, 0.0))


class WholePass:
    """The same by running all of a network on whole pictures: where its recorded calls do not stand for it.

    Args:
        run: (B, C, H, W) → map → (B, C, rows, columns).
        blank, positions: as of `PartialPass`.
    """

    def __init__(
        self,
        run: Callable[[torch.Tensor], Mapping[int, torch.Tensor]],
        blank: torch.Tensor,
        positions: Mapping[int, Positions],
    ) -> None:
        self.run, self.positions = run, dict(positions)
        values = run(blank)
        kept = sum(values[value][0].numel() for value in positions)
        self._plan = Plan(whole(blank), (), {}, (), blank[0].numel(), max(1, kept))
        self._blank = self._cut(values)

    def plan(self, support: Positions) -> Plan:
        """All of the picture, wherever it differs."""
        return self._plan

    def __call__(self, x: torch.Tensor, plan: Plan) -> dict[int, torch.Tensor]:
        """(B, C, H, W) → map → (B, C, rows, columns) at the positions asked for."""
        return self._cut(self.run(x))

    def _cut(self, values: Mapping[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        return {value: values[value][slices(positions)] for value, positions in self.positions.items()}

    def asked(self, value: int) -> torch.Tensor:
        """(1, C, rows, columns) of the blank picture's map at the positions asked for."""
        return self._blank[value]


def _largest_of_windows(kernel: tuple[int, int], stride: tuple[int, int], x: torch.Tensor) -> torch.Tensor:
    """`max_pool2d` without padding, of shifted maps: without the indices that torch writes, in half the time."""
    for axis, size, step in zip((2, 3), kernel, stride, strict=True):
        count = (x.shape[axis] - size) // step + 1
        shifted = [
            x.narrow(axis, first, step * (count - 1) + 1)[(slice(None),) * axis + (slice(None, None, step),)]
            for first in range(size)
        ]
        x = shifted[0] if size == 1 else torch.maximum(*shifted[:2])
        for other in shifted[2:]:
            torch.maximum(x, other, out=x)
    return x


def _counts_evenly(call: Call) -> bool:
    """Whether an average pool divides by the same number everywhere, edges included."""
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    pool = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    padded = pool.get("padding", 0) not in (0, (0, 0), [0, 0])
    return not pool.get("ceil_mode", False) and (pool.get("count_include_pad", True) or not padded)
