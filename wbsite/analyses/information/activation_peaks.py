"""Peaks in the activations of trained networks: how many, whether equally far apart, and whether they are counts.

Of every unit and layer at the last record of every run that lived, on binary inputs, of which w are active.
Activations of exactly 0 are left out: a relu has a peak there that would hide all others. `ops.information.peaks`
defines a peak, and draws the random peaks that spacings are compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.ops.information.counting import NOT_BINARY, binary_counts
from wbsite.ops.information.eta_squared import eta_squared_of_unit, uncertainty_coefficient
from wbsite.ops.information.peaks import APART, BINS, PROMINENCE, SMOOTHING, Peaks, peaks, spacing
from wbsite.results.information.activation_peaks import HIDDEN, ActivationPeaks, PeakSummary
from wbsite.results.information.trajectories import Trajectories
from wbsite.train.study.replay import Replay

from ._runs import living, mean_over_runs

UNITS = 64
"""Units of a layer that are looked at one by one, at most."""

LEVEL = 0.05
"""p up to which gaps are called equal."""

ALL_UNITS = -1
"""In place of a unit: all units of the layer together."""

COLUMNS = {name: list(ActivationPeaks.fields[name].columns) for name in ("rows", "units")}

RULE = (
    f"a peak of the histogram in {BINS} bins over the smallest to the largest activation, smoothed"
    f" with a Gaussian of {SMOOTHING:g} bin, that stands out by {PROMINENCE:.0%} of the highest; activations of"
    f" exactly 0 left out; random peaks lie at least {APART:g} bins apart"
)


def run(context: StudyContext) -> ActivationPeaks:
    """First and last record of every run that lived."""
    study, trajectories = context.study, context.need(Trajectories)
    replay = Replay(study, context.samples, trajectories.parameters, context.device)
    counts = binary_counts(replay.inputs)
    if counts is None:
        rows, units = (pd.DataFrame(columns=columns) for columns in COLUMNS.values())
        return ActivationPeaks(reason=NOT_BINARY, rows=rows, units=units)
    values_of_w, sizes = np.unique(counts, return_counts=True)
    lived = list(living(trajectories))
    example_seed = {name: next((s for c, s in lived if c == name), None) for name in replay.configurations}
    context.progress.step("peaks of activations", len(lived))
    row_list: list[dict[str, Any]] = []
    unit_list: list[dict[str, Any]] = []
    drawn: dict[str, list[tuple[Peaks, np.ndarray]]] = {}
    for name, seed in lived:
        for layer, values in replay.layers(name, seed, slice(None, None, len(study.moments) - 1)):
            first, last = values.cpu().numpy()[[0, -1]]
            for unit in range(min(UNITS, last.shape[1])):
                row, histogram = describe_unit(last[:, unit], first[:, unit], counts, replay.inputs)
                row_list.append({"configuration": name, "seed": seed, "layer": layer, "unit": unit, **row})
                if seed == example_seed[name]:
                    means = np.array([last[counts == w, unit].mean() for w in values_of_w])
                    drawn.setdefault(name, []).append((histogram, means))
                    unit_list.append({"configuration": name, "layer": layer, "unit": unit})
            row = describe_layer(last, first, counts)
            row_list.append({"configuration": name, "seed": seed, "layer": layer, "unit": ALL_UNITS, **row})
        context.progress.advance(note=f"{name} seed {seed}")
    rows = pd.DataFrame(row_list, columns=COLUMNS["rows"])
    nothing = np.zeros(BINS)
    return ActivationPeaks(
        reason="",
        rule=RULE,
        counts=values_of_w.tolist(),
        visible=int((sizes >= PROMINENCE * sizes.max()).sum()),
        example_seed=example_seed,
        layers={name: summary(rows[rows["configuration"] == name]) for name in replay.configurations},
        centres={
            name: np.array([peaks.centres if len(peaks.centres) else nothing for peaks, _ in units], np.float32)
            for name, units in drawn.items()
        },
        heights={
            name: np.array([peaks.heights if len(peaks.heights) else nothing for peaks, _ in units], np.float32)
            for name, units in drawn.items()
        },
        means={name: np.array([means for _, means in units], np.float32) for name, units in drawn.items()},
        rows=rows,
        units=pd.DataFrame(unit_list, columns=COLUMNS["units"]),
    )


def describe_unit(
    last: np.ndarray, first: np.ndarray, counts: np.ndarray, inputs: np.ndarray
) -> tuple[dict[str, Any], Peaks]:
    """One unit's row, from its activations (N,) after and before training."""
    row, histogram, used = _described(last, counts)
    signed, before = _signed(last, inputs), _signed(first, inputs)
    row |= {
        "eta_untrained": eta_squared_of_unit(first[first != 0], counts[first != 0]),
        "eta_signed": eta_squared_of_unit(last[used], signed[used]),
        "signed_untrained": eta_squared_of_unit(first[first != 0], before[first != 0]),
    }
    return row, histogram


def describe_layer(last: np.ndarray, first: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """The row of all units of a layer, (N, units) after and before training, as one set of activations."""
    repeated = np.repeat(counts, last.shape[1])
    row, _, _ = _described(last.ravel(), repeated)
    used = first.ravel() != 0
    return row | {"eta_untrained": eta_squared_of_unit(first.ravel()[used], repeated[used])}


def _described(values: np.ndarray, counts: np.ndarray) -> tuple[dict[str, Any], Peaks, np.ndarray]:
    used = values != 0
    values, counts = values[used], counts[used]
    histogram = peaks(values)
    variation, p = spacing(histogram.positions)
    row: dict[str, Any] = {
        "used": len(values), "peaks": len(histogram.positions), "variation": variation, "p": p,
        "counts": int(np.count_nonzero(np.bincount(counts))), "eta_w": eta_squared_of_unit(values, counts),
    }  # fmt: skip
    if len(values):
        peak = np.searchsorted(histogram.borders, values)
        middles = np.bincount(peak, values) / np.maximum(np.bincount(peak), 1)
        row |= {
            "peak_by_w": uncertainty_coefficient(peak, counts),
            "within_eta": eta_squared_of_unit(values - middles[peak], counts),
        }
    return row, histogram, used


def _signed(values: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Sum of the inputs, each with the sign of its covariance with the values: (N,)."""
    signs = np.sign((inputs - inputs.mean(0)).T @ (values - values.mean()))
    return np.rint(2 * (inputs @ signs)).astype(np.int64)


def summary(rows: pd.DataFrame) -> dict[str, PeakSummary]:
    """Of one configuration's rows: layer → means over its runs, and counts over all their units."""
    single = rows[rows["unit"] != ALL_UNITS]
    layers = [(str(layer), units) for layer, units in single.groupby("layer", sort=False)]
    hidden = single[single["layer"] != "output"]
    return {layer: _summary(units) for layer, units in [*layers, (HIDDEN, hidden)] if len(units)}


def _summary(units: pd.DataFrame) -> PeakSummary:
    names = ["peaks", "several", "eta_w", "eta_untrained", "eta_signed", "signed_untrained", "peak_by_w"]
    by_seed = units.assign(several=(units["peaks"] >= 3).astype(float)).groupby("seed")[names].mean()
    tested = units.dropna(subset=["p"])
    return PeakSummary(
        **{name: mean_over_runs(by_seed[name].to_numpy()) for name in names},
        units=len(units),
        tested=len(tested),
        equal=int((tested["p"] <= LEVEL).sum()),
        variation=float(tested["variation"].median()) if len(tested) else None,
    )


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=ActivationPeaks,
        needs=("trajectories",),
    ),
)
