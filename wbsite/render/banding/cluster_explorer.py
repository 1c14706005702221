"""Which experiments have which shapes: shares of their units in clusters of kernels, for a number of clusters to choose."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import HEADINGS, PLACES, SUITE, layer_names, rows, setup_text
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._cluster_data import Clusters

HIGH = 55
"""Per cent from which a number is written light on dark."""

TILE = 34
"""Pixels of a kernel's picture at the head of a column."""

MARKS = {"lost": "▾", "turned": "↻"}
"""What became of an experiment's banding → its mark beside the title."""


def stability_text(k: int, view: Mapping[str, Any], restarts: int) -> str:
    """How sure the clusters are; the script writes the same."""
    return (
        f"{k} clusters: stability {share_text(view['stability'])}, mean adjusted Rand index over pairs of {restarts} restarts"
        f" (lowest {share_text(view['lowest_stability'])})"
    )


def heads_html(view: Mapping[str, Any], row: int, picture: str, columns: int, tall: int) -> str:
    """Heads of the columns: the picture of the unit nearest to the centre, and the centre's H."""
    count = len(view["index"])
    cells = []
    for i, (index, units) in enumerate(zip(view["index"], view["units"], strict=True)):
        said = f"cluster {i + 1} of {count}, {units} units, H {share_text(index)}"
        place = f"background:url({picture}) {-i * TILE}px {-row * TILE}px/{columns * TILE}px {tall * TILE}px"
        cells.append(
            f'<th scope="col"><span class="wb-centre" role="img" aria-label="{said}" title="{said}" style="{place}"></span>'
            f"<small>{index:.2f}</small></th>".replace(">-0", ">−0")
        )
    return "".join(cells)


def heat(share: int) -> float:
    """Opacity of a cell's shade. The square root keeps small shares visible; the script computes the same."""
    return round(0.9 * math.sqrt(share / 100), 3)


def cells_html(shares: Sequence[int] | None, count: int) -> str:
    """An experiment's row: the share of its units in each cluster, in per cent, as shade and number."""
    if shares is None:
        return f'<td colspan="{count}" class="wb-none">kernels of another size</td>'
    return "".join(
        f'<td style="--heat:{heat(share):g}"{" class=wb-high" if share >= HIGH else ""}>{share or ""}</td>'
        for share in shares
    )


def draw(scene: Scene) -> Drawing | Gap:
    """The table for one number of clusters; a script shows the others."""
    members, summary = rows(scene, "members", "clusters"), rows(scene, "summary")
    if isinstance(members, Gap):
        return members
    if isinstance(summary, Gap):
        return summary
    entry, setting = scene.site.suite(SUITE).entry("clusters"), str(members["setting"].iloc[0])
    assert entry is not None
    known = (
        summary[summary["experiment"].isin(set(members["experiment"]))]
        .drop_duplicates("experiment")
        .sort_values("order")
    )
    titles = dict(zip(known["experiment"], known["title"], strict=True))
    groups = {name: HEADINGS.get(group, group) for name, group in zip(known["experiment"], known["group"], strict=True)}
    c = Clusters(entry, setting, titles, groups, members)
    k = scene.options.get("clusters", c.steadiest)
    if k not in c.numbers:
        raise WbsiteError(
            f"figure 'cluster-explorer' has no {k!r} clusters.", f"Numbers: {c.numbers[0]} to {c.numbers[-1]}."
        )
    png, columns, tall = c.sheet()
    picture, address = f"clusters-{setting}.png", f"clusters-{setting}.json"
    states = {place: [c.state(name, place) for name in titles] for place in PLACES}
    data = {"marks": MARKS, "states": states, "tile": TILE, "sheet": [picture, columns, tall], "views": c.views}
    data["restarts"] = c.values["restarts"]
    files = {address: json.dumps(data, separators=(",", ":")).encode(), picture: png}
    body = _body(
        c, k, address, heads_html(c.views[k], c.numbers.index(k), picture, columns, tall), layer_names(summary)
    )
    table = members.drop(columns="setting").round({"share": 4})
    return Drawing(_caption(scene, c, summary), _alt(c, k), table, body=body, files=files, width="full")


