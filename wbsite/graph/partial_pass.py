"""A recorded pass computed only where pictures differ from a blank one, and only for positions that are asked for.

The blank picture's values are computed once. A picture that differs from it inside a rectangle has values that differ
inside a rectangle, which grows from call to call by what a position sees; and of these a call need compute no more
than the positions that are asked for see. Where a call reads beyond them, the blank picture's values are put around
them. The result is that of the whole pass, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from .operations import SCALED, SUMS
from .receptive_field import Positions, positions_affected, positions_read, step_of, unpadded
from .tape import INPUT, Call, Program, Ref, execute

_BEYOND = {"conv2d": 0.0, "max_pool2d": -math.inf, "avg_pool2d": 0.0}
"""Operation → what lies beyond the edges of a map that it reads."""

_OWNING = frozenset({"conv2d", "batch_norm"})
"""Operations whose output is memory of its own, which a rectifier may overwrite."""


@dataclass(frozen=True)
class _Step:
    """A call on part of its maps.

    Attributes:
        reads: map → the positions that it is given, which may lie beyond the map's edges.
    """

    call: Call
    reads: Mapping[int, Positions]


@dataclass(frozen=True)
class Plan:
    """What is computed for pictures that differ from the blank one inside a rectangle.

    Attributes:
        window: rows and columns of the input that are read, first and last.
        steps: the calls, in order.
        held: map → its positions that are computed; the others are the blank picture's.
        largest: numbers in the largest map that is computed for one picture.
    """

    window: Positions
    steps: tuple[_Step, ...]
    held: Mapping[int, Positions]
    largest: int


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

    def plan(self, support: Positions) -> Plan:
        """For pictures that differ from the blank one at most between these rows and columns, first and last."""
        if support not in self._plans:
            self._plans[support] = self._planned(support)
        return self._plans[support]

    def __call__(self, x: torch.Tensor, plan: Plan) -> dict[int, torch.Tensor]:
        """(B, C, rows, columns) of the plan's window → map → (B, C, rows, columns) at the positions asked for."""
        reads = {id(step.call): step.reads for step in plan.steps}

        def run(call: Call, values: Mapping[int, Any]) -> Any:
            positions, beyond = reads[id(call)], _BEYOND.get(call.operation, 0.0)
            given = {value: self._given(values, value, positions, plan, beyond, len(x)) for value in call.inputs}
            return call.run(given)

        held = [value for value in self.positions if value in plan.held]
        values = execute([step.call for step in plan.steps], {INPUT: x}, held, run)
        return {value: self._given(values, value, self.positions, plan, 0.0, len(x)) for value in self.positions}

    def asked(self, value: int) -> torch.Tensor:
        """(1, C, rows, columns) of the blank picture's map at the positions asked for."""
        return _part(self.blank[value], self.positions[value])

    def _given(
        self,
        values: Mapping[int, Any],
        value: int,
        positions: Mapping[int, Positions],
        plan: Plan,
        beyond: float,
        count: int,
    ) -> Any:
        """A value as a call is given it: of a map, some positions."""
        if value not in positions:
            return values[value] if value in values else self.blank[value].expand(count, *self.blank[value].shape[1:])
        wanted, blank, held = positions[value], self.blank[value], plan.held.get(value)
        inside = _overlap(wanted, _whole(blank))
        assert inside is not None, "a call reads some of its map"
        if held is None and inside == wanted:
            return _part(blank, wanted).expand(count, -1, -1, -1)
        if held is not None and _overlap(wanted, held) == wanted:
            return _part(values[value], _moved(wanted, held))
        height, width = (last - first + 1 for first, last in wanted)
        whole = torch.empty(
            (count, blank.shape[1], height, width),
            dtype=blank.dtype,
            device=blank.device,
            memory_format=torch.channels_last,
        )
        if inside != wanted:
            whole.fill_(beyond)
        computed = None if held is None else _overlap(wanted, held)
        for strip in _around(inside, computed):
            _part(whole, _moved(strip, wanted)).copy_(_part(blank, strip))
        if held is not None and computed is not None:
            _part(whole, _moved(computed, wanted)).copy_(_part(values[value], _moved(computed, held)))
        return whole

    def _on_parts(self, call: Call) -> Call | None:
        """The call on parts of maps, or None where it has to have them whole."""
        operation, maps = call.operation, [self.blank[value] for value in (*call.inputs, *call.outputs)]
        if call.several or operation == "pad" or step_of(call) is None or any(x.ndim != 4 for x in maps):
            return None
        if operation == "avg_pool2d" and not _counts_evenly(call):
            return None
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
                read = _whole(blank)
                if call.outputs[0] in self._local:
                    output = needed[call.outputs[0]]
                    assert output is not None
                    read = _overlap(positions_read(call, output), read) or read
                needed[value] = _hull(needed.get(value), read)
        return needed

    def _overwritable(self) -> dict[int, Call]:
        """Output of a rectifier → the same in place, where nothing else reads what it overwrites."""
        readers: dict[int, int] = {}
        for call in self._calls:
            for value in call.inputs:
                readers[value] = readers.get(value, 0) + 1
        owned = {call.outputs[0] for call in self._calls if call.operation in _OWNING}
        return {
            call.outputs[0]: replace(call, function=torch.relu_, args=(Ref(call.inputs[0]),), kwargs={})
            for call in self._calls
            if call.operation == "relu" and readers[call.inputs[0]] == 1 and call.inputs[0] in owned - set(self.positions)
        }

    def _planned(self, support: Positions) -> Plan:
        held: dict[int, Positions] = {INPUT: support}
        differing, steps = {INPUT}, []
        for call in self._calls:
            output = call.outputs[0]
            if differing.isdisjoint(call.inputs) or not any(value in self._needed for value in call.outputs):
                continue
            if output not in self._local:
                steps.append(_Step(call, {v: _whole(self.blank[v]) for v in call.inputs if self.blank[v].ndim == 4}))
                held |= {value: _whole(self.blank[value]) for value in call.outputs if self.blank[value].ndim == 4}
                differing |= set(call.outputs)
                continue
            affected = None
            for value in differing.intersection(call.inputs):
                affected = _hull(affected, positions_affected(call, held[value]))
            part, needed = None, self._needed[output]
            if affected is not None and needed is not None:
                part = _overlap(affected, needed)
            if part is None:
                continue
            read = positions_read(call, part)
            steps.append(_Step(self._overwriting.get(output, self._local[output]), dict.fromkeys(call.inputs, read)))
            held[output] = part
            differing.add(output)
        picture = _whole(self.blank[INPUT])
        window: Positions | None = None
        for step in steps:
            if INPUT in step.reads:
                window = _hull(window, _overlap(step.reads[INPUT], picture) or picture)
        held[INPUT] = window or support
        sizes = [math.prod(self.blank[value].shape[1:2]) * _area(part) for value, part in held.items()]
        return Plan(held[INPUT], tuple(steps), held, max(sizes))


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
        self._plan = Plan(_whole(blank), (), {}, blank[0].numel())
        self._blank = self(blank, self._plan)

    def plan(self, support: Positions) -> Plan:
        """All of the picture, wherever it differs."""
        return self._plan

    def __call__(self, x: torch.Tensor, plan: Plan) -> dict[int, torch.Tensor]:
        """(B, C, H, W) → map → (B, C, rows, columns) at the positions asked for."""
        values = self.run(x)
        return {value: _part(values[value], positions) for value, positions in self.positions.items()}

    def asked(self, value: int) -> torch.Tensor:
        """(1, C, rows, columns) of the blank picture's map at the positions asked for."""
        return self._blank[value]


