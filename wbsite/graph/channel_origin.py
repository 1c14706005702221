"""Which layers' units the channels of a value stand for: what a kernel's input channel means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch

from .operations import AVERAGES, BATCH_NORMS, MAXIMA, NORMALISATIONS, RECTIFIERS, SUMS, UNCHANGED
from .tape import INPUT, INPUT_NAME, Call, Ref, Tape

_CURVES = frozenset({"sqrt", "square", "pow", "abs", "exp", "log", "sigmoid", "hardsigmoid", "tanh", "softsign"})
_KEEPS_CHANNELS = (
    RECTIFIERS | UNCHANGED | BATCH_NORMS | NORMALISATIONS | AVERAGES | MAXIMA | _CURVES | {"pad", "interpolate"}
)
SLICES = frozenset({"chunk", "split", "tensor_split", "narrow", "getitem"})


@dataclass(frozen=True)
class ChannelOrigin:
    """Where a run of channels comes from.

    Attributes:
        layers: whose units they are: one layer; several where maps are added (a residual stream); ("input",)
            for the picture's channels; none where that cannot be said (channels were mixed or rearranged).
        first: unit of the layers that the first channel is.
        units: length of the run.
    """

    layers: tuple[str, ...]
    first: int
    units: int


Origins = tuple[ChannelOrigin, ...]
"""Of the channels of a value in order; their units add up to its number of channels."""

_KNOWN: WeakKeyDictionary[Tape, dict[int, Origins]] = WeakKeyDictionary()


def channel_origins(tape: Tape) -> dict[int, Origins]:
    """Value → where its channels come from; computed once for a tape.

    Concatenations line layers up, additions lay them on one another, slices cut them, rectifiers, norms and pools
    keep them; after anything else the channels stand for nothing that has a name.
    """
    if tape not in _KNOWN:
        _KNOWN[tape] = _followed(tape)
    return _KNOWN[tape]


def _followed(tape: Tape) -> dict[int, Origins]:
    layers = {tape.outputs[name]: name for name in reversed(tape.outputs)}
    origins: dict[int, Origins] = {INPUT: (ChannelOrigin((INPUT_NAME,), 0, tape.shapes[INPUT][1]),)}
    for call in tape.calls:
        slices = _slices(call, tape, origins) if call.operation in SLICES else {}
        for output in call.outputs:
            channels = tape.shapes[output][1] if len(tape.shapes[output]) > 1 else 0
            if call.operation in ("conv2d", "linear") and output in layers:
                origins[output] = (ChannelOrigin((layers[output],), 0, channels),)
            else:
                kept = slices.get(output, ()) or _after(call, tape, origins)
                complete = sum(origin.units for origin in kept) == channels
                origins[output] = kept if complete else (ChannelOrigin((), 0, channels),)
    return {value: _merged(runs) for value, runs in origins.items()}


def unit_of(origins: Iterable[ChannelOrigin], channel: int) -> tuple[str, int]:
    """Layer and unit that a channel is; "" and the channel where it is units of several layers, or of none known."""
    offset = channel
    for origin in origins:
        if offset < origin.units:
            return (origin.layers[0], origin.first + offset) if len(origin.layers) == 1 else ("", channel)
        offset -= origin.units
    return "", channel


def concatenates_channels(call: Call) -> bool:
    """Whether a call lines maps up by their channels, and all of them depend on the picture."""
    if call.operation not in ("cat", "concat", "concatenate"):
        return False
    parts = call.args[0] if call.args else call.kwargs.get("tensors", ())
    axis = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
    return axis in (1, -3) and all(isinstance(part, Ref) for part in parts)


def _after(call: Call, tape: Tape, origins: Mapping[int, Origins]) -> Origins:
    """The origins after a call that keeps, lines up or adds channels; () after any other."""
    inputs = [origins[value] for value in call.inputs]
    if concatenates_channels(call):
        return tuple(origin for part in inputs for origin in part)
    if call.operation in SUMS and inputs:
        return _sum(inputs)
    if call.operation in _KEEPS_CHANNELS and len(inputs) == 1:
        return inputs[0]
    if call.operation in ("mul", "div", "truediv") and inputs:
        return _largest_factor(call, tape, origins)
    return inputs[0] if call.operation == "flatten" and inputs else ()


def _slices(call: Call, tape: Tape, origins: Mapping[int, Origins]) -> dict[int, Origins]:
    """Output → the origins of neighbouring channels that it is a slice of; without outputs that are no maps."""
    shape = tape.shapes[call.inputs[0]]
    if len(shape) != 4 or len(call.inputs) != 1:
        return {}
    numbers = torch.arange(shape[1], device=call.device).view(1, -1, 1, 1).expand(shape)
    parts = call.run({call.inputs[0]: numbers})
    slices = {}
    for output, part in zip(call.outputs, parts if call.several else (parts,), strict=True):
        if part.ndim == 4 and part.numel():
            channels = part[0, :, 0, 0].cpu()
            first = int(channels[0])
            if torch.equal(channels, torch.arange(first, first + len(channels))):
                slices[output] = _slice(origins[call.inputs[0]], first, len(channels))
    return slices


def _slice(origins: Origins, first: int, units: int) -> Origins:
    kept, start = [], 0
    for origin in origins:
        low, high = max(first, start), min(first + units, start + origin.units)
        if low < high:
            kept.append(ChannelOrigin(origin.layers, origin.first + low - start if origin.layers else 0, high - low))
        start += origin.units
    return tuple(kept)


def _sum(terms: list[Origins]) -> Origins:
    """Origins laid on one another: where runs are as long, the layers of all; else unknown."""
    if len({tuple(origin.units for origin in term) for term in terms}) > 1:
        return ()
    sums = []
    for runs in zip(*terms, strict=True):
        same = len({run.first for run in runs}) == 1
        layers = tuple(dict.fromkeys(layer for run in runs for layer in run.layers))
        sums.append(ChannelOrigin(layers if same else (), runs[0].first, runs[0].units))
    return tuple(sums)


def _largest_factor(call: Call, tape: Tape, origins: Mapping[int, Origins]) -> Origins:
    """The origins of the largest factor, such as a map that one number a channel scales; () of two maps."""
    sizes = {value: math.prod(tape.shapes[value][2:]) for value in call.inputs}
    largest = {origins[value] for value, size in sizes.items() if size == max(sizes.values())}
    return largest.pop() if len(largest) == 1 else ()


def _merged(origins: Origins) -> Origins:
    """Neighbouring runs of the same layers as one."""
    merged: list[ChannelOrigin] = []
    for run in origins:
        last = merged[-1] if merged else None
        if last and last.layers == run.layers and (last.first + last.units == run.first or not run.layers):
            merged[-1] = replace(last, units=last.units + run.units)
        else:
            merged.append(run)
    return tuple(merged)