def _body(c: Clusters, k: int, address: str, heads: str, names: Mapping[str, str]) -> str:
    view, lines, group = c.views[k], [], None
    for i, (name, title) in enumerate(c.experiments.items()):
        if c.groups[name] != group:
            group = c.groups[name]
            lines.append(
                f'<tr class="wb-group"><th scope="colgroup" colspan="{k + 1}"><span>{escape(group)}</span></th></tr>'
            )
        state = c.state(name, "last")
        mark = (
            f'<span class="wb-state" title="banding {state}">{MARKS[state]}</span>'
            if state
            else '<span class="wb-state"></span>'
        )
        lines.append(
            f'<tr data-row="{i}"{" class=wb-lost" if state else ""}><th scope="row">{escape(title)}&nbsp;{mark}</th>'
            f"{cells_html(view['shares']['last'][i], k)}</tr>"
        )
    radios = "".join(
        f'<label><input type="radio" name="wb-clusters-{escape(c.setting)}" value="{place}"{" checked" if place == "last" else ""}>'
        f" {text}{', ' + escape(names[place]) if place in names else ''}</label>"
        for place, text in PLACES.items()
    )
    return (
        f'<div class="wb-clusters" data-url="{address}">'
        f'<div class="wb-clusters-controls" hidden><label>Clusters <input type="range" min="{c.numbers[0]}" max="{c.numbers[-1]}"'
        f' value="{k}" step="1"><output>{k}</output></label><span role="radiogroup" aria-label="Layer">{radios}</span></div>'
        f'<p class="wb-clusters-said" aria-live="polite">{stability_text(k, view, c.values["restarts"])}</p>'
        '<div class="wb-scroll wb-lab-scroll" tabindex="0"><table class="wb-cluster-table">'
        f'<thead><tr><th scope="col">Units in each cluster, per cent; H of its centre</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></div>"
    )


def _caption(scene: Scene, c: Clusters, summary: pd.DataFrame) -> str:
    kh, kw = c.values["kernel"]
    below = scene.site.suite(SUITE).entry("experiments").values["lost_below"]  # type: ignore[union-attr]
    titles = dict(zip(summary["experiment"], summary["title"], strict=True))
    left = [escape(titles.get(name, name)) for name in c.values["left_out"]]
    return (
        f"Kernels of the last two convolutions of all runs ({c.values['units']} units of {kh}×{kw}, seeds together; networks"
        f" {setup_text(scene, c.setting)}), clustered by shape whatever their channels: k-means on the normalised Gram matrices of"
        " positions. A column is a cluster, from the most horizontal to the most vertical; at its head, the NMF picture of the"
        " unit nearest to the centre and the centre's H. A row is an experiment: how its units are spread over the clusters."
        f" Bold rows with {MARKS['lost']} lost their banding: their H is less than {100 * below:g} % of the baseline's, and lower with a"
        f" 95 % Welch interval over seeds that excludes 0; with {MARKS['turned']} it is certainly negative. Stability says how alike the"
        " clusters of several random starts are (1: the same)."
        + (f" Other kernel sizes, left out: {'; '.join(left)}." if left else "")
    )


def _alt(c: Clusters, k: int) -> str:
    view = c.views[k]
    told = [
        f"{title}: {shares[0]} % in the most horizontal cluster, {shares[-1]} % in the most vertical"
        for (name, title), shares in zip(c.experiments.items(), view["shares"]["last"], strict=True)
        if c.groups[name] == HEADINGS["main"] and shares
    ]
    return (
        f"Table of {len(c.experiments)} experiments by {k} clusters of kernel shapes, H of the centres from"
        f" {share_text(view['index'][0])} to {share_text(view['index'][-1])}. Last convolution: {'; '.join(told)}."
    )


FIGURES = (
    Figure("cluster-explorer", draw, "the clusters of kernel shapes", of="site", options=("setting", "clusters")),
)