def _counts_evenly(call: Call) -> bool:
    """Whether an average pool divides by the same number everywhere, edges included."""
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    pool = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    padded = pool.get("padding", 0) not in (0, (0, 0), [0, 0])
    return not pool.get("ceil_mode", False) and (pool.get("count_include_pad", True) or not padded)


def _whole(x: torch.Tensor) -> Positions:
    return (0, x.shape[2] - 1), (0, x.shape[3] - 1)


def _part(x: torch.Tensor, positions: Positions) -> torch.Tensor:
    (top, bottom), (left, right) = positions
    return x[:, :, top : bottom + 1, left : right + 1]


def _moved(positions: Positions, origin: Positions) -> Positions:
    """Counted from the first row and column of `origin`."""
    (top, bottom), (left, right) = (
        (low - first, high - first) for (low, high), (first, _) in zip(positions, origin, strict=True)
    )
    return (top, bottom), (left, right)


def _overlap(one: Positions, other: Positions) -> Positions | None:
    height, width = ((max(a, c), min(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))
    return (height, width) if height[0] <= height[1] and width[0] <= width[1] else None


def _hull(one: Positions | None, other: Positions) -> Positions:
    if one is None:
        return other
    height, width = ((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))
    return height, width


def _area(positions: Positions) -> int:
    return math.prod(last - first + 1 for first, last in positions)


def _around(outer: Positions, inner: Positions | None) -> Sequence[Positions]:
    """`outer` without `inner`, as up to four rectangles."""
    if inner is None:
        return [outer]
    ((top, bottom), (left, right)), ((first, last), (begin, end)) = outer, inner
    strips = [
        ((top, first - 1), (left, right)),
        ((last + 1, bottom), (left, right)),
        ((first, last), (left, begin - 1)),
        ((first, last), (end + 1, right)),
    ]
    return [strip for strip in strips if all(low <= high for low, high in strip)]
