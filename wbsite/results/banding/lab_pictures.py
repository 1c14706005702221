"""NMF pictures of the last two layers of every experiment of the banding laboratory, and H measured on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value

SETTING = text("name of the setting")
EXPERIMENT = text("name of the experiment")
PLACE = text("last or before: the last convolution, or the one before it")
LAYER = text("name of the layer")
SEED = integer("seed of the run")
ERROR = number("relative error of the factorisation, mean over units", "0 to 1")


class Quantisation(Record):
    """How far H of rounded kernels, from which pictures are made, is from H of the full weights, as runs recorded it.

    Attributes:
        levels: that the weights of a unit are rounded to.
        layers: that were compared, of all runs.
        largest_difference, mean_difference: absolute, of H.
        ratio: slope of rounded on full H through zero. Rounding adds variance without direction, which takes from |H|.
        largest_layer: run and layer of the largest difference.
    """

    levels: int
    layers: int
    largest_difference: float | None
    mean_difference: float | None
    ratio: float | None
    largest_layer: str


class LabPictures(Result, analysis="lab_pictures"):
    """Pictures of an even sample of each layer's units, seeds together, in order of similarity."""

    components: int = value("factors of a picture")
    article_threshold: float = value("|H| of pictures above which the article sees banding")
    quantisation: Quantisation = value("what rounding does to H")
    pictures: Mapping[str, NDArray[np.uint8]] = arrays(
        "unit", "row", "column", "factor", about="SETTING/EXPERIMENT/PLACE → pictures", unit="0 to 255"
    )
    units: Table = table(
        setting=SETTING, experiment=EXPERIMENT, place=PLACE,
        position=integer("number of the picture in its stack, from 0"),
        seed=SEED,
        unit=integer("number of the unit in its layer, from 0"),
        index=number("H of its picture", "−1 to 1", missing=True),
    )  # fmt: skip
    runs: Table = table(
        setting=SETTING, experiment=EXPERIMENT, place=PLACE, layer=LAYER, seed=SEED,
        units=integer("units of the layer"),
        row_share=number("R of the pictures", "0 to 1", missing=True),
        column_share=number("C of the pictures", "0 to 1", missing=True),
        index=number("H of the pictures", "−1 to 1", missing=True),
        low=number("lower end of the bootstrap interval of H over units", missing=True),
        high=number("upper end of it", missing=True),
        verdict=text("horizontal, vertical, none or undefined, by the article's threshold"),
        error=ERROR,
    )  # fmt: skip
    summary: Table = table(
        setting=SETTING, experiment=EXPERIMENT, place=PLACE,
        title=text("title of the experiment"),
        group=text("group of the experiment"),
        order=integer("place of the experiment in the suite"),
        layer=LAYER,
        seeds=integer("number of runs"),
        index=number("mean H of the pictures", "−1 to 1", missing=True),
        low=number("lower end of its Student t interval over seeds", missing=True),
        high=number("upper end of it", missing=True),
        error=ERROR,
        horizontal=integer("runs banded horizontally, by the article's threshold"),
        vertical=integer("runs banded vertically"),
        none=integer("runs that are not banded"),
        undefined=integer("runs whose pictures do not vary over space"),
    )  # fmt: skip


RESULTS = (LabPictures,)
