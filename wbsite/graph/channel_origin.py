"""Which layers' units the channels of a value stand for: what a kernel's input channel means."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from .operations import AVERAGES, BATCH_NORMS, MAXIMA, NORMALISATIONS, RECTIFIERS, SUMS, UNCHANGED
from .tape import INPUT, Call, Ref, Tape

_CURVES = frozenset({"sqrt", "square", "pow", "abs", "exp", "log", "sigmoid", "hardsigmoid", "tanh", "softsign"})
_KEEPS_CHANNELS = (
    RECTIFIERS | UNCHANGED | BATCH_NORMS | NORMALISATIONS | AVERAGES | MAXIMA | _CURVES | {"pad", "interpolate"}
)
SLICES = frozenset({"chunk", "split", "tensor_split", "narrow", "getitem"})


@dataclass(frozen=True)
class Span:
    """A run of channels.

    Attributes:
        layers: whose units they are: one layer; several where maps are added (a residual stream); ("input",)
            for the picture's channels; none where that cannot be said (channels were mixed or rearranged).
        first: unit of the layers that the first channel is.
        units: length of the run.
    """

    layers: tuple[str, ...]
    first: int
    units: int


def spans(tape: Tape, value: int) -> tuple[Span, ...]:
    """The channels of a value in order; their units add up to its number of channels.

    Concatenations line layers up, additions lay them on one another, slices cut them, rectifiers, norms and pools
    keep them; after anything else the channels stand for nothing that has a name.
    """
    return every_span(tape)[value]


def every_span(tape: Tape) -> dict[int, tuple[Span, ...]]:
    """The spans of every value."""
    named = {tape.outputs[name]: name for name in reversed(tape.outputs)}
    known: dict[int, tuple[Span, ...]] = {INPUT: (Span(("input",), 0, tape.shapes[INPUT][1]),)}
    for call in tape.calls:
        cut = _cut(call, tape, known) if call.operation in SLICES else {}
        for output in call.outputs:
            channels = tape.shapes[output][1] if len(tape.shapes[output]) > 1 else 0
            if call.operation in ("conv2d", "linear") and output in named:
                known[output] = (Span((named[output],), 0, channels),)
            else:
                kept = cut.get(output, ()) or _through(call, tape, known)
                known[output] = kept if sum(s.units for s in kept) == channels else (Span((), 0, channels),)
    return {value: _joined(found) for value, found in known.items()}


def unit_of(found: tuple[Span, ...], channel: int) -> tuple[str, int]:
    """Layer and unit that a channel is; "" and the channel where it is units of several layers, or of none known."""
    at = channel
    for span in found:
        if at < span.units:
            return (span.layers[0], span.first + at) if len(span.layers) == 1 else ("", channel)
        at -= span.units
    return "", channel


def _through(call: Call, tape: Tape, known: dict[int, tuple[Span, ...]]) -> tuple[Span, ...]:
    """The spans after a call that keeps, lines up or adds channels; () after any other."""
    given = [known[value] for value in call.inputs]
    if along_channels(call):
        return tuple(span for one in given for span in one)
    if call.operation in SUMS and given:
        return _added(given)
    if call.operation in _KEEPS_CHANNELS and len(given) == 1:
        return given[0]
    if call.operation in ("mul", "div", "truediv") and given:
        return _scaled(call, tape, known)
    return given[0] if call.operation == "flatten" and given else ()


def along_channels(call: Call) -> bool:
    """Whether a call lines maps up by their channels, and all of them depend on the picture."""
    if call.operation not in ("cat", "concat", "concatenate"):
        return False
    listed = call.args[0] if call.args else call.kwargs.get("tensors", ())
    axis = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
    return axis in (1, -3) and all(isinstance(item, Ref) for item in listed)


def _cut(call: Call, tape: Tape, known: dict[int, tuple[Span, ...]]) -> dict[int, tuple[Span, ...]]:
    """Output → the spans of neighbouring channels that it is a slice of; without outputs that are no maps."""
    shape = tape.shapes[call.inputs[0]]
    if len(shape) != 4 or len(call.inputs) != 1:
        return {}
    numbers = torch.arange(shape[1]).view(1, -1, 1, 1).expand(shape)
    made = call.run({call.inputs[0]: numbers})
    found = {}
    for output, part in zip(call.outputs, made if call.several else (made,), strict=True):
        if part.ndim == 4 and part.numel():
            channels = part[0, :, 0, 0]
            first = int(channels[0])
            if torch.equal(channels, torch.arange(first, first + len(channels))):
                found[output] = _slice(known[call.inputs[0]], first, len(channels))
    return found


def _slice(given: tuple[Span, ...], first: int, units: int) -> tuple[Span, ...]:
    found, at = [], 0
    for span in given:
        low, high = max(first, at), min(first + units, at + span.units)
        if low < high:
            found.append(Span(span.layers, span.first + low - at if span.layers else 0, high - low))
        at += span.units
    return tuple(found)


def _added(given: list[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Spans laid on one another: where their cuts agree, the layers of all; else unknown."""
    cuts = {tuple(span.units for span in one) for one in given}
    if len(cuts) > 1:
        return ()
    found = []
    for spans in zip(*given, strict=True):
        same = {span.first for span in spans}
        layers = tuple(dict.fromkeys(layer for span in spans for layer in span.layers))
        found.append(Span(layers if len(same) == 1 else (), spans[0].first, spans[0].units))
    return tuple(found)


def _scaled(call: Call, tape: Tape, known: dict[int, tuple[Span, ...]]) -> tuple[Span, ...]:
    """The spans of the largest factor, such as a map that one number a channel scales; () of two maps."""
    sizes = {value: math.prod(tape.shapes[value][2:]) for value in call.inputs}
    largest = {known[value] for value, size in sizes.items() if size == max(sizes.values())}
    return largest.pop() if len(largest) == 1 else ()


def _joined(found: tuple[Span, ...]) -> tuple[Span, ...]:
    """Neighbouring runs of the same layers as one."""
    joined: list[Span] = []
    for span in found:
        last = joined[-1] if joined else None
        if last and last.layers == span.layers and (last.first + last.units == span.first or not span.layers):
            joined[-1] = replace(last, units=last.units + span.units)
        else:
            joined.append(span)
    return tuple(joined)
