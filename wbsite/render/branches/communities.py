"""Communities of the first two convolutions: who reads whom more than overall strengths say, and with which filters."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import signed_colours
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, share_text
from wbsite.results.branches import _examples
from wbsite.results.branches.connectivity import Communities, Community
from wbsite.results.site import Gap

from ._first_layer import Connected

FULL = 0.99
"""Quantile of the residuals' magnitudes at which colours are full."""

CERTAIN = 0.05
"""At most this p of a property that communities explain is called more than chance."""

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
    files: dict[str, bytes] = {}
    parts = joined(_part(connected, *numbered, inputs, files) for numbered in enumerate(communities.each))
    body = html('<div class="wb-parts">{}<ol>{}</ol></div>', _matrix(connected, inputs, outputs, files), parts)
    data = inputs[["unit", "community", "strength", "chroma", "frequency", "orientation_selectivity", "dead"]]
    alt = (
        f"Connections between the first two convolutions of {connected.model.title} in {communities.count} communities,"
        f" modularity {share_text(communities.modularity)} against {share_text(communities.null_median)} by chance."
        f" Filters in them: {'; '.join(map(_text, communities.each))}."
    )
    return Drawing(
        "Red: a unit (row) reads a filter (column) more than their overall strengths explain; blue, less. Frames and lists:"
        " communities.",
        alt,
        data.round(4),
        body=body,
        files=files,
        width="wide",
        finding=_finding(communities),
        method=_method(connected, communities),
    )


def _finding(communities: Communities) -> str:
    """Whether the communities are more than chance, and divide colour."""
    if communities.modularity <= communities.null_high:
        return "The two layers fall into communities no more clearly than connections assigned at random."
    text = "The two layers fall into communities more clearly than connections assigned at random"
    chroma = communities.explained.get("chroma")
    if chroma is None or chroma.p is None:
        return f"{text}."
    return f"{text}, {'and' if chroma.p <= CERTAIN else 'but not'} by colour."


def _ordered(units: pd.DataFrame) -> pd.DataFrame:
    """Those with a community, in its order, and by the first factor within; `row` is the place in the matrix."""
    units = units.rename_axis("row").reset_index()
    return units[units["community"] >= 0].sort_values(["community", "factor_1"], kind="stable", ignore_index=True)


def _matrix(connected: Connected, inputs: pd.DataFrame, outputs: pd.DataFrame, files: dict[str, bytes]) -> Markup:
    """A picture with a pixel a pair, and a frame with its number around each community; its file goes into `files`."""
    assert connected.result.residuals is not None
    residuals = connected.result.residuals[np.ix_(outputs["row"], inputs["row"])]
    scale = float(np.quantile(np.abs(residuals), FULL))
    buffer = io.BytesIO()
    Image.fromarray(signed_colours(residuals, scale)).save(buffer, "PNG", optimize=True)
    file = f"{slug(connected.model.id)}-connections.png"
    files[file] = buffer.getvalue()
    wide, tall = len(inputs), len(outputs)
    frames = ""
    for number in sorted(set(inputs["community"]) & set(outputs["community"])):
        across, down = (np.flatnonzero(units["community"] == number) for units in (inputs, outputs))
        place = (100 * across[0] / wide, 100 * down[0] / tall, 100 * len(across) / wide, 100 * len(down) / tall)
        frames += Markup('<i style="left:{:.2f}%;top:{:.2f}%;width:{:.2f}%;height:{:.2f}%">{}</i>').format(
            *place, number + 1
        )
    text = f"{tall} units by {wide} filters, red where connections are stronger than overall strengths say"
    return html(
        '<div class="wb-matrix"><img src="{}" alt="{}" style="aspect-ratio:{}/{}">{}</div>',
        file,
        text,
        wide,
        min(tall, wide),
        frames,
    )


def _part(
    connected: Connected, number: int, community: Community, inputs: pd.DataFrame, files: dict[str, bytes]
) -> Markup:
    """The filters of a community, in a file of their own that goes into `files`."""
    units = inputs.loc[inputs["community"] == number, "row"].to_numpy()
    file = f"{slug(connected.model.id)}-community-{number + 1}.png"
    data, picture = connected.grid(file, units, f"Filters of community {number + 1}")
    if data:
        files[file] = data
    return html("<li><p><strong>{}</strong> {}</p>{}</li>", number + 1, _text(community), picture)


def _text(community: Community) -> str:
    units = f"{community.inputs} filters and {community.outputs} units that read them"
    if community.chroma is None or community.inside is None:
        return units
    medians = f"median chroma {fixed_text(community.chroma)}, {fixed_text(community.frequency)} cycles a pixel"
    return f"{units}; {medians}; {100 * community.inside:.0f} % of the filters' strength goes to these units"


def _method(connected: Connected, communities: Communities) -> Markup:
    explained = [
        f"{NAMED[name]} {fixed_text(share.eta)} (at random {fixed_text(share.chance)}, permutation p {share.p:.4f})"
        for name, share in communities.explained.items()
        if share.eta is not None
    ]
    text = html(
        "Communities of the units of <code>{}</code> and {} of"
        " {}: Louvain's method on the sums of absolute weights, which looks for the largest"
        " modularity of the graph of both layers (Barber's, resolution 1); the best of {} seeds. Modularity"
        " {}, median over seeds {}; where relative strengths are"
        " assigned to pairs at random, {}, at most {} in"
        " {} draws (p&nbsp;=&nbsp;{:.3f}).",
        connected.result.first,
        connected.readers,
        connected.model.title,
        communities.seeds,
        share_text(communities.modularity),
        share_text(communities.median),
        share_text(communities.null_median),
        share_text(communities.null_high),
        communities.null,
        communities.p,
    )
    if communities.stability is not None:
        text += f" Two seeds agree by an adjusted mutual information of {fixed_text(communities.stability)}."
    if explained:
        text += f" Share of the variance of ranks that lies between communities, η²: {'; '.join(explained)}."
    return text + " The filters' tuning had no part in finding communities; the file says which filter is in which."


FIGURES = (
    Figure("communities", draw, "communities of the first two convolutions", of="model", example=_examples.connected),
)
