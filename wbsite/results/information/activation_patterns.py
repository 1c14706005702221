"""Histograms of a study's activations through training, and how many of the activations are saturated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, Table, arrays, integer, number, table, text, value


class ActivationPatterns(Result, analysis="activation_patterns"):
    """Histograms by layer of every run, and by unit of one run a configuration.

    Counts are 0 once a run is not finite.
    """

    bins: int = value("of every histogram")
    ranges: dict[str, dict[str, tuple[float, float]]] = value(
        "configuration → layer → what the bins divide: the range of the activation function where it is bounded on"
        " both sides, else from the smallest to the largest activation of all records of the runs that lived, or of all"
        " runs where none did"
    )
    bounded: dict[str, bool] = value("configuration → whether the hidden layers' range is that of the function")
    example_seed: dict[str, int | None] = value(
        "configuration → seed of the first run that lived, whose units have histograms of their own; None for none"
    )
    flat_ends: dict[str, list[tuple[float, float]]] = value(
        "configuration → (value, distance) of each end at which the hidden layers' function is flat; up to the distance"
        " from it an activation counts as saturated"
    )
    rule: str = value("what counts as saturated, in words")
    layers: Mapping[str, NDArray[np.uint32]] = arrays(
        "seed", "record", "layer", "bin", about="configuration → counts, all units of a layer together"
    )
    units: Mapping[str, NDArray[np.uint32]] = arrays(
        "record", "unit", "bin", about="CONFIGURATION/LAYER → counts of the example run, of the layer's first 64 units"
    )
    saturation: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        epoch=integer("recorded epoch"),
        layer=text("name"),
        saturated=number(
            "share of the layer's activations that are; empty where the function is nowhere flat, or once the run is "
            "not finite", "0 to 1", missing=True,
        ),
        zero=number("share that are exactly 0; empty once the run is not finite", "0 to 1", missing=True),
    )  # fmt: skip


RESULTS = (ActivationPatterns,)
