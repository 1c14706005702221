"""What units are tuned to, in numbers of fixed range, from their rectified responses to the battery of stimuli.

Every index compares a unit's own responses with each other, so that it stays the same if they are all multiplied by
a number. Those of a family against its control are contrasts (M − U) / (M + U), M the best response to the family and
U that to the control: 0 where neither is preferred, 1/5 where the family's is one and a half times as large, 1/3
where it is twice as large, 1 where the control does nothing. They are undefined (NaN) where both are below FLOOR of
the unit's strongest response, since a quotient of next to nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wbsite.ops.tuning.stimuli.field import LUMINANCE

FLOOR = 0.05
"""Share of a unit's strongest response, below which two responses are not compared."""

DEAD = 0.01
"""Share of the median over the layer's units of the strongest response, below which a unit counts as dead."""


@dataclass(frozen=True)
class Index:
    """An index, as figures describe it.

    Attributes:
        title: what figures call it.
        low, high: its range.
        formula: in one line.
        source: the paper it comes from, or whose definition it makes measurable.
    """

    title: str
    low: float
    high: float
    formula: str
    source: str


_AGAINST = "(M − U) / (M + U), "

INDICES: Mapping[str, Index] = {
    "colour": Index(
        "colour against luminance", 0, 1,
        "C / (C + L), best responses to gratings in colour and in black and white of equal contrast",
        "Johnson, Hawken and Shapley 2001: the ratio C / L, here as a share",
    ),
    "frequency": Index(
        "spatial frequency", 0, 0.5,
        "centre of gravity, on a logarithmic axis, of the best response at every frequency, in cycles a pixel",
        "De Valois, Albrecht and Thorell 1982: tuning curves of spatial frequency",
    ),
    "relative_frequency": Index(
        "spatial frequency within the range shown", 0, 1,
        "the same, 0 at the lowest frequency shown (one cycle in what the unit sees) and 1 at the highest",
        "De Valois, Albrecht and Thorell 1982: tuning curves of spatial frequency",
    ),
    "orientation_selectivity": Index(
        "orientation selectivity", 0, 1,
        "1 − circular variance = |Σ R(θ) exp(2iθ)| / Σ R(θ), at the best frequency and colour, best phases",
        "Ringach, Shapley and Hawken 2002",
    ),
    "bw_vs_colour": Index(
        "black and white against colour", -1, 1,
        _AGAINST + "M: colour beside, in or around grey, mean over two axes of the weaker of both hues; U: whole fields"
        " in either, and the same regions in opposite colours",
        "Olah et al. 2020, An Overview of Early Vision in InceptionV1, made measurable here",
    ),
    "absence_of_colour": Index(
        "absence of colour", -1, 1,
        _AGAINST + "M: a texture in black and white; U: the same texture in colour, the best of four hues",
        "Olah et al. 2020, An Overview of Early Vision in InceptionV1, made measurable here",
    ),
    "centre_surround": Index(
        "centre and surround", -1, 1,
        _AGAINST + "M: discs, alone and in opposite rings; U: whole fields and gratings",
        "Hubel and Wiesel 1968: cells without orientation, here against gratings",
    ),
    "curve": Index(
        "curves", -1, 1,
        _AGAINST + "M: arcs of 60° and 120°, as lines and edges; U: straight ones and even fields in the same"
        " apertures",
        "Cammarata et al. 2020, Curve Detectors; Pasupathy and Connor 1999",
    ),
    "corner": Index(
        "corners", -1, 1,
        _AGAINST + "M: corners of 60° and 90°, as lines and edges; U: straight ones and even fields in the same"
        " apertures",
        "Pasupathy and Connor 1999",
    ),
    "high_low": Index(
        "high against low frequency", -1, 1,
        _AGAINST + "M: noise of high frequency beside noise of low frequency, the best arrangement found on half of the"
        " seeds and measured on the other; U: the same with the sides exchanged, and fields of one frequency",
        "Schubert et al. 2021, High-Low Frequency Detectors",
    ),
}  # fmt: skip

