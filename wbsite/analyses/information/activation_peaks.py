"""Peaks in the activations of trained networks: how many, whether equally far apart, and whether they are counts.

Of every unit and layer at the last record of every run that lived, on binary inputs, of which w are active.
Activations of exactly 0 are left out: a relu has a peak there that would hide all others. The rule of a peak is that
of `ops.peaks`; random peaks are those of `ops.peaks.spacing`.

Values:
    none: "" or why there is nothing to count; then there are no other values, and `rows` is empty.
    rule: of a peak, in words. counts: the values w takes. visible: how many of these have samples enough, PROMINENCE of
        those of the most frequent, for a peak of their own.
    shown: configuration → seed of the run whose histograms are kept, the first that lived; None for none.
    layers: configuration → layer, or "hidden layers" for all of them together → means over the runs that lived, of the
        run's units: peaks; several, share of units with three peaks or more; eta_w, eta_untrained, eta_signed,
        signed_untrained, peak_by_w, as in `rows`; each also with _low and _high, its 95 % t interval, None where
        undefined. And over all units of all those runs: units; tested, those with three peaks or more and room to
        move; equal, how many of them have p ≤ 0.05 (one in twenty by chance); variation, their median.
Arrays, of the seed in `shown`, units of all layers one after another (the first 64 of each; see table `units`):
    centres/CONFIGURATION, heights/CONFIGURATION: float32 (units, 60), bins and smoothed shares; zeros without values.
    means/CONFIGURATION: float32 (units, counts), mean activation of the samples with each count, zeros included.
Table `rows`: configuration, seed, layer, unit (from 0; −1 for all units of the layer together), used
    (activations that are not 0), peaks, variation and p of the gaps, counts (different w among the activations used),
    eta_w, η² of the activations by w; eta_untrained, the same before training; eta_signed, η² by the count of inputs
    each with the sign of its covariance with the activation, and signed_untrained; peak_by_w, the share of the entropy
    of which peak an activation belongs to that w tells; within_eta, η² by w of the distance from the peak's mean. NaN
    where undefined; signs are those of single units, NaN for layers.
Table `units`: configuration, layer, unit, as in the arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents
from wbsite.ops.information.counting import NOT_BINARY, binary_counts
from wbsite.ops.information.eta_squared import eta_squared_of_unit, uncertainty_coefficient
from wbsite.ops.information.peaks import APART, BINS, PROMINENCE, SMOOTHING, Peaks, peaks, spacing
from wbsite.stats.intervals import told
from wbsite.train.study.replay import Replay

UNITS = 64
"""Units of a layer that are looked at one by one, at most."""

LEVEL = 0.05
"""p up to which gaps are called equal."""

WHOLE, HIDDEN = -1, "hidden layers"

COLUMNS = (
    *("configuration", "seed", "layer", "unit", "used", "peaks", "variation", "p", "counts", "eta_w", "eta_untrained"),
    *("eta_signed", "signed_untrained", "peak_by_w", "within_eta"),
)
MEANS = ("peaks", "several", "eta_w", "eta_untrained", "eta_signed", "signed_untrained", "peak_by_w")


def run(context: StudyContext) -> Contents:
    """First and last record of every run that lived."""
    study, needed = context.study, context.needs["trajectories"]
    replay = Replay(study, context.samples, needed, context.device)
    counts = binary_counts(replay.inputs)
    if counts is None:
        empty = pd.DataFrame(columns=list(COLUMNS))
        return Contents(values={"none": NOT_BINARY}, tables={"rows": empty})
    known, sizes = np.unique(counts, return_counts=True)
    runs = needed.table("runs")
    alive = list(runs.loc[runs["died"].isna(), ["configuration", "seed"]].itertuples(index=False, name=None))
    shown = {name: next((s for c, s in alive if c == name), None) for name in replay.configurations}
    context.progress.step("peaks of activations", len(alive))
    rows, units = [], []
    arrays: dict[str, np.ndarray] = {}
    for name, seed in alive:
        kept = []
        for layer, values in replay.layers(name, seed, slice(None, None, len(study.moments) - 1)):
            first, last = values.cpu().numpy()[[0, -1]]
            for unit in range(min(UNITS, last.shape[1])):
                row, found = of_unit(last[:, unit], first[:, unit], counts, replay.inputs)
                rows.append({"configuration": name, "seed": seed, "layer": layer, "unit": unit, **row})
                if seed == shown[name]:
                    kept.append((found, np.array([last[counts == w, unit].mean() for w in known])))
                    units.append({"configuration": name, "layer": layer, "unit": unit})
            row = of_layer(last, first, counts)
            rows.append({"configuration": name, "seed": seed, "layer": layer, "unit": WHOLE, **row})
        if kept:
            arrays |= {f"{what}/{name}": array for what, array in _drawn(kept).items()}
        context.progress.advance(note=f"{name} seed {seed}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Contents(
        values={
            "none": "",
            "rule": f"a peak of the histogram in {BINS} bins over the smallest to the largest activation, smoothed"
            f" with a Gaussian of {SMOOTHING:g} bin, that stands out by {PROMINENCE:.0%} of the highest; activations of"
            f" exactly 0 left out; random peaks lie at least {APART:g} bins apart",
            "counts": known.tolist(),
            "visible": int((sizes >= PROMINENCE * sizes.max()).sum()),
            "shown": shown,
            "layers": {name: summary(table[table["configuration"] == name]) for name in replay.configurations},
        },
        arrays=arrays,
        tables={
            "rows": table,
            "units": pd.DataFrame(units, columns=["configuration", "layer", "unit"]),
        },
    )


def of_unit(
    last: np.ndarray, first: np.ndarray, counts: np.ndarray, inputs: np.ndarray
) -> tuple[dict[str, Any], Peaks]:
    """One unit's row, from its activations (N,) after and before training."""
    row, found, used = _described(last, counts)
    signed, before = _signed(last, inputs), _signed(first, inputs)
    row |= {
        "eta_untrained": eta_squared_of_unit(first[first != 0], counts[first != 0]),
        "eta_signed": eta_squared_of_unit(last[used], signed[used]),
        "signed_untrained": eta_squared_of_unit(first[first != 0], before[first != 0]),
    }
    return row, found


