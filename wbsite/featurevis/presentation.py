"""Stimuli shown at the centre of a network's input, and how the units there respond.

The network is run no further than the layers that are read, on a canvas just large enough that their central
positions see all of the stimulus and none of the padding; where that is more than the network's usual input, on
the usual input, padding included, as in its training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.graph.receptive_field import Axis, window
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import INPUT, Program, Tape
from wbsite.ops.tuning.stimuli import Battery, Field, battery

from .base import Network
from .frozen import frozen
from .image_model import Sight, channels_of

_PIXELS = 700_000
"""Of all canvases of a batch together: more does not make a processor faster, and needs memory."""

_MOST = 256


@dataclass(frozen=True)
class Place:
    """Where a layer is read.

    Attributes:
        value: number of its activation on the tape.
        axis: what its positions see of the input along both axes; None where they see all of it.
        rows, columns: first position read, and the one after the last: 3 × 3 around the stimuli's centre.
    """

    value: int
    axis: Axis | None
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """A canvas on which several layers see the same stimuli.

    Attributes:
        side: of the stimuli: what the layers' widest units see, at most the network's usual input, in pixels.
        canvas: of the input.
        centre: row and column of the stimuli's centre.
        padded: whether the units also see padding around the canvas.
        places: layer → where it is read.
    """

    side: int
    canvas: int
    centre: tuple[float, float]
    padded: bool
    places: Mapping[str, Place]


def stage(tape: Tape, layers: Sequence[str], usual: int) -> Stage:
    """The smallest canvas for these layers.

    Args:
        tape: of the network at its usual input.
        usual: side of that input.

    Raises:
        WbsiteError: a layer is unknown, or what it makes is no map.
    """
    values = {name: tape.activation(name) for name in layers}
    for name, value in values.items():
        if len(tape.shapes[value]) != 4:
            raise WbsiteError(f"{name} makes no map.", "Stimuli are shown to units of convolutions.")
    axes = {name: _axis(tape, value) for name, value in values.items()}
    known = [axis for axis in axes.values() if axis is not None]
    if len(known) < len(axes) or (canvas := _canvas(known)) is None or canvas[0] > usual:
        side = usual if len(known) < len(axes) else min(max(axis.size for axis in known), usual)
        widest = max(known, key=lambda axis: axis.size, default=None) if len(known) == len(axes) else None
        middle = (usual - 1) / 2
        centre = middle if widest is None else _sees(widest, _nearest(widest, middle))
        places = {
            name: _place(value, axes[name], centre, usual, tape.shapes[value][2:]) for name, value in values.items()
        }
        return Stage(side, usual, (centre, centre), True, places)
    size, centre = canvas
    places = {name: _place(value, axes[name], centre, size, None) for name, value in values.items()}
    return Stage(max(axis.size for axis in known), size, (centre, centre), False, places)


@torch.no_grad()
def present(
    model: Network, layers: Sequence[str], device: torch.device, progress: Progress | None = None, label: str = ""
) -> tuple[Stage, Battery, dict[str, torch.Tensor]]:
    """Shows the battery to all layers in one pass.

    A response is the largest, over the 3 × 3 positions around the stimulus, of what the unit's activation (after
    its rectifier, in float32) is above that on an empty grey canvas, and 0 where none is above.

    Returns:
        The stage; the stimuli; layer → (stimuli, units) float32 responses on the CPU, NaN where weights are missing.

    Raises:
        WbsiteError: the network reads no pictures, a layer is unknown or makes no map, or its units see too little.
    """
    usual, channels = int(model.spec.input_shape[1]), channels_of(model)
    tape = Recorded.of(model.module, model.spec.input_shape).tape
    found = stage(tape, layers, usual)
    program = frozen(tape.program([place.value for place in found.places.values()]), device, torch.float32)
    preprocess, shape = model.spec.preprocess, (1, -1, 1, 1)
    mean, std = (torch.tensor(x, device=device).reshape(shape) for x in (preprocess.mean, preprocess.std))
    sight = Sight(tape, found.canvas, channels, float(preprocess.scale), mean, std, device, torch.float32)
    shown = battery(found.side, colour=channels == 3)
    field = Field.of(found.canvas, found.centre, found.side, device)
    blank = _read(program, sight, torch.zeros(1, 3, found.canvas, found.canvas, device=device), found)
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in found.places}
    size = max(1, min(_MOST, _PIXELS // found.canvas**2))
    if progress:
        progress.step(label, len(shown))
    for pictures in shown.batches(field, size):
        for name, maps in _read(program, sight, pictures, found).items():
            above = (maps - blank[name]).amax((2, 3))
            parts[name].append(above.clamp_min(0).cpu())
        if progress:
            progress.advance(len(pictures))
    return found, shown, {name: torch.cat(rows) for name, rows in parts.items()}


def _read(program: Program, sight: Sight, pictures: torch.Tensor, at: Stage) -> dict[str, torch.Tensor]:
    """Layer → (n, units, 3, 3) activations around the centre."""
    seen = pictures if sight.channels == 3 else pictures.mean(1, keepdim=True)
    values = program(sight.given(seen))
    return {
        name: values[place.value][:, :, slice(*place.rows), slice(*place.columns)] for name, place in at.places.items()
    }


def _axis(tape: Tape, value: int) -> Axis | None:
    """What positions of a value see of the input along the wider of both axes; None where they see all of it."""
    both = window(tape.path(INPUT, value), INPUT, value)
    if both is None:
        return None
    return Axis(both[0].stride, min(axis.low for axis in both), max(axis.high for axis in both))


def _canvas(axes: Sequence[Axis]) -> tuple[int, float] | None:
    """The side and the centre of the smallest canvas on which 3 × 3 positions of all layers see no padding."""
    widest = max(axes, key=lambda axis: (axis.size, axis.stride))
    least = max(1.5 * axis.stride + axis.size / 2 for axis in axes)
    first = max(1, math.ceil((least - _sees(widest, 0)) / widest.stride))
    centre = _sees(widest, first)
    last = max(axis.stride * (_nearest(axis, centre) + 1) + axis.high for axis in axes)
    return last + 1, centre


def _sees(axis: Axis, position: int) -> float:
    """The middle of what a position sees."""
    return axis.stride * position + (axis.low + axis.high) / 2


def _nearest(axis: Axis, pixel: float) -> int:
    """The position whose middle is nearest to a pixel, the upper or left one of two."""
    return math.ceil((pixel - (axis.low + axis.high) / 2) / axis.stride - 0.5)


def _place(value: int, axis: Axis | None, centre: float, canvas: int, shape: tuple[int, ...] | None) -> Place:
    """The 3 × 3 positions around the centre, as far as they lie on a map of this shape (rows, columns)."""
    along = []
    for size in shape or (None, None):
        if axis is not None:
            position = _nearest(axis, centre)
        else:
            assert size is not None
            position = round((centre + 0.5) / canvas * size - 0.5)
        low, high = position - 1, position + 2
        along.append((max(low, 0), high if size is None else min(high, size)))
    return Place(value, axis, along[0], along[1])
