"""Of the filters that read a colour picture: what each is tuned to, and by what factors the next layer reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.channel_origin import ChannelOrigin
from wbsite.graph.layers import Layer, Layers
from wbsite.graph.recording import Recorded
from wbsite.graph.stored_kernels import StoredKernels
from wbsite.models.base import LoadedModel
from wbsite.ops.branches.correspondence_analysis import connectivity_factors, strengths
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.stats.rank_correlation import rank_correlation

FACTORS = 2
DRAWS, SEED = 2000, 0
"""Bootstrap resamples and permutations of a correlation, and their seed."""

FEWEST = 6
"""Units of either layer below which no factors are computed."""

PROPERTIES = ("chroma", "frequency")
TUNING = (*PROPERTIES, "orientation", "orientation_selectivity")


def first_layer(model: LoadedModel, layers: Layers) -> Layer | None:
    """The first convolution with rows and columns, where it reads a picture in three channels as the network runs."""
    spatial = [layer for layer in layers.convs if layer.planar]
    if isinstance(model.module, StoredKernels) or not spatial:
        return None
    first = spatial[0]
    return first if first.inputs == ("input",) and (first.in_channels, first.groups) == (3, 1) else None


def filter_rows(model: LoadedModel, first: Layer) -> list[dict[str, Any]]:
    """A row for each filter that is not dead: unit, and what it is tuned to, as `FilterTuning` has it."""
    tuned = _tuning(model, first)
    values = {name: getattr(tuned, name).tolist() for name in TUNING}
    return [
        {"unit": unit, **{name: _defined(values[name][unit]) for name in TUNING}}
        for unit, dead in enumerate(tuned.dead.tolist())
        if not dead
    ]


def factor_rows(model: LoadedModel, layers: Layers, first: Layer) -> list[dict[str, Any]]:
    """A row for each factor and property of filters: Spearman's ρ of the factor's coordinates with it, over filters.

    Factors are those of a correspondence analysis of Σ |W| between the first layer and the convolutions without groups
    that read all of it and nothing else, turned so that ρ with chroma is not negative (as in `analyses/branches/
    connectivity.py`); none where there are no such convolutions, or too few units.
    """
    kernels = Recorded.of(model).tape.kernels
    readers = [strengths(kernels[layer.name].weight) for layer in _readers(model, layers, first)]
    if not readers or min(first.out_channels, sum(map(len, readers))) < FEWEST:
        return []
    tuned, found = _tuning(model, first), connectivity_factors(np.concatenate(readers))
    dead = tuned.dead.numpy()
    rows: list[dict[str, Any]] = []
    for number in range(min(FACTORS, found.inputs.shape[1])):
        sign = 1.0
        for name in PROPERTIES:
            living = np.where(dead, math.nan, getattr(tuned, name).numpy())
            correlation = rank_correlation(sign * found.inputs[:, number], living, draws=DRAWS, seed=SEED)
            ends = {"rho": correlation.rho, "low": correlation.low, "high": correlation.high}
            if name == "chroma" and correlation.rho < 0:
                sign, ends = -1.0, {"rho": -correlation.rho, "low": -correlation.high, "high": -correlation.low}
            rows.append(
                {
                    "factor": number + 1,
                    "property": name,
                    "share": _defined(found.shares[number]),
                    "units": correlation.units,
                    **{end: _defined(value) for end, value in ends.items()},
                    "p": _defined(correlation.p),
                }
            )
    return rows


def _tuning(model: LoadedModel, first: Layer) -> FilterTuning:
    weight = Recorded.of(model).tape.kernels[first.name].weight.float()
    return FilterTuning.of(model.spec.filters_in_rgb(weight))


def _readers(model: LoadedModel, layers: Layers, first: Layer) -> Iterator[Layer]:
    wires = ChannelMap(Recorded.of(model), layers.names)
    whole = (ChannelOrigin((first.name,), 0, first.out_channels),)
    for layer in layers.convs:
        if layer.inputs == (first.name,) and layer.groups == 1 and wires.inputs[layer.name] == whole:
            yield layer


def _defined(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
