"""Which positions of an earlier map one position of a later map sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from .linear import POOL, pool_arguments
from .operations import BATCH_NORMS, CONVOLUTION, JOINS, NORMALISATIONS, RECTIFIERS, SCALED, SUMS, UNCHANGED, pair
from .tape import INPUT, Call, Tape

_POINTWISE = RECTIFIERS | UNCHANGED | BATCH_NORMS | SUMS | JOINS | NORMALISATIONS | (SCALED - {"matmul", "mm"})
_AVERAGE = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


@dataclass(frozen=True)
class Axis:
    """Along one axis, position q of the later map sees positions stride·q + low … stride·q + high of the earlier."""

    stride: int = 1
    low: int = 0
    high: int = 0

    @property
    def size(self) -> int:
        """Number of positions seen."""
        return self.high - self.low + 1

    def then(self, stride: int, low: int, high: int) -> Axis:
        """With one more operation, whose position q sees stride·q + low … stride·q + high of what this one makes."""
        return Axis(self.stride * stride, self.stride * low + self.low, self.stride * high + self.high)


ReceptiveField = tuple[Axis, Axis]
"""Along height and along width."""

Positions = tuple[tuple[int, int], tuple[int, int]]
"""First and last position along height and along width."""

ONE_POSITION: Positions = ((0, 0), (0, 0))


def receptive_field(calls: Sequence[Call], source: int, target: int) -> ReceptiveField | None:
    """What a position of the target sees of the source along a path of calls.

    None where it is no window: a whole map is reduced, cut or rearranged.
    """
    return _fields(calls, source)[target]


_OF_INPUTS: WeakKeyDictionary[Tape, dict[int, ReceptiveField | None]] = WeakKeyDictionary()


def receptive_field_in_input(tape: Tape, value: int) -> ReceptiveField | None:
    """What a position of a value sees of the network's input; as `receptive_field` on all paths that lead to it.

    Those of all values are found at once: a thousand layers, each with its own way back, would take minutes.
    """
    if tape not in _OF_INPUTS:
        _OF_INPUTS[tape] = _fields(tape.calls, INPUT)
    return _OF_INPUTS[tape][value]


def _fields(calls: Sequence[Call], source: int) -> dict[int, ReceptiveField | None]:
    """What positions see of a source, of all values that depend on it; None where that is no window."""
    fields: dict[int, ReceptiveField | None] = {source: (Axis(), Axis())}
    for call in calls:
        read = [fields[value] for value in call.inputs if value in fields]
        if not read or source in call.outputs:
            continue
        known, step = [field for field in read if field is not None], step_of(call)
        merged = _merged(known) if len(known) == len(read) else None
        field = None
        if step is not None and merged is not None:
            height, width = (axis.then(*along) for axis, along in zip(merged, step, strict=True))
            field = height, width
        fields |= dict.fromkeys(call.outputs, field)
    return fields


def positions_seen(calls: Sequence[Call], target: int, positions: Positions = ONE_POSITION) -> dict[int, Positions]:
    """The positions of every value on a path that these positions of the target see.

    Maps are taken to go on beyond their edges, so positions may be negative.
    """
    seen: dict[int, Positions] = {target: positions}
    for call in reversed(calls):
        for value in call.inputs:
            (top, bottom), (left, right) = positions_read(call, seen[call.outputs[0]])
            if value in seen:
                (first, last), (begin, end) = seen[value]
                top, bottom, left, right = min(top, first), max(bottom, last), min(left, begin), max(right, end)
            seen[value] = (top, bottom), (left, right)
    return seen


def positions_read(call: Call, positions: Positions) -> Positions:
    """The positions of a call's inputs that these positions of its output see."""
    step = step_of(call)
    assert step is not None, "only asked where every call has a receptive field"
    height, width = (
        (s * first + low, s * last + high) for (s, low, high), (first, last) in zip(step, positions, strict=True)
    )
    return height, width


def positions_affected(call: Call, positions: Positions) -> Positions | None:
    """The positions of a call's output that see some of these of its inputs; none where they lie between windows.

    Maps are taken to go on beyond their edges, as in `positions_seen`.
    """
    step = step_of(call)
    assert step is not None, "only asked where the call has a receptive field"
    height, width = (
        (-((high - first) // s), (last - low) // s)
        for (s, low, high), (first, last) in zip(step, positions, strict=True)
    )
    return (height, width) if height[0] <= height[1] and width[0] <= width[1] else None


def unpadded(call: Call) -> Call:
    """The same operation on a map that goes on beyond its edges."""
    if call.operation == "pad":
        return replace(call, name="identity", args=call.args[:1], kwargs={})
    names = {"conv2d": CONVOLUTION, "avg_pool2d": _AVERAGE, "max_pool2d": POOL}.get(call.operation)
    if names is None:
        return call
    arguments = {**dict(zip(names, call.args, strict=False)), **call.kwargs, "padding": 0}
    if "ceil_mode" in arguments:
        arguments["ceil_mode"] = False
    return replace(call, args=(), kwargs=arguments)


def _merged(fields: list[ReceptiveField]) -> ReceptiveField | None:
    """The receptive field of values that are added or concatenated, all of one stride."""
    axes = []
    for along in zip(*fields, strict=True):
        if len({axis.stride for axis in along}) > 1:
            return None
        axes.append(Axis(along[0].stride, min(axis.low for axis in along), max(axis.high for axis in along)))
    return axes[0], axes[1]


def step_of(call: Call) -> list[tuple[int, int, int]] | None:
    """Stride, low and high of one call along height and width, as of `Axis`; None where it has no receptive field."""
    operation = call.operation
    if operation in _POINTWISE:
        along = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
        return None if operation in JOINS and operation != "hstack" and along not in (1, -3) else [(1, 0, 0)] * 2
    if operation == "conv2d":
        return _convolution({**dict(zip(CONVOLUTION, call.args, strict=False)), **call.kwargs})
    if operation == "max_pool2d":
        return _window_of(**{key: value for key, value in pool_arguments(call).items() if key != "ceil_mode"})
    if operation == "avg_pool2d":
        pool = {**dict(zip(_AVERAGE, call.args, strict=False)), **call.kwargs}
        kernel = pair(pool["kernel_size"])
        stride = pair(pool["stride"]) if pool.get("stride") else kernel
        return _window_of(kernel, stride, pair(pool.get("padding", 0)), (1, 1))
    if operation == "pad" and _constant_pad(call):
        left, _, top, _ = [*call.args[1], 0, 0][:4]
        return [(1, -top, -top), (1, -left, -left)]
    return None


def _constant_pad(call: Call) -> bool:
    mode = call.kwargs.get("mode", call.args[2] if len(call.args) > 2 else "constant")
    return len(call.args) > 1 and mode == "constant" and len(call.args[1]) in (2, 4)


def _convolution(conv: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    kernel, dilation = tuple(conv["weight"].shape[2:]), pair(conv.get("dilation", 1))
    padding = conv.get("padding", 0)
    if isinstance(padding, str):
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        padding = (0, 0) if padding == "valid" else (total[0] // 2, total[1] // 2)
    return _window_of(kernel, pair(conv.get("stride", 1)), pair(padding), dilation)


def _window_of(
    kernel_size: tuple[int, ...], stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int]
) -> list[tuple[int, int, int]]:
    return [(s, -p, d * (k - 1) - p) for k, s, p, d in zip(kernel_size, stride, padding, dilation, strict=True)]
