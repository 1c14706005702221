"""Communities of the first two convolutions: who reads whom more than overall strengths say, and with which filters."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import signed_colours
from wbsite.render.text import fixed_text, share_text
from wbsite.results.branches import _examples
from wbsite.results.branches.connectivity import Communities, Community
from wbsite.results.site import Gap

from ._first_layer import Connected, tuning_text

FULL = 0.99
"""Quantile of the residuals' magnitudes at which colours are full."""

NAMED = {"chroma": "chroma", "frequency": "spatial frequency", "orientation_selectivity": "orientation selectivity"}


def draw(scene: Scene) -> Drawing | Gap:
    """The matrix of residuals with units in order of their communities, and the filters of each."""
    connected = Connected.of(scene)
    if isinstance(connected, Gap):
        return connected
    communities = connected.result.communities
    if communities is None:
        return Gap(connected.result.communities_reason, failed=False)
    inputs, outputs = _ordered(connected.result.inputs), _ordered(connected.result.outputs)
    parts = "".join(_part(connected, *numbered, inputs) for numbered in enumerate(communities.each))
    body = f'<div class="wb-parts">{_matrix(connected, inputs, outputs)}<ol>{parts}</ol></div>'
    data = inputs[["unit", "community", "strength", "chroma", "frequency", "orientation_selectivity", "dead"]]
    alt = (
        f"Connections between the first two convolutions of {connected.model.title} in {communities.count} communities,"
        f" modularity {share_text(communities.modularity)} against {share_text(communities.null_median)} by chance."
        f" Filters in them: {'; '.join(map(_text, communities.each))}."
    )
    caption = _caption(connected, communities)
    return Drawing(caption, alt, data.round(4), body=body, files=connected.files, width="wide")


def _ordered(units: pd.DataFrame) -> pd.DataFrame:
    """Those with a community, in its order, and by the first factor within; `row` is the place in the matrix."""
    units = units.rename_axis("row").reset_index()
    return units[units["community"] >= 0].sort_values(["community", "factor_1"], kind="stable", ignore_index=True)


def _matrix(connected: Connected, inputs: pd.DataFrame, outputs: pd.DataFrame) -> str:
    """A picture with a pixel a pair, and a frame with its number around each community."""
    assert connected.result.residuals is not None
    residuals = connected.result.residuals[np.ix_(outputs["row"], inputs["row"])]
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


def _part(connected: Connected, number: int, community: Community, inputs: pd.DataFrame) -> str:
    units = inputs[inputs["community"] == number].to_dict("records")
    filters = "".join(connected.filter(int(unit["unit"]), tuning_text(unit)) for unit in units)
    return f"<li><p><strong>{number + 1}</strong> {_text(community)}</p><div>{filters}</div></li>"


def _text(community: Community) -> str:
    units = f"{community.inputs} filters and {community.outputs} units that read them"
    if community.chroma is None or community.inside is None:
        return units
    medians = f"median chroma {fixed_text(community.chroma)}, {fixed_text(community.frequency)} cycles a pixel"
    return f"{units}; {medians}; {100 * community.inside:.0f} % of the filters' strength goes to these units"


def _caption(connected: Connected, communities: Communities) -> str:
    explained = [
        f"{NAMED[name]} {fixed_text(share.eta)} (by chance {fixed_text(share.chance)}, permutation p {share.p:.4f})"
        for name, share in communities.explained.items()
        if share.eta is not None
    ]
    text = (
        f"Communities of the units of <code>{escape(connected.result.first)}</code> and {connected.readers} of"
        f" {escape(connected.model.title)}: Louvain's method on Σ|W|, which looks for the largest modularity of the graph of both layers (Barber's,"
        f" resolution 1); the best of {communities.seeds} seeds. Rows of the matrix are the reading units, columns the filters; red"
        " where a pair is connected more strongly than its units' overall strengths say, blue where less, frames around"
        f" communities, numbered as in the list. Modularity {share_text(communities.modularity)}, median over seeds {share_text(communities.median)}; one run on relative strengths assigned"
        f" to the pairs at random finds {share_text(communities.null_median)}, at most {share_text(communities.null_high)} in {communities.null} draws (p&nbsp;=&nbsp;{communities.p:.3f})."
    )
    if communities.stability is not None:
        text += f" Two seeds agree by an adjusted mutual information of {fixed_text(communities.stability)}."
    if explained:
        text += f" Share of the variance of ranks that lies between communities, η²: {'; '.join(explained)}."
    return text + " The filters' tuning had no part in finding communities."


FIGURES = (
    Figure("communities", draw, "communities of the first two convolutions", of="model", example=_examples.connected),
)
