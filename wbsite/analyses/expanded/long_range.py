"""Expanded weights two and more spatial convolutions back: are their maps smoother than shuffled kernels make them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.graph.channel_origin import channel_origins
from wbsite.graph.depth import depths_below, map_at_depth, named_maps
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.shuffle_null import LEVEL, MEASURES, ShuffleNull
from wbsite.ops.expanded.smoothness import SMALLEST, morans_i
from wbsite.ops.expanded.weights import Path
from wbsite.stats.intervals import t_interval

BACK = (2, 3)
"""Steps, in spatial convolutions, from a target to its sources; the network's first layer is one more source."""

FEWEST = 4
"""Pairs below which an interval over them says nothing."""

EXAMPLES = {"median": 0.5, "upper quartile": 0.75}
"""Example units of a pair of layers → the quantile of smoothness they are nearest to."""


@dataclass(frozen=True)
class Pair:
    """A target layer and a source; `kind` is the number of steps back, or "first" for the network's first layer."""

    target: str
    source: str
    kind: str
    steps: int


def run(context: Context) -> Contents:
    """Smoothness of expanded weights, and balance of their signs (`ops/smoothness.py`), against two nulls.

    Targets are the spatial convolutions, evenly spread over the depth where there are more than `targets`; sources
    the widest maps two and three spatial convolutions back, and the first layer. Of every pair up to `units` units
    are drawn at random. The null: positions within every kernel on the path permuted, `draws` times; beside it, all
    weights of every convolution permuted (`scattered` times), what composition makes of weights without any order.
    A unit is smoother, or more balanced, than chance if it passes the 95th percentile of the null, pooled over the
    pair's units and draws; of a network of independent weights 5 % do. Units of one draw share kernels, so the
    interval of one pair's share (Wilson) is too narrow; those of the summary are over pairs.

    Values: summary by measure and kind; wanted, layer → units that want a picture; pairs that were left out with the
    reason; seed and counts. Tables: rows, one a pair and measure; units, one a unit and measure; examples, one a map
    drawn. Arrays: example_N (maps, kh, kw), strongest source channels first.
    """
    recorded = Recorded.of(context.model).on(context.device)
    pairs, skipped = _pairs(context, recorded), []
    sizes = {name: context.params[name] for name in ("units", "draws", "scattered")}
    rows: list[dict[str, Any]] = []
    units, examples = [], []
    context.progress.step("long-range expanded weights", len(pairs))
    for number, pair in enumerate(pairs):
        try:
            path = _path(recorded, pair, context.params["largest"])
            found = ShuffleNull.draw(path, **sizes, seed=context.params["seed"] * 1_000_003 + number)
        except WbsiteError as error:
            skipped.append({"target": pair.target, "source": pair.source, "kind": pair.kind, "reason": error.message})
        else:
            about = {"target": pair.target, "source": pair.source, "kind": pair.kind, "steps": pair.steps}
            about |= {"rows": path.kernel[0], "columns": path.kernel[1]}
            for measure in MEASURES:
                rows.append({**about, "measure": measure, **found.row(measure)})
                nulls = {"null": found.null[measure].mean(0), "scattered": found.scattered[measure].mean(0)}
                of = {"unit": found.units, "measure": measure, "value": found.observed[measure], **nulls}
                units.append(pd.DataFrame({**about, **of}))
            examples.append((pair, _examples(path, found, context.params["maps"])))
        context.progress.advance()
    shown, about_shown = _shown(recorded, examples)
    return Contents(
        values={
            **{name: context.params[name] for name in ("seed", "draws", "scattered", "units", "largest")},
            "level": LEVEL,
            "spatial": sum(layer.spatial for layer in context.layers.convs),
            "summary": {
                measure: {kind: _summary(rows, measure, kind) for kind in dict.fromkeys(row["kind"] for row in rows)}
                for measure in MEASURES
            },
            "wanted": _wanted(about_shown),
            "skipped": skipped,
        },
        arrays=shown,
        tables={
            "rows": pd.DataFrame(rows, columns=list(rows[0]) if rows else ["target", "source", "kind"]),
            "units": pd.concat(units, ignore_index=True) if units else pd.DataFrame({"target": []}),
            "examples": pd.DataFrame(about_shown, columns=EXAMPLE_COLUMNS),
        },
    )


def _pairs(context: Context, recorded: Recorded) -> list[Pair]:
    """In order of the target's depth."""
    tape, names = recorded.tape, context.layers.names
    traced = [layer for layer in context.layers.convs if layer.name in tape.outputs]
    spatial = [layer for layer in traced if layer.spatial]
    maps = named_maps(tape, names)
    found: list[list[Pair]] = []
    for layer in spatial:
        away = depths_below(tape, tape.pre_activation(layer.name))
        sources = {str(steps): (map_at_depth(maps, away, steps), steps) for steps in BACK}
        first = traced[0].name
        steps = away.get(tape.activation(first), 0)
        if steps > max(BACK):
            sources["first"] = (first, steps)
        of = [Pair(layer.name, source, kind, steps) for kind, (source, steps) in sources.items() if source]
        found += [of] if of else []
    return [pair for of in _spread(found, context.params["targets"]) for pair in of]


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """At most so many, evenly spaced, first and last among them."""
    if len(items) <= count:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _path(recorded: Recorded, pair: Pair, largest: int) -> Path:
    """The path, if maps along it have a size that smoothness can be measured of."""
    path = Path.between(recorded, pair.source, pair.target)
    kh, kw = path.kernel
    if min(kh, kw) < SMALLEST:
        raise WbsiteError(f"maps of {kh}×{kw} positions are too small to be smooth or rough")
    if max(kh, kw) > largest:
        raise WbsiteError(f"maps of {kh}×{kw} positions are larger than the {largest} that are looked at")
    return path


