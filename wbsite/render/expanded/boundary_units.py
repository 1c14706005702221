"""A unit whose paths cancel, worked through: what sources do to it through each unit between, by sign and together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import map_img, scale_legend
from wbsite.render.page import slug
from wbsite.render.text import counted, number_text, percent_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.cancellation import Cancellation, UnitScore
from wbsite.results.site import Gap

from ._channels import chance_text, channel_html, channel_text, channel_tile
from .cancellation_scatter import absent

SOURCES, THROUGH = 3, 3
"""Drawn: hidden sources of the unit, units between for each of those."""

SIGNS = {"positive": "excites", "negative": "inhibits", "net": "together"}


def draw(scene: Scene) -> Drawing | Gap:
    """The unit least likely by chance, one row a source."""
    assert scene.model is not None
    cancellation = scene.result_or_gap(Cancellation)
    if isinstance(cancellation, Gap):
        return cancellation
    if not cancellation.examples:
        return absent(cancellation)
    unit = cancellation.examples[0]
    files: dict[str, bytes] = {}
    body, rows = _unit(scene, cancellation, 0, unit, files)
    name = channel_text(scene, unit.layer, unit.unit)
    alt = (
        f"Kernels from earlier units to {name} of {scene.model.title}, by sign and together: {unit.hidden:.0%} of the squared size"
        " of its strongest paths is not in the sum."
    )
    return Drawing(
        _caption(scene.model.title, channel_html(scene, unit.layer, unit.unit)),
        alt,
        pd.DataFrame(rows),
        body=html('<div class="wb-trials">{}</div>', body),
        files=files,
        width="full",
        finding=_finding(cancellation),
        method=_method(cancellation, unit),
    )


def _unit(
    scene: Scene, cancellation: Cancellation, number: int, unit: UnitScore, files: dict[str, bytes]
) -> tuple[str, list[dict[str, Any]]]:
    """HTML of an example, and a row of data for each of its sources."""
    assert scene.model is not None
    prefix = f"boundary-units-{slug(scene.model.id)}"
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
        cells = [html("<div>{}</div>", channel_tile(scene, first["source_layer"], first["source_unit"], unit.source))]
        for name, word in SIGNS.items():
            text = f"From {source}, {word}"
            cells.append(
                html(
                    "<div>{}<small>{}</small></div>",
                    map_img(kernels[name][i], scale, text, f"{prefix}-{i}-{name}", files),
                    word,
                )
            )
        for j, row in enumerate(middles):
            middle = channel_text(scene, row["between_layer"], row["between_unit"], unit.between)
            tile = channel_tile(scene, row["between_layer"], row["between_unit"], unit.between)
            text = f"From {source} through {middle}"
            image = map_img(contributions[i, j], contribution_scale, text, f"{prefix}-{i}-through-{j}", files)
            cells.append(html('<div class="wb-through">{}{}</div>', tile, image))
        lines.append(html('<div class="wb-signs">{}</div>', joined(cells)))
        rows.append(_row(unit, first, {name: kernels[name][i] for name in SIGNS}))
    head = html(
        "<p><strong>{}</strong> from <code>{}</code> through <code>{}</code></p>", target, unit.source, unit.between
    )
    legends = html(
        '<div class="wb-signs-scales"><div>by sign and together{}</div><div>through one unit between{}</div></div>',
        scale_legend(scale),
        scale_legend(contribution_scale),
    )
    tile = channel_tile(scene, unit.layer, unit.unit, plain=False)
    inner = html('<div class="wb-unit-inputs">{}<div>{}{}</div></div>', tile, legends, joined(lines))
    return html('<div class="wb-trial">{}{}</div>', head, inner), rows


def _row(unit: UnitScore, source: Mapping[str, Any], kernels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    sums = {name: round(float(kernel.sum()), 5) for name, kernel in kernels.items()}
    score = unit.model_dump()
    about = {name: score[name] for name in ("layer", "unit", "source", "between")}
    rates = {name: round(score[name], 4) for name in ("hidden", "p_signs", "p_shuffle", "q_signs", "q_shuffle")}
    ends = {"source_layer": source["source_layer"], "source_unit": source["source_unit"]}
    return {**about, **ends, **sums, "size_of_net": round(float(np.abs(kernels["net"]).sum()), 5), **rates}


def _finding(cancellation: Cancellation) -> str:
    """What remains of a source once both signs are added, and how many units hide more than chance gives."""
    positive, negative, net = (
        float(np.abs(arrays["0"][0]).sum())
        for arrays in (cancellation.positive, cancellation.negative, cancellation.net)
    )
    whole = positive + negative
    left = percent_text(net / whole) if whole else "nothing"
    first = f"Of the first row's excitation and inhibition {left} remains when both are added"
    if not cancellation.beyond_shuffle:
        return f"{first}; no unit hides more than chance explains."
    units = counted(cancellation.units, "unit")
    return f"{first}; {number_text(cancellation.beyond_shuffle)} of {units} hide more than shuffled kernels explain."


def _caption(title: str, unit: str) -> Markup:
    return html("A row is a source of {} of {}; its third kernel is what remains of the first two.", unit, title)


def _method(cancellation: Cancellation, unit: UnitScore) -> str:
    units, level = number_text(cancellation.units), f"{cancellation.level:g}"
    if cancellation.beyond_shuffle:
        chance = (
            f"Found by their weights alone, of {units} units in {cancellation.layers} layers: {cancellation.beyond_shuffle} whose"
            f" strongest paths cancel more than shuffled kernels let them (false discovery rate at most {level} within a layer),"
            f" of which {cancellation.beyond_signs} also beyond random signs at that rate. Shown is the one least likely by chance."
        )
    else:
        chance = (
            f"None of {units} units in {cancellation.layers} layers cancels more than shuffled kernels let it (false discovery"
            f" rate at most {level} within a layer). Shown is the one least likely by chance all the same."
        )
    return (
        f"{chance} Its {chance_text(unit.q_shuffle, unit.q_signs)}. A row is one source, of which most is hidden first: all that"
        " excites, all that inhibits, and their sum, which is the expanded weight; then what it does through the"
        f" {THROUGH} units between with the largest part. Red excites, blue inhibits, white is zero; the scales are at the bars."
        f" Hidden is what is not in the sum, as a share of the squared size of the strongest paths; this unit hides {percent_text(unit.hidden)}."
        " Rectifiers are taken as linear, max pools as averages."
    )


FIGURES = (Figure("boundary-units", draw, "a unit whose paths cancel", of="model", example=example_network),)
