"""Presents stimuli at the centre of a network's input, and measures how the units there respond.

The network is run no further than the layers that are read, on a canvas just large enough that their central
positions see all of the stimulus and none of the padding; where that is more than the network's usual input, on
the usual input, padding included, as in its training. Of every map only what those positions see is computed, and of
that only what the stimulus changes (`graph/partial_pass.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.graph.partial_pass import PartialPass, WholePass
from wbsite.graph.receptive_field import Axis, Positions, receptive_field_in_input
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Program, Tape
from wbsite.ops.tuning.stimuli import Battery, Field, battery

from .base import Network
from .execution import REMARKS
from .image_model import ImageModel, picture_channels
from .parameterisations import Size

_NUMBERS = 2**21
"""In the largest map of a batch: that and what is made of it stay in a processor's cache, and no memory is returned to
the system after each batch."""

_KEPT = 2**28
"""In all maps of a batch that are asked for, which are held until all are there: as float32, a gigabyte."""

_LARGEST_BATCH = 256


@dataclass(frozen=True)
class CentrePositions:
    """Where a layer is read: 3 × 3 positions around the stimuli's centre.

    Attributes:
        value: number of its activation on the tape.
        axes: what its positions see of the input along height and width; None where they see all of it.
        rows, columns: first position read, and the one after the last.
    """

    value: int
    axes: tuple[Axis, Axis] | None
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def positions(self) -> Positions:
        """First and last row, first and last column."""
        return (self.rows[0], self.rows[1] - 1), (self.columns[0], self.columns[1] - 1)


@dataclass(frozen=True)
class Canvas:
    """An input on which several layers see the same stimuli.

    Attributes:
        side: of the stimuli: what the layers' widest units see, at most the network's usual input, in pixels.
        size: (height, width) of the input, in pixels.
        centre: row and column of the stimuli's centre.
        padded: whether the units also see padding around the input.
        positions: layer → where it is read.
    """

    side: int
    size: Size
    centre: tuple[float, float]
    padded: bool
    positions: Mapping[str, CentrePositions]


def smallest_canvas(tape: Tape, layers: Sequence[str], usual: Size, whole: bool = False) -> Canvas:
    """The smallest canvas for these layers.

    Args:
        tape: of the network at its usual input.
        usual: (height, width) of that input.
        whole: to take the usual input in any case.

    Raises:
        WbsiteError: a layer is unknown, or its output is no map.
    """
    values = {name: tape.activation(name) for name in layers}
    for name, value in values.items():
        if len(tape.shapes[value]) != 4:
            raise WbsiteError(f"{name} makes no map.", "Stimuli are shown to units of convolutions.")
    axes = {name: _axes(tape, value) for name, value in values.items()}
    limited = [pair for pair in axes.values() if pair is not None]
    along = list(zip(*limited, strict=True))  # all layers' axes along height, and along width
    if not whole and len(limited) == len(axes):
        sides, centres = zip(*map(_unpadded, along), strict=True)
        if all(side <= most for side, most in zip(sides, usual, strict=True)):
            positions = {name: _positions(value, axes[name], centres, sides, None) for name, value in values.items()}
            return Canvas(max(axis.size for axis in along[0]), tuple(sides), tuple(centres), False, positions)
    side, centre = min(usual), tuple((length - 1) / 2 for length in usual)
    if len(limited) == len(axes):
        widest = [max(part, key=lambda axis: axis.size) for part in along]
        side = min(widest[0].size, *usual)
        centre = tuple(_middle(axis, _nearest(axis, middle)) for axis, middle in zip(widest, centre, strict=True))
    positions = {
        name: _positions(value, axes[name], centre, usual, tape.shapes[value][2:]) for name, value in values.items()
    }
    return Canvas(side, usual, (centre[0], centre[1]), True, positions)


def seen_together(model: Network, groups: Sequence[Sequence[str]], device: torch.device) -> list[list[str]]:
    """Groups of layers, those joined that see the same stimuli at the same place: one pass then serves them all.

    That is so deep in a network whose units see more than its input. A group that `present` refuses stays alone.
    """
    joined: dict[object, list[str]] = {}
    for number, layers in enumerate(groups):
        try:
            recorded, usual = _recorded(model, device)
            canvases = [smallest_canvas(recorded.tape, layers, usual, whole) for whole in (False, True)]
            place: object = tuple((each.side, each.size, each.centre, each.padded) for each in canvases)
        except WbsiteError:  # which is for `present` to say
            place = number
        joined.setdefault(place, []).extend(layers)
    return list(joined.values())


def _recorded(model: Network, device: torch.device) -> tuple[Recorded, Size]:
    """The network recorded at its usual input, and that input's (height, width)."""
    channels, (height, width) = picture_channels(model), model.spec.input_shape[1:]
    usual = (int(height), int(width))
    return Recorded.of(model.module, (channels, *usual)).on(device), usual


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
    channels, (recorded, usual) = picture_channels(model), _recorded(model, device)
    canvas = smallest_canvas(recorded.tape, layers, usual)
    network = _suited(model, recorded, canvas, device)
    if network.way == "live" and canvas.size != usual:  # the recording, which is of another size, does not hold here
        canvas = smallest_canvas(recorded.tape, layers, usual, whole=True)
        network = _suited(model, recorded, canvas, device)
    if progress and (remark := REMARKS[network.way]):
        progress.line(f"{label}: {remark}")
    run = network.run({part.value: partial(_activation, name=name) for name, part in canvas.positions.items()})
    stimuli = battery(canvas.side, colour=channels == 3)
    blank = _network_input(network, torch.zeros(1, 3, *canvas.size, dtype=torch.float32, device=device))
    read = {part.value: part.positions for part in canvas.positions.values()}
    measured = PartialPass(run, blank, read) if isinstance(run, Program) else WholePass(run, blank, read)
    responses = {
        name: torch.empty(len(stimuli), measured.asked(part.value).shape[1]) for name, part in canvas.positions.items()
    }
    if progress:
        progress.step(label, len(stimuli))
    for piece in stimuli.pieces():
        plan = measured.plan(_square(canvas, piece.radius))
        (top, bottom), (left, right) = plan.window
        window, centre = (bottom - top + 1, right - left + 1), (canvas.centre[0] - top, canvas.centre[1] - left)
        field = Field.of(window, centre, canvas.side, device)
        most = min(_LARGEST_BATCH, _NUMBERS // plan.largest, _KEPT // plan.kept)
        for numbers, pictures in piece.batches(field, max(1, most)):
            values = measured(_network_input(network, pictures), plan)
            for name, part in canvas.positions.items():
                above = (values[part.value] - measured.asked(part.value)).amax((2, 3))
                responses[name][numbers] = above.clamp_min(0).cpu()
            if progress:
                progress.advance(len(pictures))
    return canvas, stimuli, responses


def _network_input(network: ImageModel, pictures: torch.Tensor) -> torch.Tensor:
    return network.network_input(pictures if network.channels == 3 else pictures.mean(1, keepdim=True))


def _square(canvas: Canvas, radius: float) -> Positions:
    """First and last row and column of the canvas that are at most so far from the stimuli's centre."""
    rows, columns = (
        (max(0, math.ceil(middle - radius)), min(side - 1, math.floor(middle + radius)))
        for middle, side in zip(canvas.centre, canvas.size, strict=True)
    )
    return rows, columns


def _activation(tape: Tape, name: str) -> int:
    return tape.activation(name)


def _suited(model: Network, recorded: Recorded, canvas: Canvas, device: torch.device) -> ImageModel:
    seen = ImageModel.of(model, recorded, canvas.size, canvas.size, device)
    return seen.suited([positions.value for positions in canvas.positions.values()])


def _axes(tape: Tape, value: int) -> tuple[Axis, Axis] | None:
    """What positions of a value see of the input along height and width, widened on both sides of the narrower one to
    a square; None where they see all of it."""
    axes = receptive_field_in_input(tape, value)
    if axes is None:
        return None
    more = [max(axis.size for axis in axes) - axis.size for axis in axes]
    height, width = (
        replace(axis, low=axis.low - extra // 2, high=axis.high + extra - extra // 2)
        for axis, extra in zip(axes, more, strict=True)
    )
    return height, width


def _unpadded(axes: Sequence[Axis]) -> tuple[int, float]:
    """The side and the centre of the smallest canvas on which 3 positions of all layers see no padding."""
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
    value: int,
    axes: tuple[Axis, Axis] | None,
    centre: Sequence[float],
    canvas: Sequence[int],
    shape: Sequence[int] | None,
) -> CentrePositions:
    """The 3 × 3 positions around the centre, as far as they lie on a map of this shape (rows, columns)."""
    ranges = []
    for i, size in enumerate(shape or (None, None)):
        if axes is not None:
            position = _nearest(axes[i], centre[i])
        else:
            assert size is not None
            position = round((centre[i] + 0.5) / canvas[i] * size - 0.5)
        low, high = position - 1, position + 2
        ranges.append((max(low, 0), high if size is None else min(high, size)))
    return CentrePositions(value, axes, ranges[0], ranges[1])
