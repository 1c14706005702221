"""Kernel norms of a layer, the distribution of its weights, and how concentrated they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, Table, array, integer, number, table, value


class Anatomy(
    Result,
    analysis="anatomy",
    summary="kernel norms, distribution of the weights, share of a unit's norm in its strongest inputs",
):
    """A layer's weights in numbers; None where a number is not defined."""

    weights: int = value("how many")
    mean: float | None = value("of the weights")
    std: float | None = value("standard deviation of the weights")
    excess_kurtosis: float | None = value("0 for a normal distribution")
    near_zero: float | None = value("share of weights below 1 % of the largest", "0 to 1")
    zero: float | None = value("share of weights that are exactly zero", "0 to 1")
    largest: float | None = value("largest |weight|")
    inputs: int = value("inputs of a unit")
    effective_inputs: float | None = value(
        "participation ratio of a unit's inputs, mean over live units", "1 to inputs"
    )
    dead_units: int = value("units whose weights are all zero")
    norm_mean: float | None = value("norm of a unit's kernel, mean over units")
    norm_std: float | None = value("and standard deviation")
    outside_histogram: int = value("weights beyond the histogram's ends")
    norm: NDArray[np.float64] = array("unit", about="norm of each unit's kernel")
    effective_inputs_per_unit: NDArray[np.float64] = array("unit", about="participation ratio; NaN for a dead unit")
    rows: Table = table(
        weights=integer("how many"),
        mean=number("of the weights", missing=True),
        std=number("standard deviation", missing=True),
        excess_kurtosis=number("0 for a normal distribution", missing=True),
        near_zero=number("share below 1 % of the largest", "0 to 1", missing=True),
        zero=number("share that are exactly zero", "0 to 1", missing=True),
        largest=number("largest |weight|", missing=True),
        inputs=integer("inputs of a unit"),
        effective_inputs=number("participation ratio, mean over live units", missing=True),
        dead_units=integer("units whose weights are all zero"),
        norm_mean=number("norm of a unit's kernel, mean over units", missing=True),
        norm_std=number("and standard deviation", missing=True),
    )
    histogram: Table = table(
        low=number("lower edge of the bin"), high=number("upper edge"), count=integer("weights in it")
    )
    concentration: Table = table(
        inputs=integer("strongest inputs that are counted"),
        share=number("their share of a unit's squared norm, mean over live units", "0 to 1", missing=True),
        low=number("tenth percentile over units", "0 to 1", missing=True),
        high=number("ninetieth percentile over units", "0 to 1", missing=True),
        even=number("share if all inputs counted alike", "0 to 1"),
    )


RESULTS = (Anatomy,)
