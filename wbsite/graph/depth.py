"""How many spatial convolutions lie between the values of a recorded network, and which map is so many steps back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .channel_origin import spans
from .operations import AVERAGES, BATCH_NORMS, MAXIMA, MOVES, NORMALISATIONS, UNCHANGED
from .tape import INPUT, Tape

_SAME_UNITS = MAXIMA | AVERAGES | NORMALISATIONS | UNCHANGED | MOVES


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
    found = []
    for value, name in names.items():
        producer, shape = tape.makers.get(value), tape.shapes[value]
        if len(shape) != 4 or producer is None or producer.operation in _SAME_UNITS:
            continue
        if producer.operation in BATCH_NORMS and name not in layers:
            continue
        if all(span.layers for span in spans(tape, value)):
            found.append(NamedMap(name, value, shape[1]))
    return sorted(found, key=lambda one: (one.channels, one.value), reverse=True)


def steps_to(tape: Tape, end: int) -> dict[int, int]:
    """Value → spatial convolutions (kernels of more than one position) on the way from it to `end`.

    Of several ways the one with most of them counts; 1×1 convolutions, such as bottlenecks, do not. Values from
    which nothing leads to `end` are absent.
    """
    found = {end: 0}
    for call in reversed(tape.path(INPUT, end)):
        kernel = call.kernel
        behind = max(found[value] for value in call.outputs if value in found)
        behind += kernel is not None and kernel[0, 0].numel() > 1
        found |= {value: max(behind, found.get(value, 0)) for value in call.inputs}
    return found


def source_back(maps: Iterable[NamedMap], away: Mapping[int, int], steps: int) -> str | None:
    """Name of the first of `maps` that is exactly so many steps away; None where there is none.

    Args:
        away: of `steps_to`.
    """
    return next((one.name for one in maps if away.get(one.value) == steps), None)
