"""Communities of the first two convolutions: who reads whom more than overall strengths say, and with which filters."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import signed_colours
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._first_layer import Connected, tuning_text, two_text

FULL = 0.99
"""Quantile of the residuals' magnitudes at which colours are full."""

NAMED = {"chroma": "chroma", "frequency": "spatial frequency", "orientation_selectivity": "orientation selectivity"}


def draw(scene: Scene) -> Drawing | Gap:
    """The matrix of residuals with units in order of their communities, and the filters of each."""
    connected = Connected.of(scene)
    if isinstance(connected, Gap):
        return connected
    if "communities" not in connected.values:
        return Gap(str(connected.values["communities_reason"]), failed=False)
    inputs, outputs = (_ordered(connected.entry.table(name)) for name in ("inputs", "outputs"))
    table = connected.entry.table("communities")
    parts = "".join(_part(connected, row, inputs) for row in table.to_dict("records"))
    body = f'<div class="wb-parts">{_matrix(connected, inputs, outputs)}<ol>{parts}</ol></div>'
    data = inputs[["unit", "community", "strength", "chroma", "frequency", "orientation_selectivity", "dead"]]
    v = connected.values["communities"]
    alt = (
        f"Connections between the first two convolutions of {connected.model.title} in {v['count']} communities, modularity"
        f" {share_text(v['modularity'])} against {share_text(v['null_median'])} by chance."
        f" Filters in them: {'; '.join(_said(row) for row in table.to_dict('records'))}."
    )
    return Drawing(_caption(connected), alt, data.round(4), body=body, files=connected.files, width="wide")


def _ordered(units: pd.DataFrame) -> pd.DataFrame:
    """Those with a community, in its order, and by the first factor within; `row` is the place in the matrix."""
    units = units.rename_axis("row").reset_index()
    return units[units["community"] >= 0].sort_values(["community", "factor_1"], kind="stable", ignore_index=True)


def _matrix(connected: Connected, inputs: pd.DataFrame, outputs: pd.DataFrame) -> str:
    """A picture with a pixel a pair, and a frame with its number around each community."""
    residuals = connected.entry.arrays["residuals"][np.ix_(outputs["row"], inputs["row"])]
    scale = float(np.quantile(np.abs(residuals), FULL))
    buffer = io.BytesIO()
    Image.fromarray(signed_colours(residuals, scale)).save(buffer, "PNG", optimize=True)
    source = base64.b64encode(buffer.getvalue()).decode()
    wide, tall = len(inputs), len(outputs)
    frames = ""
    for number in sorted(set(inputs["community"]) & set(outputs["community"])):
        across, down = (np.flatnonzero(units["community"] == number) for units in (inputs, outputs))
        place = (100 * across[0] / wide, 100 * down[0] / tall, 100 * len(across) / wide, 100 * len(down) / tall)
        frames += '<i style="left:{:.2f}%;top:{:.2f}%;width:{:.2f}%;height:{:.2f}%">{}</i>'.format(*place, number + 1)
    text = escape(f"{tall} units by {wide} filters, red where connections are stronger than overall strengths say")
    return (
        f'<div class="wb-matrix"><img src="data:image/png;base64,{source}" alt="{text}"'
        f' style="aspect-ratio:{wide}/{min(tall, wide)}">{frames}</div>'
    )


def _part(connected: Connected, row: dict[str, Any], inputs: pd.DataFrame) -> str:
    own = inputs[inputs["community"] == row["community"]].to_dict("records")
    filters = "".join(connected.filter(int(unit["unit"]), tuning_text(unit)) for unit in own)
    return f"<li><p><strong>{row['community'] + 1}</strong> {_said(row)}</p><div>{filters}</div></li>"


def _said(row: dict[str, Any]) -> str:
    units = f"{row['inputs']} filters and {row['outputs']} units that read them"
    if not row["inputs"] or pd.isna(row["chroma"]):
        return units
    medians = f"median chroma {two_text(row['chroma'])}, {two_text(row['frequency'])} cycles a pixel"
    return f"{units}; {medians}; {100 * row['inside']:.0f} % of the filters' strength goes to these units"


def _caption(connected: Connected) -> str:
    v = connected.values["communities"]
    explained = [
        f"{NAMED[name]} {two_text(one['eta'])} (by chance {two_text(one['chance'])}, permutation p {one['p']:.4f})"
        for name, one in v["explained"].items()
        if one["eta"] is not None
    ]
    text = (
        f"Communities of the units of <code>{escape(connected.first)}</code> and {connected.readers} of"
        f" {escape(connected.model.title)}: Louvain's method on Σ|W|, which looks for the largest modularity of the graph of both layers (Barber's,"
        f" resolution 1); the best of {v['seeds']} seeds. Rows of the matrix are the reading units, columns the filters; red"
        " where a pair is connected more strongly than its units' overall strengths say, blue where less, frames around"
        f" communities, numbered as in the list. Modularity {share_text(v['modularity'])}, median over seeds {share_text(v['median'])}; one run on relative strengths dealt"
        f" to the pairs at random finds {share_text(v['null_median'])}, at most {share_text(v['null_high'])} in {v['null']} draws (p&nbsp;=&nbsp;{v['p']:.3f})."
    )
    if v["stability"] is not None:
        text += f" Two seeds agree by an adjusted mutual information of {two_text(v['stability'])}."
    if explained:
        text += f" Share of the variance of ranks that lies between communities, η²: {'; '.join(explained)}."
    return text + " The filters' tuning had no part in finding communities."


FIGURES = (Figure("communities", draw, "communities of the first two convolutions", of="model"),)
