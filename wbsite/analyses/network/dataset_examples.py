"""The patches of photographs that excite each unit most, from one pass of the photographs through the network.

The nine strongest positions of a unit's pre-activation are kept while the photographs go by. Where there are at least
nine photographs, each gives one position, its strongest; of fewer, each gives several, of which every one is half a
receptive field or more away, along rows or along columns, from all stronger ones. A patch is what the unit sees there:
its receptive field, as far as it lies in the photograph; beyond that is padding.

Published are the photographs in which patches lie, once for all layers, and where in them the patches are: fewer bytes
than the patches of all units, at every pixel the network has.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from PIL import Image

from wbsite.analyses.base import Analysis, Context, PhotographCollection
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry
from wbsite.core.threads import one_thread
from wbsite.featurevis.base import Target
from wbsite.featurevis.execution import REMARKS, Run
from wbsite.featurevis.image_model import ImageModel
from wbsite.featurevis.objectives import Readout, readouts
from wbsite.graph.receptive_field import Axis, ReceptiveField, receptive_field_in_input
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Tape
from wbsite.ops.strongest_positions import NONE, Search, Strongest, apart, one_a_picture
from wbsite.results.network.dataset_examples import DatasetExamples, LayerExamples, LeftOut
from wbsite.results.photographs import PhotographSet

from ._not_finite import why_not_finite

PATCHES = 9

CHUNK = 512
"""Photographs after which what was found is kept, so that a run that was killed goes on from there."""

_MAPS_BYTES, _MOST = 64 * 2**20, 16
"""Of the maps of a batch, and pictures in it; larger batches are no faster."""

LOSSLESS, QUALITY = 64, 85
"""Sides of photographs that are kept exactly, in pixels, and the quality of larger ones as WebP: 10 KB for 224."""


@dataclass(frozen=True)
class _Surveyed:
    """A convolution whose units are looked at.

    Attributes:
        value: of its pre-activation.
        shape: (height, width) of that.
        field: of its units in the network's input; None where it is no window.
        rectified: whether a rectifier follows.
    """

    name: str
    units: int
    value: int
    shape: tuple[int, int]
    field: ReceptiveField | None
    rectified: bool

    @classmethod
    def of(cls, name: str, readout: Readout, tape: Tape) -> _Surveyed:
        value = readout.value
        _, units, height, width = tape.shapes[value]
        field = receptive_field_in_input(tape, value)
        return cls(name, units, value, (height, width), field, tape.activation(name) != tape.pre_activation(name))

    def search(self, photographs: int) -> Search:
        """By the rule for so many photographs."""
        if photographs >= PATCHES:
            return one_a_picture
        if self.field is None:
            return partial(apart, distance=self.shape, count=1)
        half = tuple(max(1, math.ceil(axis.size / 2 / axis.stride)) for axis in self.field)
        return partial(apart, distance=(half[0], half[1]), count=PATCHES)

    def boxes(self, positions: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
        """Top, left, height and width of the receptive fields of positions, as far as they lie in the picture."""
        ends = []
        for along, places in enumerate(np.divmod(positions, self.shape[1])):
            axis = self.field[along] if self.field else Axis(0, 0, size[along] - 1)
            first, last = (np.clip(axis.stride * places + end, 0, size[along] - 1) for end in (axis.low, axis.high))
            ends.append((first, last - first + 1))
        (top, height), (left, width) = ends
        return top, left, height, width


def run(context: Context) -> DatasetExamples:
    """The strongest positions of all units, and the photographs in which they lie."""
    photographs = context.photograph_collection()
    with one_thread(context.device):
        shape = context.model.spec.input_shape
        recorded = Recorded.of(context.model).on(context.device)
        layers, left_out = _surveyed(context, recorded.tape)
        size = (int(shape[1]), int(shape[2]))
        network = ImageModel.of(context.model, recorded, size, size, context.device)
        network = network.suited([layer.value for layer in layers])
        strongest = _strongest(context, photographs, network, layers)
    kept, rows = [], []
    for layer in layers:
        found = strongest[layer.name]
        if bool((found.activations == NONE).all()):
            reason = f"its activations are no finite numbers: {why_not_finite(context)}"
            left_out.append(LeftOut(layer=layer.name, reason=reason))
            continue
        kept.append(_about(layer, found))
        rows.append(_rows(layer, found, size, photographs.names))
    table = pd.concat(rows, ignore_index=True) if rows else DatasetExamples.frame("rows", [])
    shown = np.unique(table["photograph"].to_numpy(np.int64))
    encoded = list(_encoded(context, photographs, shown.tolist()))
    return DatasetExamples(
        patches=PATCHES,
        photographs=PhotographSet(**photographs.about),
        size=size,
        apart=len(photographs.names) < PATCHES,
        remark=REMARKS[network.way],
        layers=tuple(kept),
        left_out=tuple(left_out),
        shown=shown,
        names=tuple(photographs.names[number] for number in shown),
        encoded=np.frombuffer(b"".join(encoded), np.uint8),
        ends=np.cumsum([len(data) for data in encoded], dtype=np.int64),
        rows=table,
    )


def _surveyed(context: Context, tape: Tape) -> tuple[list[_Surveyed], list[LeftOut]]:
    layers, left_out = [], []
    for layer in context.layers.convs:
        if f"{layer.name}.weight" in context.model.missing:
            left_out.append(LeftOut(layer=layer.name, reason="the weights file does not hold it"))
            continue
        try:
            [readout] = readouts(tape, [Target(layer.name, 0)], context.device)
            layers.append(_Surveyed.of(layer.name, readout, tape))
        except WbsiteError as error:
            left_out.append(LeftOut(layer=layer.name, reason=error.message))
    return layers, left_out


def _strongest(
    context: Context, photographs: PhotographCollection, network: ImageModel, layers: Sequence[_Surveyed]
) -> Mapping[str, Strongest]:
    """Of every layer, from one pass of the photographs; what a chunk of them gave is kept where there are several."""
    count = len(photographs.names)
    program = network.program(readouts(network.tape, [Target(layer.name, 0) for layer in layers], context.device))
    strongest = {layer.name: Strongest.none(layer.units, PATCHES) for layer in layers}
    context.progress.step(f"strongest of {count} photographs", count)
    for first in range(0, count, CHUNK):
        numbers = range(first, min(first + CHUNK, count))
        name = {"photographs": [numbers.start, numbers.stop]}
        entry = context.parts.get(name) if count > CHUNK else None
        if entry is not None:
            found = _of_part(entry, layers)
            context.progress.advance(len(numbers))
        else:
            found = _of_chunk(context, photographs, program, layers, numbers)
            if count > CHUNK:
                found = _of_part(context.parts.put(name, _part(found)), layers)
        strongest = {name: strongest[name].merged(found[name]) for name in strongest}
    return strongest


def _of_chunk(
    context: Context, photographs: PhotographCollection, program: Run, layers: Sequence[_Surveyed], numbers: range
) -> dict[str, Strongest]:
    searches = {layer.name: layer.search(len(photographs.names)) for layer in layers}
    strongest = {layer.name: Strongest.none(layer.units, PATCHES) for layer in layers}
    bytes_of_one = 4 * sum(layer.units * math.prod(layer.shape) for layer in layers)
    batch = max(1, min(_MOST, _MAPS_BYTES // max(1, bytes_of_one)))
    with torch.no_grad():
        for first in range(numbers.start, numbers.stop, batch):
            some = range(first, min(first + batch, numbers.stop))
            values = program(photographs.read(some).contiguous(memory_format=torch.channels_last))
            for layer in layers:
                found = searches[layer.name](values[layer.value])
                strongest[layer.name] = strongest[layer.name].after(found, first)
            context.progress.advance(len(some))
    return strongest


_PARTS = ("activations", "pictures", "positions", "lowest")


def _part(strongest: Mapping[str, Strongest]) -> Contents:
    arrays = {
        f"{number}/{part}": getattr(found, part).numpy()
        for number, found in enumerate(strongest.values())
        for part in _PARTS
    }
    return Contents(arrays=arrays)


def _of_part(entry: Entry, layers: Sequence[_Surveyed]) -> dict[str, Strongest]:
    return {
        layer.name: Strongest(*(torch.from_numpy(entry.arrays[f"{number}/{part}"]) for part in _PARTS))
        for number, layer in enumerate(layers)
    }


def _about(layer: _Surveyed, found: Strongest) -> LayerExamples:
    silent = (found.activations[:, 0] <= 0) & ~found.alike
    height, width = layer.field or (Axis(0), Axis(0))
    return LayerExamples(
        layer=layer.name,
        units=layer.units,
        shape=layer.shape,
        field=(height.size, width.size) if layer.field else None,
        stride=(height.stride, width.stride),
        offset=(height.low, width.low),
        rectified=layer.rectified,
        silent=int(silent.sum()) if layer.rectified else 0,
        alike=int(found.alike.sum()),
    )


def _rows(layer: _Surveyed, found: Strongest, size: tuple[int, int], names: Sequence[str]) -> pd.DataFrame:
    """One row a patch, units in order and strongest first."""
    units, ranks = np.nonzero(((found.activations != NONE) & ~found.alike[:, None]).numpy())
    positions, pictures = found.positions.numpy()[units, ranks], found.pictures.numpy()[units, ranks]
    top, left, height, width = layer.boxes(positions, size)
    columns = {
        "layer": np.full(len(units), layer.name, object),
        "unit": units,
        "rank": ranks + 1,
        "photograph": pictures,
        "name": np.array(names, object)[pictures],
        "row": positions // layer.shape[1],
        "column": positions % layer.shape[1],
        "activation": found.activations.numpy()[units, ranks].astype(np.float64),
        "top": top,
        "left": left,
        "height": height,
        "width": width,
    }
    return pd.DataFrame(columns)


def _encoded(context: Context, photographs: PhotographCollection, numbers: Sequence[int]) -> Iterator[bytes]:
    """These photographs as the network saw them, each as a WebP."""
    preprocess = context.model.spec.preprocess
    context.progress.step("photographs with patches", len(numbers))
    for first in range(0, len(numbers), _MOST):
        some = numbers[first : first + _MOST]
        for pixels in preprocess.pixels(photographs.read(some)).cpu().numpy():
            grey = pixels.shape[-1] == 1
            file = io.BytesIO()
            lossless = max(pixels.shape[:2]) <= LOSSLESS
            Image.fromarray(pixels[..., 0] if grey else pixels).save(file, "WEBP", quality=QUALITY, lossless=lossless)
            yield file.getvalue()
        context.progress.advance(len(some))


ANALYSES = (Analysis(result=DatasetExamples, scope="model", run=run, inputs=("photograph_collection",)),)
