"""Units whose paths cancel: what sources do to them through each unit between, by sign and together."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend
from wbsite.render.text import number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.cancellation import Cancellation, UnitScore
from wbsite.results.site import Gap

from ._channels import chance_text, channel_text, channel_tile
from .cancellation_scatter import absent

UNITS, SOURCES, THROUGH = 3, 3, 3
"""Drawn: units, hidden sources of each, units between for each of those."""

SIGNS = {"positive": "excites", "negative": "inhibits", "net": "together"}


def draw(scene: Scene) -> Drawing | Gap:
    """One block a unit, one row a source."""
    assert scene.model is not None
    cancellation = scene.result_or_gap(Cancellation)
    if isinstance(cancellation, Gap):
        return cancellation
    examples = cancellation.examples[:UNITS]
    if not examples:
        return absent(cancellation)
    parts, rows = [], []
    for number, unit in enumerate(examples):
        html, unit_rows = _unit(scene, cancellation, number, unit)
        parts.append(html)
        rows += unit_rows
    names = [f"{channel_text(scene, unit.layer, unit.unit)} ({unit.hidden:.0%} hidden)" for unit in examples]
    alt = (
        f"Kernels from earlier units to {len(examples)} units of {scene.model.title}, by sign and together: {'; '.join(names)}."
        " Excitation and inhibition lie over one another and largely cancel in the sum."
    )
    body = f'<div class="wb-trials">{"".join(parts)}</div>'
    caption = _caption(scene.model.title, cancellation, len(examples))
    return Drawing(caption, alt, pd.DataFrame(rows), body=body, width="full")


def _unit(scene: Scene, cancellation: Cancellation, number: int, unit: UnitScore) -> tuple[str, list[dict[str, Any]]]:
    """HTML of an example, and a row of data for each of its sources."""
    arrays = {"positive": cancellation.positive, "negative": cancellation.negative, "net": cancellation.net}
    kernels = {name: arrays[name][str(number)][:SOURCES] for name in SIGNS}
    contributions = cancellation.contributions[str(number)][:SOURCES, :THROUGH]
    scale = max(float(np.abs(part).max()) for part in kernels.values())
    contribution_scale = float(np.abs(contributions).max())
    through = cancellation.through
    through = through[(through["layer"] == unit.layer) & (through["unit"] == unit.unit)]
    target = channel_text(scene, unit.layer, unit.unit)
    lines, rows = [], []
    for i, channel in enumerate(through["channel"].unique()[:SOURCES]):
        middles = through[through["channel"] == channel].to_dict("records")[:THROUGH]
        first = middles[0]
        source = channel_text(scene, first["source_layer"], first["source_unit"], unit.source)
        cells = [f"<div>{channel_tile(scene, first['source_layer'], first['source_unit'], unit.source)}</div>"]
        for name, word in SIGNS.items():
            text = f"{source} to {target}, {word}"
            cells.append(f"<div>{kernel_img(kernels[name][i], scale, text, 60)}<small>{word}</small></div>")
        for j, row in enumerate(middles):
            middle = channel_text(scene, row["between_layer"], row["between_unit"], unit.between)
            tile = channel_tile(scene, row["between_layer"], row["between_unit"], unit.between, 44)
            text = f"{source} to {target} through {middle}"
            image = kernel_img(contributions[i, j], contribution_scale, text, 44)
            cells.append(f'<div class="wb-through">{tile}{image}</div>')
        lines.append(f'<div class="wb-signs">{"".join(cells)}</div>')
        rows.append(_row(unit, first, {name: kernels[name][i] for name in SIGNS}))
    head = (
        f"<p><strong>{escape(target)}</strong> from <code>{escape(unit.source)}</code> through"
        f" <code>{escape(unit.between)}</code>: {unit.hidden:.0%} of the squared size of its strongest paths is hidden;"
        f" {chance_text(unit.q_shuffle, unit.q_signs)}</p>"
    )
    legends = (
        f'<div class="wb-signs-scales"><div>by sign and together{scale_legend(scale)}</div>'
        f"<div>through one unit between{scale_legend(contribution_scale)}</div></div>"
    )
    tile = channel_tile(scene, unit.layer, unit.unit, pixels=112, plain=False)
    inner = f'<div class="wb-unit-inputs">{tile}<div>{legends}{"".join(lines)}</div></div>'
    return f'<div class="wb-trial">{head}{inner}</div>', rows


def _row(unit: UnitScore, source: Mapping[str, Any], kernels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    sums = {name: round(float(kernel.sum()), 5) for name, kernel in kernels.items()}
    score = unit.model_dump()
    about = {name: score[name] for name in ("layer", "unit", "source", "between")}
    rates = {name: round(score[name], 4) for name in ("hidden", "p_signs", "p_shuffle", "q_signs", "q_shuffle")}
    ends = {"source_layer": source["source_layer"], "source_unit": source["source_unit"]}
    return {**about, **ends, **sums, "size_of_net": round(float(np.abs(kernels["net"]).sum()), 5), **rates}


def _caption(title: str, cancellation: Cancellation, count: int) -> str:
    units = number_text(cancellation.units)
    if cancellation.beyond_shuffle:
        chance = (
            f"Found by their weights alone, of {units} units in {cancellation.layers} layers: {cancellation.beyond_shuffle} whose"
            f" strongest paths cancel more than shuffled kernels let them (false discovery rate at most {cancellation.level:g}"
            f" within a layer), of which {cancellation.beyond_signs} also beyond random signs at that rate. Here the first {count}."
        )
    else:
        chance = (
            f"None of {units} units in {cancellation.layers} layers cancels more than shuffled kernels let it (false discovery"
            f" rate at most {cancellation.level:g} within a layer). Here the {count} least likely by chance all the same."
        )
    return (
        f"Units of {escape(title)} that the same earlier unit excites and inhibits. {chance} A row is one source, of"
        " which most is hidden first: all that excites, all that inhibits, and their sum, which is the expanded weight;"
        f" then what it does through the {THROUGH} units between with the largest part. Red excites, blue inhibits, white is"
        " zero; scales are common to a unit, at its bars. Rectifiers are taken as linear, max pools as averages."
    )


FIGURES = (Figure("boundary-units", draw, "units whose paths cancel", of="model", example=example_network),)
