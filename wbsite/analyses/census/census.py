"""The census as tables: networks, and their layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy

from wbsite.analyses.base import Analysis
from wbsite.census.context import CensusContext
from wbsite.census.record import Measured
from wbsite.ops.banding.index import AGREES_WITH_ARTICLE
from wbsite.results.census.census import NETWORK, Census
from wbsite.stats.chance import chance_corrected

LATE = 0.75
"""Place among a network's layers from which they count as late."""

ENDS = ("nmf_low", "nmf_high")
LAST = (
    "last_layer",
    "last_shape",
    "last_weights",
    "last_low",
    "last_high",
    "last_nmf",
    "last_nmf_low",
    "last_nmf_high",
    "banded",
)
"""Columns of what the last of a network's layers with rows and columns looks like."""

FEWEST_FOR_DEPTH = 5
"""Layers of which a correlation with depth is computed."""


def run(context: CensusContext) -> Census:
    """The tables, from the records."""
    packages = {(m.facts["registry"], m.facts["package"]) for m in context.measured}
    archives = {(m.facts["registry"], m.facts["archive"]): m.facts["bytes"] for m in context.measured}
    return Census(
        count=len(context.measured),
        packages=len(packages),
        bytes=sum(archives.values()),
        networks=Census.frame("networks", [_network(m) for m in context.measured]),
        rows=Census.frame("rows", [row for m in context.measured for row in _layers(m)]),
        filters=_of_each(context.measured, "filters"),
        factors=_of_each(context.measured, "factors"),
        pictures={m.facts["name"]: m.pictures for m in context.measured if m.pictures is not None},
    )


def _of_each(measured: Sequence[Measured], name: str) -> pd.DataFrame:
    return Census.frame(name, [{"network": m.facts["name"], **row} for m in measured for row in getattr(m, name)])


def _facts(measured: Measured) -> dict[str, Any]:
    facts = {**measured.facts, "network": measured.facts["name"]}
    return {column: facts[column] for column in NETWORK}


def _network(measured: Measured) -> dict[str, Any]:
    facts, provenance = measured.facts, measured.provenance
    alone, layers = provenance["weights_alone"], measured.layers
    return {
        **facts,
        **_facts(measured),
        "format": provenance["format"],
        "file": facts["files"][0],
        "homepage": facts["homepage"] or None,
        "weights_alone": alone,
        "parameters": provenance["parameters"],
        "layers": len(layers),
        "late_index": None if alone else late_index(layers),
        "last_index": None if alone or not layers else layers[-1]["index_adjusted"],
        **(_last(layers[-1]) if layers else dict.fromkeys(LAST)),
        "depth_correlation": None if alone else depth_correlation(layers),
        "map_height": layers[-1]["map_height"] if layers else None,
        "map_width": layers[-1]["map_width"] if layers else None,
    }


def _last(row: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (row[name] if row[name] is None else chance_corrected(row[name], row["index_null"]) for name in ENDS)
    word = None if row["index_nmf"] is None else banded(low, high)
    found = (row["layer"], _shape(row), row["index"], row["low"], row["high"], row["index_nmf"], low, high, word)
    return dict(zip(LAST, found, strict=True))


def banded(low: float | None, high: float | None) -> str:
    """What the interval of the pictures' H, with chance at 0, says of a layer by the original article's threshold."""
    if low is None or high is None:
        return "undecided"
    if low > AGREES_WITH_ARTICLE:
        return "horizontal"
    if high < -AGREES_WITH_ARTICLE:
        return "vertical"
    return "none" if low > -AGREES_WITH_ARTICLE and high < AGREES_WITH_ARTICLE else "undecided"


def _shape(row: Mapping[str, Any]) -> str:
    channels = row["channels"] // row["groups"]
    return f"{row['units']}×{channels}×{row['kernel_height']}×{row['kernel_width']}"


def _layers(measured: Measured) -> Iterator[dict[str, Any]]:
    for row in measured.layers:
        follows = None if row["follows"] is None else ", ".join(row["follows"])
        yield {**row, **_facts(measured), "shape": _shape(row), "follows": follows}


def late_index(layers: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean H, with chance at 0, of the last quarter of a network's layers; None where none of them has one.

    A layer that reads the picture itself counts as none: its kernels are filters of pictures.
    """
    late = [row["index_adjusted"] for row in layers if row["place"] >= LATE and not row["reads_input"]]
    defined = [index for index in late if index is not None]
    return float(np.mean(defined)) if defined else None


def depth_correlation(layers: Sequence[Mapping[str, Any]]) -> float | None:
    """Spearman correlation of |H| with the order of the layers that read no picture; None of fewer than five."""
    pairs = [
        (row["place"], abs(row["index_adjusted"]))
        for row in layers
        if row["index_adjusted"] is not None and not row["reads_input"]
    ]
    if len(pairs) < FEWEST_FOR_DEPTH or len({size for _, size in pairs}) < 2:
        return None
    place, size = (scipy.stats.rankdata(values) for values in zip(*pairs, strict=True))
    return float(np.corrcoef(place, size)[0, 1])


ANALYSES = (Analysis(scope="census", run=run, result=Census),)
