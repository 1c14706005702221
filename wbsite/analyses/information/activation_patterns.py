"""Histograms of activations by layer and by unit through training, and how many of the activations are saturated.

Values:
    bins: of every histogram.
    ranges: configuration → layer → [low, high], the range the bins divide: that of the activation function where it is
        bounded on both sides (tanh, softsign, the sigmoids, the softmax readout), else the smallest and largest
        activation of all records of the runs that lived to the end, or of all runs where none did.
    whole: configuration → whether the hidden layers' range is that of the function.
    shown: configuration → seed of the first run that lived, whose units have histograms of their own; None for none.
    ends: configuration → [[value, distance], …], where the hidden layers are flat and what counts as saturated.
    rule: what counts as saturated, in words.
Arrays (uint16 or uint32, counts, not normalised; 0 once a run is not finite):
    layers/CONFIGURATION: (seeds, records, layers, bins), all units of a layer together.
    units/CONFIGURATION/LAYER: (records, units, bins) of the seed in `shown`, the first 64 units.
Table `saturation`: configuration, seed, epoch, layer, saturated and zero (shares of the layer's activations, 0 to 1),
    NaN once a run is not finite, and `saturated` where the function is nowhere flat.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents, Entry
from wbsite.ops.information.saturation import RANGES, SHARE, SOFTMAX, flat_ends, histograms, saturated_share, zero_share
from wbsite.train.study.replay import Replay

BINS = 30
"""As in the notebook of the deep-bottleneck project."""

UNITS = 64
"""Units of a layer that have histograms of their own, at most."""


def run(context: StudyContext) -> Contents:
    """Two passes over a configuration whose activations have no bounds: one for the range, one for the counts."""
    study, needed = context.study, context.needs["trajectories"]
    replay = Replay(study, context.samples, needed, context.device)
    living = lived(needed)
    context.progress.step("histograms of activations", study.runs)
    ranges, ends, shown, arrays, rows = {}, {}, {}, {}, []
    for name, of in replay.configurations.items():
        alive = [seed for seed in study.seeds if (name, seed) in living]
        good = {seed: replay.finite(name, seed) for seed in study.seeds}
        ranges[name] = _ranges(replay, name, alive or list(study.seeds), good)
        ends[name], shown[name] = flat_ends(of.activation), next(iter(alive), None)
        kind = np.uint16 if len(replay.labels) * max(*of.widths, len(context.samples.classes)) < 2**16 else np.uint32
        layers = np.zeros((len(study.seeds), len(study.moments), len(ranges[name]), BINS), kind)
        for place, seed in enumerate(study.seeds):
            for depth, (layer, values) in enumerate(replay.layers(name, seed, slice(good[seed]))):
                counts = histograms(values, *ranges[name][layer], BINS)
                layers[place, : good[seed], depth] = counts.sum(1).numpy()
                if seed == shown[name]:
                    arrays[f"units/{name}/{layer}"] = counts[:, :UNITS].numpy().astype(kind)
                flat = flat_ends(of.activation) if layer != "output" else [(limit, SHARE) for limit in SOFTMAX]
                shares = {"saturated": saturated_share(values, flat), "zero": zero_share(values)}
                rows.append(_rows(name, seed, layer, study.moments, shares))
            context.progress.advance(note=f"{name} seed {seed}")
        arrays[f"layers/{name}"] = layers
    return Contents(
        values={
            "bins": BINS,
            "ranges": {name: {layer: list(span) for layer, span in of.items()} for name, of in ranges.items()},
            "whole": {name: of.activation in RANGES for name, of in replay.configurations.items()},
            "shown": shown,
            "ends": {name: [list(end) for end in found] for name, found in ends.items()},
            "rule": f"within {SHARE:.0%} of the function's range of a value at which it is flat; of a function that is"
            " flat on one side, within that share of the distance from there to its value at 0 (for relu, exactly 0)",
        },
        arrays=arrays,
        tables={"saturation": pd.concat(rows, ignore_index=True)},
    )


def lived(trajectories: Entry) -> set[tuple[str, int]]:
    """(configuration, seed) of the runs that lived to the end."""
    runs = trajectories.table("runs")
    return set(runs.loc[runs["died"].isna(), ["configuration", "seed"]].itertuples(index=False, name=None))


def _ranges(replay: Replay, name: str, seeds: list[int], good: dict[int, int]) -> dict[str, tuple[float, float]]:
    of = replay.configurations[name]
    layers = of.architecture(1, 2).layers
    fixed = dict.fromkeys(layers, RANGES[of.activation]) if of.activation in RANGES else {}
    fixed["output"] = SOFTMAX
    if len(fixed) == len(layers):
        return {layer: fixed[layer] for layer in layers}
    seen: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    for seed in seeds:
        for layer, values in _finite(replay, name, seed, good[seed]):
            seen[layer] += [values.min(), values.max()]
    return {layer: fixed.get(layer) or _span([float(end) for end in ends]) for layer, ends in seen.items()}


def _finite(replay: Replay, name: str, seed: int, good: int) -> Iterator[tuple[str, torch.Tensor]]:
    return replay.layers(name, seed, slice(good)) if good else iter(())


def _span(ends: list[float]) -> tuple[float, float]:
    """From the smallest to the largest; of a layer without values, or with one, of length 1."""
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    return (low, high) if high > low else (low, low + max(1.0, 1e-6 * abs(low)))


def _rows(name: str, seed: int, layer: str, moments: tuple[int, ...], shares: dict[str, torch.Tensor]) -> pd.DataFrame:
    about = {"configuration": name, "seed": seed, "epoch": moments, "layer": layer}
    filled = {}
    for what, share in shares.items():
        filled[what] = np.full(len(moments), np.nan)
        filled[what][: len(share)] = share.numpy()
    return pd.DataFrame({**about, **filled})


ANALYSES = (
    Analysis(
        name="activation_patterns",
        version=1,
        scope="study",
        summary="histograms of activations by layer and unit through training, and the share that is saturated",
        run=run,
        needs=("trajectories",),
        rows="saturation",
    ),
)
