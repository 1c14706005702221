"""NMF pictures of the last two planar layers of every experiment, and the banding index measured on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.ops.banding.index import AGREES_WITH_ARTICLE, BandingIndex, article_verdict, banding_index, banding_shares
from wbsite.ops.nmf import one_sided_nmf
from wbsite.ops.seriation import seriate
from wbsite.results.banding.lab_pictures import LabPictures, Quantisation
from wbsite.stats.intervals import t_interval
from wbsite.train.repeated_runs import PLACES, RepeatedRuns, bounds, by_setting
from wbsite.train.runs import LEVELS

Row: TypeAlias = dict[str, Any]

COMPONENTS = 3
VERDICTS = ("horizontal", "vertical", "none", "undefined")


@dataclass(frozen=True)
class PicturedLayer:
    """A layer of one experiment, all seeds together.

    Attributes:
        pictures: (N, kh, kw, 3) float32 in [0, 1], the units of one run after those of another.
        error: (N,) relative error of each unit's factorisation.
        indices: H of each run's pictures.
        rounded: H of each run's rounded kernels, from which the pictures are made.
    """

    experiment: RepeatedRuns
    place: str
    pictures: np.ndarray
    error: np.ndarray
    indices: tuple[BandingIndex, ...]
    rounded: tuple[float, ...]

    @property
    def units(self) -> int:
        """Units of one run."""
        return len(self.pictures) // len(self.indices)

    @property
    def key(self) -> Row:
        """What every row of it begins with."""
        record = self.experiment.record
        return {"setting": record["setting"], "experiment": record["experiment"], "place": self.place}


def run(context: SuiteContext) -> LabPictures:
    """Pictures of all units; an even sample of them, in order of similarity, is kept.

    The channels of one run have nothing to do with those of another, so each run's colours are matched
    within that run: red is its strongest joint component. The pictures are those of rounded kernels.
    """
    layers = [
        _pictured_layer(experiment, place, context.device, context.params["resamples"])
        for experiments in by_setting(context.runs).values()
        for experiment in experiments.values()
        for place in PLACES
    ]
    pictures: dict[str, np.ndarray] = {}
    units: list[Row] = []
    for layer in layers:
        order = seriate(layer.pictures.reshape(len(layer.pictures), -1))
        sample = order[evenly(len(order), context.params["sample"])]
        pictures["/".join(layer.key.values())] = np.rint(255 * layer.pictures[sample]).astype(np.uint8)
        units += _units(layer, sample)
    return LabPictures(
        components=COMPONENTS,
        article_threshold=AGREES_WITH_ARTICLE,
        quantisation=_quantisation(layers),
        pictures=pictures,
        units=LabPictures.frame("units", units),
        runs=LabPictures.frame("runs", (row for layer in layers for row in _runs(layer))),
        summary=LabPictures.frame("summary", map(_summary, layers)),
    )


def _pictured_layer(experiment: RepeatedRuns, place: str, device: torch.device, resamples: int) -> PicturedLayer:
    layer, runs = experiment.record[place], len(experiment.runs)
    kernels = torch.from_numpy(np.concatenate([run.kernels[layer] for run in experiment.runs])).to(device)
    joint = one_sided_nmf(kernels, COMPONENTS, mode="joint", groups=runs)
    factors = one_sided_nmf(kernels, COMPONENTS, mode="per-unit", groups=runs, reference=joint)
    by_run = factors.spatial.permute(0, 3, 1, 2).chunk(runs)
    return PicturedLayer(
        experiment,
        place,
        pictures=factors.spatial.cpu().numpy(),
        error=factors.error.cpu().numpy(),
        indices=tuple(banding_index(pictures, resamples=resamples) for pictures in by_run),
        rounded=tuple(banding_shares(part).index for part in kernels.chunk(runs)),
    )


def evenly(count: int, size: int) -> np.ndarray:
    """`size` of `count` positions, as far from each other and from both ends as can be; all where there are fewer."""
    if count <= size:
        return np.arange(count)
    return (2 * np.arange(size) + 1) * count // (2 * size)


def _runs(layer: PicturedLayer) -> Iterator[Row]:
    errors = layer.error.reshape(len(layer.indices), -1).mean(1)
    for run, index, error in zip(layer.experiment.runs, layer.indices, errors, strict=True):
        yield {
            **layer.key,
            "layer": run.record[layer.place],
            "seed": run.record["seed"],
            "units": index.units,
            "row_share": index.row_share,
            "column_share": index.column_share,
            "index": index.index,
            "low": index.low,
            "high": index.high,
            "verdict": article_verdict(index),
            "error": float(error),
        }


def _summary(layer: PicturedLayer) -> Row:
    verdicts: list[str] = [article_verdict(index) for index in layer.indices]
    record = layer.experiment.record
    return {
        **layer.key,
        **{name: record[name] for name in ("title", "group", "order")},
        "layer": record[layer.place],
        "seeds": len(verdicts),
        **bounds(t_interval([index.index for index in layer.indices if math.isfinite(index.index)])),
        "error": float(layer.error.mean()),
        **{verdict: verdicts.count(verdict) for verdict in VERDICTS},
    }


def _units(layer: PicturedLayer, sample: np.ndarray) -> Iterator[Row]:
    per_unit = np.concatenate([index.per_unit.numpy() for index in layer.indices])
    for position, unit in enumerate(sample.tolist()):
        run = layer.experiment.runs[unit // layer.units]
        yield {
            **layer.key,
            "position": position,
            "seed": run.record["seed"],
            "unit": unit % layer.units,
            "index": float(per_unit[unit]),
        }


def _quantisation(layers: list[PicturedLayer]) -> Quantisation:
    moved, pairs = [], []
    for layer in layers:
        for run, rounded in zip(layer.experiment.runs, layer.rounded, strict=True):
            recorded = run.record["layers"][run.record[layer.place]]["index"]
            if recorded is not None and math.isfinite(rounded):
                moved.append((abs(rounded - recorded), f"{run.name} {run.record[layer.place]}"))
                pairs.append((recorded, rounded))
    largest, largest_layer = max(moved, default=(None, ""))
    full, rounded_all = np.array(pairs).reshape(-1, 2).T
    power = float(full @ full)
    return Quantisation(
        levels=2 * LEVELS + 1,
        layers=len(moved),
        largest_difference=largest,
        mean_difference=float(np.mean([difference for difference, _ in moved])) if moved else None,
        ratio=float(full @ rounded_all) / power if power else None,
        largest_layer=largest_layer,
    )


ANALYSES = (
    Analysis(
        scope="suite",
        suite="banding",
        run=run,
        result=LabPictures,
        params={"quick": {"sample": 48, "resamples": 1000}, "full": {"sample": 1_000_000, "resamples": 10_000}},
        rows="summary",
    ),
)
