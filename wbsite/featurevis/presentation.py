"""Presents stimuli at the centre of a network's input, and measures how the units there respond.

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
from wbsite.graph.receptive_field import Axis, receptive_field
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import INPUT, Program, Tape
from wbsite.ops.tuning.stimuli import Battery, Field, battery

from .base import Network
from .frozen import frozen
from .image_model import ImageModel, picture_channels

_PIXELS = 700_000
"""Of all canvases of a batch together: more does not make a processor faster, and needs memory."""

_LARGEST_BATCH = 256


@dataclass(frozen=True)
class CentrePositions:
    """Where a layer is read: 3 × 3 positions around the stimuli's centre.

    Attributes:
        value: number of its activation on the tape.
        axis: what its positions see of the input along both axes; None where they see all of it.
        rows, columns: first position read, and the one after the last.
    """

    value: int
    axis: Axis | None
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Canvas:
    """An input on which several layers see the same stimuli.

    Attributes:
        side: of the stimuli: what the layers' widest units see, at most the network's usual input, in pixels.
        canvas: side of the input, in pixels.
        centre: row and column of the stimuli's centre.
        padded: whether the units also see padding around the input.
        positions: layer → where it is read.
    """

    side: int
    canvas: int
    centre: tuple[float, float]
    padded: bool
    positions: Mapping[str, CentrePositions]


def smallest_canvas(tape: Tape, layers: Sequence[str], usual: int) -> Canvas:
    """The smallest canvas for these layers.

    Args:
        tape: of the network at its usual input.
        usual: side of that input.

    Raises:
        WbsiteError: a layer is unknown, or its output is no map.
    """
    values = {name: tape.activation(name) for name in layers}
    for name, value in values.items():
        if len(tape.shapes[value]) != 4:
            raise WbsiteError(f"{name} makes no map.", "Stimuli are shown to units of convolutions.")
    axes = {name: _axis(tape, value) for name, value in values.items()}
    limited = [axis for axis in axes.values() if axis is not None]
    if len(limited) == len(axes) and (unpadded := _unpadded(limited))[0] <= usual:
        size, centre = unpadded
        positions = {name: _positions(value, axes[name], centre, size, None) for name, value in values.items()}
        return Canvas(max(axis.size for axis in limited), size, (centre, centre), False, positions)
    side, centre = usual, (usual - 1) / 2
    if len(limited) == len(axes):
        widest = max(limited, key=lambda axis: axis.size)
        side, centre = min(widest.size, usual), _middle(widest, _nearest(widest, centre))
    positions = {
        name: _positions(value, axes[name], centre, usual, tape.shapes[value][2:]) for name, value in values.items()
    }
    return Canvas(side, usual, (centre, centre), True, positions)


@torch.no_grad()
def present(
    model: Network, layers: Sequence[str], device: torch.device, progress: Progress | None = None, label: str = ""
) -> tuple[Canvas, Battery, dict[str, torch.Tensor]]:
    """Shows the battery to all layers in one pass.

    A response is the largest, over the 3 × 3 positions around the stimulus, of what the unit's activation (after
    its rectifier, in float32) is above that on an empty grey canvas, and 0 where none is above.

    Returns:
        The canvas; the stimuli; layer → (stimuli, units) float32 responses on the CPU, NaN where weights are missing.

    Raises:
        WbsiteError: the network reads no pictures, a layer is unknown or makes no map, or its units see too little.
    """
    usual, channels = int(model.spec.input_shape[1]), picture_channels(model)
    tape = Recorded.of(model.module, model.spec.input_shape).tape
    canvas = smallest_canvas(tape, layers, usual)
    values = [positions.value for positions in canvas.positions.values()]
    program = frozen(tape.program(values), device, torch.float32)
    preprocess, shape = model.spec.preprocess, (1, -1, 1, 1)
    mean, std = (torch.tensor(x, device=device).reshape(shape) for x in (preprocess.mean, preprocess.std))
    network = ImageModel(tape, canvas.canvas, channels, float(preprocess.scale), mean, std, device, torch.float32)
    stimuli = battery(canvas.side, colour=channels == 3)
    field = Field.of(canvas.canvas, canvas.centre, canvas.side, device)
    blank = _responses(program, network, torch.zeros(1, 3, canvas.canvas, canvas.canvas, device=device), canvas)
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in canvas.positions}
    size = max(1, min(_LARGEST_BATCH, _PIXELS // canvas.canvas**2))
    if progress:
        progress.step(label, len(stimuli))
    for pictures in stimuli.batches(field, size):
        for name, maps in _responses(program, network, pictures, canvas).items():
            above = (maps - blank[name]).amax((2, 3))
            parts[name].append(above.clamp_min(0).cpu())
        if progress:
            progress.advance(len(pictures))
    return canvas, stimuli, {name: torch.cat(rows) for name, rows in parts.items()}


def _responses(
    program: Program, network: ImageModel, pictures: torch.Tensor, canvas: Canvas
) -> dict[str, torch.Tensor]:
    """Layer → (n, units, 3, 3) activations around the centre."""
    values = program(network.network_input(pictures if network.channels == 3 else pictures.mean(1, keepdim=True)))
    return {
        name: values[positions.value][:, :, slice(*positions.rows), slice(*positions.columns)]
        for name, positions in canvas.positions.items()
    }


def _axis(tape: Tape, value: int) -> Axis | None:
    """What positions of a value see of the input along the wider of both axes; None where they see all of it."""
    axes = receptive_field(tape.path(INPUT, value), INPUT, value)
    if axes is None:
        return None
    return Axis(axes[0].stride, min(axis.low for axis in axes), max(axis.high for axis in axes))


def _unpadded(axes: Sequence[Axis]) -> tuple[int, float]:
    """The side and the centre of the smallest canvas on which 3 × 3 positions of all layers see no padding."""
    widest = max(axes, key=lambda axis: (axis.size, axis.stride))
    least = max(1.5 * axis.stride + axis.size / 2 for axis in axes)
    first = max(1, math.ceil((least - _middle(widest, 0)) / widest.stride))
    centre = _middle(widest, first)
    last = max(axis.stride * (_nearest(axis, centre) + 1) + axis.high for axis in axes)
    return last + 1, centre


def _middle(axis: Axis, position: int) -> float:
    """The pixel in the middle of what a position sees."""
    return axis.stride * position + (axis.low + axis.high) / 2


def _nearest(axis: Axis, pixel: float) -> int:
    """The position whose middle is nearest to a pixel, the upper or left one of two."""
    return math.ceil((pixel - (axis.low + axis.high) / 2) / axis.stride - 0.5)


def _positions(
    value: int, axis: Axis | None, centre: float, canvas: int, shape: tuple[int, ...] | None
) -> CentrePositions:
    """The 3 × 3 positions around the centre, as far as they lie on a map of this shape (rows, columns)."""
    ranges = []
    for size in shape or (None, None):
        if axis is not None:
            position = _nearest(axis, centre)
        else:
            assert size is not None
            position = round((centre + 0.5) / canvas * size - 0.5)
        low, high = position - 1, position + 2
        ranges.append((max(low, 0), high if size is None else min(high, size)))
    return CentrePositions(value, axis, ranges[0], ranges[1])
