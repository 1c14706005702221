"""Patches of photographs that excite a network's units most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, array, integer, number, table, text, value
from wbsite.results.photographs import PhotographSet


class LayerExamples(Record):
    """What holds for all units of a layer.

    Attributes:
        layer: its name.
        units: how many it has.
        shape: (height, width) of its map.
        field: (height, width) of a unit's receptive field, in pixels; None where it is the whole picture.
        stride, offset: along height and width; a position q sees the pixels stride·q + offset to stride·q + offset +
            field − 1. 0 where there is no field.
        rectified: whether a rectifier follows.
        silent: of a rectified layer the units that no photograph makes fire: activations are 0 or less.
        alike: units that respond to all photographs equally, and have no patches.
    """

    layer: str
    units: int
    shape: tuple[int, int]
    field: tuple[int, int] | None
    stride: tuple[int, int]
    offset: tuple[int, int]
    rectified: bool
    silent: int
    alike: int


class LeftOut(Record):
    """A layer whose units have no patches, and why."""

    layer: str
    reason: str


class DatasetExamples(
    Result, analysis="dataset_examples", summary="patches of photographs that excite each unit of a convolution most"
):
    """For every unit the positions of its strongest activations, and the photographs in which they lie."""

    patches: int = value("of a unit, at most")
    photographs: PhotographSet = value("that were looked through")
    size: tuple[int, int] = value("height and width at which the network sees them", "pixels")
    apart: bool = value(
        "how patches of a unit are kept from being shifts of one: where there are at least as many photographs as"
        " patches, each photograph gives one (false); else several, half a receptive field or more apart (true)"
    )
    remark: str = value("how the network was run, where not on batches", default="")
    layers: tuple[LayerExamples, ...] = value("that have patches")
    left_out: tuple[LeftOut, ...] = value("convolutions that have none")
    shown: NDArray[np.int64] = array("picture", about="numbers of the photographs in which patches lie, ascending")
    names: tuple[str, ...] = value("of these: file, or class where it is in no file")
    encoded: NDArray[np.uint8] = array("byte", about="these photographs as the network saw them, WebP, end to end")
    ends: NDArray[np.int64] = array("picture", about="where each ends", unit="bytes")
    rows: Table = table(
        layer=text("name"),
        unit=integer("channel of the layer, from 0"),
        rank=integer("1 for the strongest"),
        photograph=integer("number, from 0"),
        name=text("of the photograph: file, or class where it is in no file"),
        row=integer("of the position in the layer's map, from 0"),
        column=integer("of the position in the layer's map, from 0"),
        activation=number("before the rectifier"),
        top=integer("of the patch: the unit's receptive field as far as it lies in the photograph", "pixels"),
        left=integer("of the patch", "pixels"),
        height=integer("of the patch", "pixels"),
        width=integer("of the patch", "pixels"),
    )

    def photograph(self, number: int) -> bytes:
        """A photograph as the network saw it, WebP.

        Raises:
            KeyError: no patch lies in it.
        """
        place = int(np.searchsorted(self.shown, number))
        if place == len(self.shown) or self.shown[place] != number:
            raise KeyError(number)
        first = int(self.ends[place - 1]) if place else 0
        return self.encoded[first : int(self.ends[place])].tobytes()


RESULTS = (DatasetExamples,)
