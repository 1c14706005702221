"""Small pictures of a layer's units in a few steps, on sheets, as many as a quick build has time for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wbsite.analyses.base import Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry
from wbsite.featurevis import Settings, Target, quick_pictures, sheet
from wbsite.featurevis.objectives import locate
from wbsite.graph.layers import Layer
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Call

from ._picture_rows import row

PER_SHEET, COLUMNS = 128, 16
"""Units on a sheet, which are also what is kept and found again together, and tiles in a row."""

ROOMY, MOST = 3.5e11, 1.4e12
"""Multiplications of one step for all units of a network, up to which a larger size is taken, and up to which all units
are pictured. InceptionV1 has 3.4e11 at 32 pixels, and eight steps take a minute of one core."""


def quick_side(context: Context) -> int:
    """Pixels of a picture's shorter side: at most half of the network's input; the largest size that suits its cost."""
    sides = [min(side, min(context.model.spec.input_shape[1:]) // 2) for side in context.params["quick_sizes"]]
    return next((side for side in sides if _multiplications(context, side) <= ROOMY), sides[-1])


def quick_count(context: Context, layer: Layer) -> int:
    """How many of the layer's units are pictured: all, or the same share of each layer of a large network."""
    share = min(1.0, MOST / _multiplications(context, quick_side(context)))
    return math.ceil(share * layer.out_channels)


def quick_sheets(context: Context, layer: Layer, count: int, settings: Settings) -> list[Entry]:
    """The sheets of the layer's first units, those that are not there yet computed.

    Args:
        settings: for batches of PER_SHEET.
    """
    ranges = [range(i, min(i + PER_SHEET, count)) for i in range(0, count, PER_SHEET)]
    sheets = {channels: context.parts.get({"quick": list(channels)}) for channels in ranges}
    missing = [channels for channels, entry in sheets.items() if entry is None]
    if missing:
        targets = [Target(layer.name, channel) for channels in missing for channel in channels]
        context.progress.step(f"{layer.name}: small pictures of {len(targets)} units", len(targets))
        made = quick_pictures(context.model, targets, settings, context.device, context.progress)
        for channels, pictures in zip(missing, made, strict=True):
            tiles = [picture.image if picture.agrees else None for picture in pictures]
            files = {"sheet.webp": sheet(tiles, COLUMNS)}
            contents = Contents({"rows": [row(picture, quick=True) for picture in pictures]}, pictures=files)
            sheets[channels] = context.parts.put({"quick": list(channels)}, contents)
    return [entry for entry in sheets.values() if entry is not None]


def _multiplications(context: Context, side: int) -> float:
    """Of one step for all units of all convolutions, forward and back: products of pictures of this size."""
    usual = context.model.spec.input_shape
    recorded = Recorded.of(context.model)
    total = recorded.kept("multiplications of all units", lambda: _all_passes(recorded, context.layers.convs))
    return total * (side / min(usual[1:])) ** 2


def _all_passes(recorded: Recorded, layers: Sequence[Layer]) -> float:
    """Multiplications of a pass forward and back at the recorded size to each unit of these layers."""
    tape, total = recorded.tape, 1.0
    for layer in layers:
        try:
            value, _ = locate(tape, Target(layer.name, 0))
        except WbsiteError:  # no calls lead to it: it gets no pictures either
            continue
        products = sum(_products(call, tape.shapes[call.outputs[0]]) for call in tape.program([value]).calls)
        total += 2.0 * layer.out_channels * products
    return total


def _products(call: Call, shape: Sequence[int]) -> float:
    """Of a convolution: its weights, at each position of its output."""
    return 0.0 if call.kernel is None else float(call.kernel.numel() * math.prod(shape[2:]))
