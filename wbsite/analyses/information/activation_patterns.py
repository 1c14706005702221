"""Histograms of activations by layer and by unit through training, and how many of the activations are saturated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.ops.information.saturation import RANGES, SHARE, SOFTMAX, flat_ends, histograms, saturated_share, zero_share
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.trajectories import Trajectories
from wbsite.train.study.replay import Replay

from ._runs import living

BINS = 30
"""As in the notebook of the deep-bottleneck project."""

UNITS = 64
"""Units of a layer that have histograms of their own, at most."""


def run(context: StudyContext) -> ActivationPatterns:
    """Two passes over a configuration whose activations have no bounds: one for the range, one for the counts."""
    study, trajectories = context.study, context.need(Trajectories)
    replay = Replay(study, context.samples, trajectories.parameters, context.device)
    lived = set(living(trajectories))
    context.progress.step("histograms of activations", study.runs)
    ranges, ends, example_seed, layer_counts, unit_counts, tables = {}, {}, {}, {}, {}, []
    for name, configuration in replay.configurations.items():
        alive = [seed for seed in study.seeds if (name, seed) in lived]
        ranges[name] = _ranges(replay, name, alive or study.seeds)
        ends[name], example_seed[name] = flat_ends(configuration.activation), next(iter(alive), None)
        layers = np.zeros((len(study.seeds), len(study.moments), len(ranges[name]), BINS), np.uint32)
        for row, seed in enumerate(study.seeds):
            finite, outputs = replay.finite(name, seed)
            for depth, (layer, values) in enumerate(outputs):
                counts = histograms(values, *ranges[name][layer], BINS)
                layers[row, :finite, depth] = counts.sum(1).numpy()
                if seed == example_seed[name]:
                    unit_counts[f"{name}/{layer}"] = counts[:, :UNITS].numpy().astype(np.uint32)
                flat = ends[name] if layer != "output" else [(limit, SHARE) for limit in SOFTMAX]
                shares = {"saturated": saturated_share(values, flat), "zero": zero_share(values)}
                about = {"configuration": name, "seed": seed, "epoch": study.moments, "layer": layer}
                tables.append(pd.DataFrame({**about, **_padded(shares, len(study.moments))}))
            context.progress.advance(note=f"{name} seed {seed}")
        layer_counts[name] = layers
    return ActivationPatterns(
        bins=BINS,
        ranges=ranges,
        bounded={name: each.activation in RANGES for name, each in replay.configurations.items()},
        example_seed=example_seed,
        flat_ends=ends,
        rule=f"within {SHARE:.0%} of the function's range of a value at which it is flat; of a function that is"
        " flat on one side, within that share of the distance from there to its value at 0 (for relu, exactly 0)",
        layers=layer_counts,
        units=unit_counts,
        saturation=pd.concat(tables, ignore_index=True),
    )


def _ranges(replay: Replay, name: str, seeds: Sequence[int]) -> dict[str, tuple[float, float]]:
    """Layer → what its histograms' bins divide.

    Args:
        seeds: of the runs whose activations are looked at where the function has no bounds.
    """
    configuration = replay.configurations[name]
    layers = configuration.architecture(1, 2).layers
    bounded = dict.fromkeys(layers, RANGES[configuration.activation]) if configuration.activation in RANGES else {}
    bounded["output"] = SOFTMAX
    if len(bounded) == len(layers):
        return {layer: bounded[layer] for layer in layers}
    extremes: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    for seed in seeds:
        for layer, values in replay.finite(name, seed)[1]:
            if len(values) and layer not in bounded:
                extremes[layer] += [values.mT.amin(), values.mT.amax()]
    return {layer: bounded.get(layer) or _span([float(end) for end in ends]) for layer, ends in extremes.items()}


def _span(ends: list[float]) -> tuple[float, float]:
    """From the smallest to the largest; of length 1 for a layer without values, or with one value."""
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    return (low, high) if high > low else (low, low + max(1.0, 1e-6 * abs(low)))


def _padded(columns: dict[str, torch.Tensor], records: int) -> dict[str, np.ndarray]:
    """Columns with NaN for the records that are missing at their ends."""
    return {
        name: np.pad(values.numpy(), (0, records - len(values)), constant_values=np.nan)
        for name, values in columns.items()
    }


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=ActivationPatterns,
        needs=("trajectories",),
        rows="saturation",
    ),
)