def _summary(rows: list[dict[str, Any]], measure: str, kind: str) -> dict[str, Any]:
    """Over the pairs of one kind, with Student's t intervals over pairs; None where there are fewer than `FEWEST`."""
    of = [row for row in rows if row["kind"] == kind and row["measure"] == measure]
    enough = len(of) >= FEWEST
    share, excess = t_interval([row["share"] for row in of]), t_interval([row["excess"] for row in of])
    said = {
        "share": share.mean,
        "share_low": max(0.0, share.low),
        "share_high": min(1.0, share.high),
        "excess": excess.mean,
        "excess_low": excess.low,
        "excess_high": excess.high,
        **{name: float(np.median([row[name] for row in of])) for name in ("median", "null_median", "scattered_median")},
    }
    bounds = ("share_low", "share_high", "excess_low", "excess_high")
    finite = {name: number if enough or name not in bounds else None for name, number in said.items()}
    return {
        **finite,
        "pairs": len(of),
        "units": sum(row["units"] for row in of),
        "above": sum(row["excess_low"] > 0 for row in of),
        "below": sum(row["excess_high"] < 0 for row in of),
    }


EXAMPLE_COLUMNS = [
    "example", "kind", "target", "unit", "which", "unit_smoothness", "source", "rank", "layer", "channel",
    "smoothness", "norm", "rows", "columns",
]  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A unit to be drawn: `which` quantile it is nearest to, its smoothness, and its strongest source channels.

    Attributes:
        start: number of the source's value on the tape.
        channels: (k,) of the source, strongest first.
        maps: (k, kh, kw) their expanded weights.
        norms: (k,) norms of these over space.
    """

    which: str
    unit: int
    smoothness: float
    start: int
    channels: list[int]
    maps: torch.Tensor
    norms: list[float]


def _examples(path: Path, found: ShuffleNull, count: int) -> list[Example]:
    """The units nearest to quantiles of smoothness; one that two quantiles share comes once."""
    examples: dict[int, Example] = {}
    observed = found.observed["smoothness"]
    for which, quantile in EXAMPLES.items():
        row = int(np.nanargmin(np.abs(observed - np.nanquantile(observed, quantile))))
        norms = found.maps[row].flatten(1).norm(dim=1).sort(descending=True, stable=True)
        channels, unit = norms.indices[:count], int(found.units[row])
        maps, smoothness = found.maps[row, channels].float(), float(observed[row])
        example = Example(which, unit, smoothness, path.start, channels.tolist(), maps, norms.values[:count].tolist())
        examples.setdefault(row, example)
    return list(examples.values())


def _wanted(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Layer → units that want a picture: the example units, and the channels of their maps that are units."""
    units = [(row["target"], row["unit"]) for row in rows] + [(row["layer"], row["channel"]) for row in rows]
    wanted: dict[str, list[int]] = {}
    for layer, channel in dict.fromkeys(units):
        if layer:
            wanted.setdefault(layer, []).append(int(channel))
    return wanted


def _shown(
    recorded: Recorded, examples: list[tuple[Pair, list[Example]]]
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Of every kind the examples of the pair in the middle of the depth: their maps, and a row a map."""
    arrays: dict[str, np.ndarray] = {}
    rows = []
    for kind in dict.fromkeys(pair.kind for pair, _ in examples):
        of = [one for one in examples if one[0].kind == kind]
        pair, units = of[len(of) // 2]
        for example in units:
            about = {"example": len(arrays), "kind": kind, "target": pair.target, "unit": example.unit}
            about |= {"which": example.which, "unit_smoothness": example.smoothness, "source": pair.source}
            arrays[f"example_{len(arrays)}"] = example.maps.numpy()
            smooth, size = morans_i(example.maps).tolist(), example.maps.shape
            named = [
                (origin.layers, origin.first + i)
                for origin in channel_origins(recorded.tape)[example.start]
                for i in range(origin.units)
            ]
            for rank, index in enumerate(example.channels):
                layers, channel = named[index]
                place = (
                    {"layer": layers[0], "channel": channel} if len(layers) == 1 else {"layer": "", "channel": index}
                )
                one = {"rank": rank, "smoothness": smooth[rank], "norm": example.norms[rank]}
                rows.append({**about, **place, **one, "rows": size[1], "columns": size[2]})
    return arrays, rows


ANALYSES = (
    Analysis(
        name="long_range",
        version=1,
        scope="model",
        summary="smoothness and sign balance of expanded weights two and more layers back, against shuffled kernels",
        run=run,
        params={
            "quick": {"targets": 8, "units": 12, "draws": 5, "scattered": 2, "maps": 6, "largest": 100, "seed": 0},
            "full": {"targets": 1000, "units": 64, "draws": 20, "scattered": 5, "maps": 12, "largest": 128, "seed": 0},
        },
    ),
)
