"""Expanded weights two and more spatial convolutions back: are their maps smoother than shuffled kernels make them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_origin import channel_origins, unit_of
from wbsite.graph.depth import depths_below, map_at_depth, named_maps
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.shuffle_null import LEVEL, MEASURES, ShuffleNull
from wbsite.ops.expanded.smoothness import SMALLEST, morans_i
from wbsite.ops.expanded.weights import Path
from wbsite.results.expanded.long_range import LongRange, RangeSummaries, RangeSummary, SkippedPair
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


def run(context: Context) -> LongRange:
    """Smoothness of expanded weights, and balance of their signs, against two nulls.

    Targets are the spatial convolutions, evenly spread over the depth where there are more than `targets`; sources
    the widest maps two and three spatial convolutions back, and the first layer. Of every pair up to `units` units
    are drawn at random. The null: positions within every kernel on the path permuted, `draws` times; beside it, all
    weights of every convolution permuted (`scattered` times), what composition makes of weights without any order.
    A unit is smoother, or more balanced, than chance if it passes the 95th percentile of the null, pooled over the
    pair's units and draws; of a network of independent weights 5 % do. Units of one draw share kernels, so the
    interval of one pair's share (Wilson) is too narrow; those of the summary are over pairs.
    """
    recorded, params = Recorded.of(context.model).on(context.device), context.params
    pairs, skipped = _pairs(context, recorded), []
    sizes = {name: params[name] for name in ("units", "draws", "scattered")}
    rows: list[dict[str, Any]] = []
    units: list[pd.DataFrame] = []
    examples: list[tuple[Pair, list[Example]]] = []
    context.progress.step("long-range expanded weights", len(pairs))
    for number, pair in enumerate(pairs):
        try:
            path = _path(recorded, pair, params["largest"])
            measured = ShuffleNull.draw(path, **sizes, seed=params["seed"] * 1_000_003 + number)
        except WbsiteError as error:
            skipped.append(SkippedPair(target=pair.target, source=pair.source, kind=pair.kind, reason=error.message))
        else:
            about = {"target": pair.target, "source": pair.source, "kind": pair.kind, "steps": pair.steps}
            about |= {"rows": path.kernel[0], "columns": path.kernel[1]}
            for measure in MEASURES:
                rows.append({**about, "measure": measure, **measured.row(measure)})
                units.append(pd.DataFrame({**about, **_unit_columns(measured, measure)}))
            examples.append((pair, _examples(path, measured, params["maps"])))
        context.progress.advance()
    maps, example_rows = _drawn(recorded, examples)
    return LongRange(
        seed=params["seed"],
        draws=params["draws"],
        scattered=params["scattered"],
        units=params["units"],
        largest=params["largest"],
        level=LEVEL,
        spatial=sum(layer.spatial for layer in context.layers.convs),
        summary=RangeSummaries(smoothness=_summaries(rows, "smoothness"), balance=_summaries(rows, "balance")),
        wanted=_wanted(example_rows),
        skipped=skipped,
        maps=maps,
        rows=pd.DataFrame(rows, columns=_columns("rows")),
        per_unit=pd.concat(units, ignore_index=True) if units else pd.DataFrame(columns=_columns("per_unit")),
        examples=pd.DataFrame(example_rows, columns=_columns("examples")),
    )


def _columns(table: str) -> list[str]:
    return list(LongRange.fields[table].columns)


def _unit_columns(measured: ShuffleNull, measure: str) -> dict[str, Any]:
    """Of every unit what was measured, and its means under both nulls."""
    return {
        "unit": measured.units,
        "measure": measure,
        "value": measured.observed[measure],
        "null": measured.null[measure].mean(0),
        "scattered": measured.scattered[measure].mean(0),
    }


def _pairs(context: Context, recorded: Recorded) -> list[Pair]:
    """In order of the target's depth."""
    tape, names = recorded.tape, context.layers.names
    traced = [layer for layer in context.layers.convs if layer.name in tape.outputs]
    spatial = [layer for layer in traced if layer.spatial]
    maps = named_maps(tape, names)
    by_target: list[list[Pair]] = []
    for layer in spatial:
        away = depths_below(tape, tape.pre_activation(layer.name))
        sources = {str(steps): (map_at_depth(maps, away, steps), steps) for steps in BACK}
        first = traced[0].name
        steps = away.get(tape.activation(first), 0)
        if steps > max(BACK):
            sources["first"] = (first, steps)
        pairs = [Pair(layer.name, source, kind, steps) for kind, (source, steps) in sources.items() if source]
        by_target += [pairs] if pairs else []
    return [pair for pairs in _spread(by_target, context.params["targets"]) for pair in pairs]


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