def of_layer(last: np.ndarray, first: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """All units of a layer, (N, units) after and before training, as one set of activations."""
    each = np.repeat(counts, last.shape[1])
    row, _, _ = _described(last.ravel(), each)
    used = first.ravel() != 0
    return row | {"eta_untrained": eta_squared_of_unit(first.ravel()[used], each[used])}


def _described(values: np.ndarray, counts: np.ndarray) -> tuple[dict[str, Any], Peaks, np.ndarray]:
    used = values != 0
    values, counts = values[used], counts[used]
    found = peaks(values)
    variation, p = spacing(found.places)
    row: dict[str, Any] = {
        "used": len(values), "peaks": len(found.places), "variation": variation, "p": p,
        "counts": len(np.unique(counts)), "eta_w": eta_squared_of_unit(values, counts),
    }  # fmt: skip
    if len(values):
        peak = np.searchsorted(found.borders, values)
        middles = np.bincount(peak, values) / np.maximum(np.bincount(peak), 1)
        row |= {
            "peak_by_w": uncertainty_coefficient(peak, counts),
            "within_eta": eta_squared_of_unit(values - middles[peak], counts),
        }
    return row, found, used


def _signed(values: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Sum of the inputs, each with the sign of its covariance with the values: (N,)."""
    signs = np.sign((inputs - inputs.mean(0)).T @ (values - values.mean()))
    return np.rint(2 * (inputs @ signs)).astype(np.int64)


def _drawn(kept: list[tuple[Peaks, np.ndarray]]) -> dict[str, np.ndarray]:
    nothing = np.zeros(BINS)
    return {
        "centres": np.array([of.centres if len(of.centres) else nothing for of, _ in kept], np.float32),
        "heights": np.array([of.heights if len(of.heights) else nothing for of, _ in kept], np.float32),
        "means": np.array([means for _, means in kept], np.float32),
    }


def summary(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Of one configuration's rows: layer → means over its runs, and counts over all their units."""
    single = table[table["unit"] != WHOLE].assign(several=lambda of: (of["peaks"] >= 3).astype(float))
    groups = [(str(layer), of) for layer, of in single.groupby("layer", sort=False)]
    hidden = single[single["layer"] != "output"]
    return {layer: _means(of) for layer, of in [*groups, (HIDDEN, hidden)] if len(of)}


def _means(units: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what, values in units.groupby("seed")[list(MEANS)].mean().items():
        found |= told(str(what), values.to_numpy())
    tested = units.dropna(subset=["p"])
    return found | {
        "units": len(units),
        "tested": len(tested),
        "equal": int((tested["p"] <= LEVEL).sum()),
        "variation": float(tested["variation"].median()) if len(tested) else None,
    }


ANALYSES = (
    Analysis(
        name="activation_peaks",
        version=1,
        scope="study",
        summary="peaks in the activations of trained units: how many, how equally spaced, and whether they are counts",
        run=run,
        needs=("trajectories",),
    ),
)
