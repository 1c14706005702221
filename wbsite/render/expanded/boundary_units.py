"""Units whose paths cancel: what sources do to them through each unit between, by sign and together."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend
from wbsite.render.text import number_text
from wbsite.results.site import Gap

from ._channels import chance_text, channel_text, channel_tile
from .cancellation_scatter import absent

UNITS, SOURCES, THROUGH = 3, 3, 3
"""Drawn: units, hidden sources of each, units between for each of those."""

SIGNS = {"positive": "excites", "negative": "inhibits", "net": "together"}


def draw(scene: Scene) -> Drawing | Gap:
    """One block a unit, one row a source."""
    assert scene.model is not None
    entry = scene.entry_or_gap("cancellation")
    if isinstance(entry, Gap):
        return entry
    shown = entry.values["shown"][:UNITS]
    if not shown:
        return absent(entry)
    through = entry.table("through")
    parts, rows = [], []
    for number, unit in enumerate(shown):
        of = through[(through["layer"] == unit["layer"]) & (through["unit"] == unit["unit"])]
        html, told = _unit(scene, number, unit, of, entry.arrays)
        parts.append(html)
        rows += told
    said = [f"{channel_text(scene, unit['layer'], unit['unit'])} ({unit['hidden']:.0%} hidden)" for unit in shown]
    alt = (
        f"Kernels from earlier units to {len(shown)} units of {scene.model.title}, by sign and together: {'; '.join(said)}."
        " Excitation and inhibition lie over one another and largely cancel in the sum."
    )
    body = f'<div class="wb-trials">{"".join(parts)}</div>'
    return Drawing(_caption(scene, entry, shown), alt, pd.DataFrame(rows), body=body, width="full")


def _unit(
    scene: Scene, number: int, unit: Mapping[str, Any], through: pd.DataFrame, arrays: Mapping[str, np.ndarray]
) -> tuple[str, list[dict[str, Any]]]:
    """HTML of a unit, and a row of data for each of its sources."""
    kernels = {name: arrays[f"{name}_{number}"][:SOURCES] for name in SIGNS}
    apart = arrays[f"through_{number}"][:SOURCES, :THROUGH]
    scale = max(float(np.abs(one).max()) for one in kernels.values())
    scale_apart = float(np.abs(apart).max())
    target = channel_text(scene, unit["layer"], unit["unit"])
    lines, told = [], []
    for i, channel in enumerate(through["channel"].unique()[:SOURCES]):
        of = through[through["channel"] == channel].to_dict("records")[:THROUGH]
        source = channel_text(scene, of[0]["source_layer"], of[0]["source_unit"], unit["source"])
        cells = [f"<div>{channel_tile(scene, of[0]['source_layer'], of[0]['source_unit'], unit['source'])}</div>"]
        for name, word in SIGNS.items():
            text = f"{source} to {target}, {word}"
            cells.append(f"<div>{kernel_img(kernels[name][i], scale, text, 60)}<small>{word}</small></div>")
        for j, row in enumerate(of):
            middle = channel_text(scene, row["between_layer"], row["between_unit"], unit["between"])
            tile = channel_tile(scene, row["between_layer"], row["between_unit"], unit["between"], 44)
            image = kernel_img(apart[i, j], scale_apart, f"{source} to {target} through {middle}", 44)
            cells.append(f'<div class="wb-through">{tile}{image}</div>')
        lines.append(f'<div class="wb-signs">{"".join(cells)}</div>')
        told.append(_row(unit, of[0], {name: kernels[name][i] for name in SIGNS}))
    head = (
        f"<p><strong>{escape(target)}</strong> from <code>{escape(unit['source'])}</code> through"
        f" <code>{escape(unit['between'])}</code>: {unit['hidden']:.0%} of the squared size of its strongest paths is hidden;"
        f" {chance_text(unit['q_shuffle'], unit['q_signs'])}</p>"
    )
    legends = (
        f'<div class="wb-signs-scales"><div>by sign and together{scale_legend(scale)}</div>'
        f"<div>through one unit between{scale_legend(scale_apart)}</div></div>"
    )
    tile = channel_tile(scene, unit["layer"], unit["unit"], pixels=112, plain=False)
    inner = f'<div class="wb-unit-inputs">{tile}<div>{legends}{"".join(lines)}</div></div>'
    return f'<div class="wb-trial">{head}{inner}</div>', told


def _row(unit: Mapping[str, Any], source: Mapping[str, Any], kernels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    sums = {name: round(float(kernel.sum()), 5) for name, kernel in kernels.items()}
    about = {name: unit[name] for name in ("layer", "unit", "source", "between")}
    rates = {name: round(float(unit[name]), 4) for name in ("hidden", "p_signs", "p_shuffle", "q_signs", "q_shuffle")}
    side = {"source_layer": source["source_layer"], "source_unit": source["source_unit"]}
    return {**about, **side, **sums, "size_of_net": round(float(np.abs(kernels["net"]).sum()), 5), **rates}


def _caption(scene: Scene, entry: Entry, shown: list[dict[str, Any]]) -> str:
    assert scene.model is not None
    values = entry.values
    count, units = values["found"], number_text(values["units"])
    if count:
        found = (
            f"Found by their weights alone, of {units} units in {values['layers']} layers: {count} whose strongest paths cancel more"
            f" than shuffled kernels let them (false discovery rate at most {values['level']:g} within a layer), of which"
            f" {values['found_signs']} also beyond random signs at that rate. Here the first {len(shown)}."
        )
    else:
        found = (
            f"None of {units} units in {values['layers']} layers cancels more than shuffled kernels let it (false discovery"
            f" rate at most {values['level']:g} within a layer). Here the {len(shown)} least likely by chance all the same."
        )
    return (
        f"Units of {escape(scene.model.title)} that the same earlier unit excites and inhibits. {found} A row is one source, of"
        " which most is hidden first: all that excites, all that inhibits, and their sum, which is the expanded weight;"
        f" then what it does through the {THROUGH} units between with the largest part. Red excites, blue inhibits, white is"
        " zero; scales are common to a unit, at its bars. Rectifiers are taken as linear, max pools as averages."
    )


FIGURES = (Figure("boundary-units", draw, "units whose paths cancel", of="model"),)