DRIVEN = ("bw_vs_colour", "absence_of_colour", "centre_surround", "curve", "corner", "high_low")
"""Indices with a column NAME_drive: M as a share of the unit's strongest response to any stimulus, in [0, 1]."""


def tuning(families: Mapping[str, pd.DataFrame], responses: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """All indices of the units of one layer.

    Args:
        families: the battery's tables of stimuli.
        responses: family → (stimuli, units) ≥ 0, above the response to an empty field.

    Returns:
        One row a unit, NaN where undefined and for dead units: dead; strength, the strongest response; the columns of
        INDICES; orientation of the best stripes, degrees in [0, 180), 0 horizontal; NAME_drive for those of DRIVEN.
    """
    absolute = {name: np.asarray(values, np.float64) for name, values in responses.items()}
    strength = np.max([values.max(0) for values in absolute.values()], axis=0)
    dead = is_dead(strength)
    scale = np.where(dead, np.nan, strength)
    relative = {name: values / scale for name, values in absolute.items()}
    columns: dict[str, np.ndarray] = {"dead": dead, "strength": strength}
    columns |= _of_gratings(families["gratings"], relative["gratings"])
    pairs = {
        **_of_colour_regions(families.get("colour regions"), relative.get("colour regions")),
        "centre_surround": _of_discs(families["discs"], relative["discs"], relative["gratings"]),
        **_of_contours(families.get("contours"), relative.get("contours")),
        "high_low": _of_textures(families.get("textures"), relative.get("textures")),
    }
    for name in DRIVEN:
        best, control = pairs.get(name) or (np.full(len(dead), np.nan),) * 2
        columns |= {name: contrast(best, control), f"{name}_drive": best}
    return pd.DataFrame(columns)


def is_dead(strength: np.ndarray) -> np.ndarray:
    """bool (units,): whether a unit's strongest response is 0, or below DEAD of the median of all."""
    return (strength <= 0) | (strength < DEAD * np.median(strength))


def contrast(best: np.ndarray, control: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """(best − control) / (best + control) in [−1, 1]; NaN where neither reaches the floor."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.fmax(best, control) >= floor, (best - control) / (best + control), np.nan)


def orientation_tuning(responses: np.ndarray, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Selectivity in [0, 1], and preferred orientation in [0, 180) degrees, of (orientations, units) responses ≥ 0.

    With z = Σ R(θ) exp(2iθ) / Σ R(θ): |z| is one minus the circular variance (Ringach, Shapley and Hawken 2002), and
    half its angle the orientation. NaN where there is no response.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (responses * np.exp(2j * np.deg2rad(degrees))[:, None]).sum(0) / responses.sum(0)
    return np.abs(z), (np.rad2deg(np.angle(z)) / 2) % 180


def frequency_tuning(responses: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """(frequencies, units) responses ≥ 0 → (units,): exp(Σ R log f / Σ R); NaN where there is no response."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.exp((responses * np.log(frequencies)[:, None]).sum(0) / responses.sum(0))


def high_low(mixed: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M and U of texture boundaries, (units,) each.

    Each half of the seeds chooses an arrangement by its mean response and the other half measures it, so that the best
    of many arrangements is not the luckiest. With its sides exchanged it tells a unit that looks for high frequency on
    one side from one that likes any boundary between textures.

    Args:
        mixed: (pairs, directions, seeds, units), directions evenly around the circle, even numbers of them and seeds.
        uniform: (frequencies, seeds, units).
    """
    half = mixed.shape[2] // 2
    exchanged = np.roll(mixed, mixed.shape[1] // 2, axis=1)
    folds, opposite = (
        [part.mean(2).reshape(-1, part.shape[-1]) for part in (responses[:, :, :half], responses[:, :, half:])]
        for responses in (mixed, exchanged)
    )
    best, control = (
        sum(np.take_along_axis(halves[1 - i], folds[i].argmax(0)[None], 0)[0] for i in (0, 1)) / 2
        for halves in (folds, opposite)
    )
    return best, np.maximum(control, uniform.mean(1).max(0))


def _of_gratings(rows: pd.DataFrame, responses: np.ndarray) -> dict[str, np.ndarray]:
    axes, frequencies = rows["axis"].unique(), rows["frequency"].unique()
    best = grid(rows, responses, "axis", "frequency", "orientation", "phase").max(3)
    by_axis = best.max((1, 2))
    luminance, in_colour = by_axis[axes == LUMINANCE][0], by_axis[axes != LUMINANCE]
    colour = np.full(len(luminance), np.nan)
    if len(in_colour):
        colour = (contrast(in_colour.max(0), luminance) + 1) / 2
    units = np.arange(best.shape[-1])
    peak = best.max(2).reshape(-1, len(units)).argmax(0)
    tuned = best.reshape(-1, *best.shape[2:])[peak, :, units].T
    selectivity, orientation = orientation_tuning(tuned, rows["orientation"].unique())
    frequency = frequency_tuning(best.max((0, 2)), frequencies)
    span = np.log(frequencies[-1] / frequencies[0])
    relative = np.log(frequency / frequencies[0]) / span if span > 0 else np.full(len(units), np.nan)
    return {
        "colour": colour,
        "frequency": frequency,
        "relative_frequency": np.clip(relative, 0, 1),
        "orientation": orientation,
        "orientation_selectivity": selectivity,
    }


def _of_colour_regions(
    rows: pd.DataFrame | None, responses: np.ndarray | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if rows is None or responses is None:
        return {}
    uniform, colourless = (rows["layout"] == "whole").to_numpy(), (rows["sign"] == 0).to_numpy()
    textured, opposite = rows["texture"].to_numpy(bool), (rows["other"] == "opposite").to_numpy()
    grey, coloured = responses[colourless][0], responses[uniform & textured & ~colourless].max(0)
    beside = ~uniform & ~opposite
    regions = grid(rows[beside], responses[beside], "layout", "direction", "size", "texture", "axis", "sign")
    weaker = regions.min(5).mean(4)
    best = np.nan_to_num(weaker, nan=-np.inf).max((0, 1, 2, 3))  # combinations that do not exist are NaN
    best = np.where(np.isfinite(best), best, np.nan)
    control = np.maximum(responses[uniform].max(0), responses[opposite].max(0))
    return {"bw_vs_colour": (best, control), "absence_of_colour": (grey, coloured)}


def _of_discs(rows: pd.DataFrame, responses: np.ndarray, gratings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    uniform = (rows["shape"] == "uniform").to_numpy()
    if uniform.all():  # a few pixels have no room for a disc
        return (np.full(responses.shape[1], np.nan),) * 2
    return responses[~uniform].max(0), np.maximum(responses[uniform].max(0), gratings.max(0))


def _of_contours(rows: pd.DataFrame | None, responses: np.ndarray | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if rows is None or responses is None:
        return {}
    best = {shape: responses[(rows["shape"] == shape).to_numpy()].max(0) for shape in rows["shape"].unique()}
    control = np.maximum(best["straight"], best["even"])
    return {"curve": (best["arc"], control), "corner": (best["corner"], control)}


def _of_textures(rows: pd.DataFrame | None, responses: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    if rows is None or responses is None:
        return None
    mixed = (rows["low"] != rows["high"]).to_numpy()
    boundaries = grid(rows[mixed], responses[mixed], "low", "direction", "seed", "polarity").mean(3)
    uniform = grid(rows[~mixed], responses[~mixed], "low", "seed", "polarity").mean(2)
    return high_low(boundaries, uniform)


def grid(rows: pd.DataFrame, responses: np.ndarray, *names: str) -> np.ndarray:
    """(stimuli, units) → one axis for each named column, its values in order of appearance, then units; NaN where a
    combination was not shown."""
    codes = [pd.factorize(rows[name])[0] for name in names]
    shape = [int(code.max()) + 1 for code in codes]
    values = np.full((*shape, responses.shape[1]), np.nan)
    values[tuple(codes)] = responses
    return values