def _summaries(rows: list[dict[str, Any]], measure: str) -> dict[str, RangeSummary]:
    """By kind of pair."""
    measured = [row for row in rows if row["measure"] == measure]
    kinds = dict.fromkeys(row["kind"] for row in measured)
    return {kind: _summary([row for row in measured if row["kind"] == kind]) for kind in kinds}


def _summary(pairs: list[dict[str, Any]]) -> RangeSummary:
    """Over pairs of one kind, with Student's t intervals over pairs where there are at least `FEWEST`."""
    enough = len(pairs) >= FEWEST
    share, excess = (t_interval([row[name] for row in pairs]) for name in ("share", "excess"))
    median, null, scattered = (
        float(np.median([row[name] for row in pairs])) for name in ("median", "null_median", "scattered_median")
    )
    return RangeSummary(
        share=share.mean,
        share_low=max(0.0, share.low) if enough else None,
        share_high=min(1.0, share.high) if enough else None,
        excess=excess.mean,
        excess_low=excess.low if enough else None,
        excess_high=excess.high if enough else None,
        median=median,
        null_median=null,
        scattered_median=scattered,
        pairs=len(pairs),
        units=sum(row["units"] for row in pairs),
        above=sum(row["excess_low"] > 0 for row in pairs),
        below=sum(row["excess_high"] < 0 for row in pairs),
    )


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


def _examples(path: Path, measured: ShuffleNull, count: int) -> list[Example]:
    """The units nearest to quantiles of smoothness; one that two quantiles share comes once."""
    examples: dict[int, Example] = {}
    observed = measured.observed["smoothness"]
    for which, quantile in EXAMPLES.items():
        away = np.abs(observed - np.nanquantile(observed, quantile)).round(12)  # two units are equally near to a median
        row = int(np.nanargmin(away))
        norms = measured.maps[row].flatten(1).norm(dim=1).sort(descending=True, stable=True)
        channels, unit = norms.indices[:count], int(measured.units[row])
        maps, smoothness = measured.maps[row, channels].float(), float(observed[row])
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


def _drawn(
    recorded: Recorded, examples: list[tuple[Pair, list[Example]]]
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Of every kind the examples of the pair in the middle of the depth: their maps by number, and a row a map."""
    maps: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    for kind in dict.fromkeys(pair.kind for pair, _ in examples):
        pairs = [pair for pair in examples if pair[0].kind == kind]
        pair, units = pairs[len(pairs) // 2]
        for example in units:
            rows += _map_rows(recorded, pair, example, len(maps))
            maps[str(len(maps))] = example.maps.numpy()
    return maps, rows


def _map_rows(recorded: Recorded, pair: Pair, example: Example, number: int) -> Iterator[dict[str, Any]]:
    """A row for each map of an example."""
    smoothness, (_, rows, columns) = morans_i(example.maps).tolist(), example.maps.shape
    origin = channel_origins(recorded.tape)[example.start]
    for rank, index in enumerate(example.channels):
        layer, unit = unit_of(origin, index)
        yield {
            "example": number,
            "kind": pair.kind,
            "target": pair.target,
            "unit": example.unit,
            "which": example.which,
            "unit_smoothness": example.smoothness,
            "source": pair.source,
            "rank": rank,
            "layer": layer,
            "channel": unit,
            "smoothness": smoothness[rank],
            "norm": example.norms[rank],
            "rows": rows,
            "columns": columns,
        }


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=LongRange,
        params={
            "quick": {"targets": 8, "units": 12, "draws": 5, "scattered": 2, "maps": 6, "largest": 100, "seed": 0},
            "full": {"targets": 1000, "units": 64, "draws": 20, "scattered": 5, "maps": 12, "largest": 128, "seed": 0},
        },
    ),
)
