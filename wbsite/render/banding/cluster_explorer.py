"""Which experiments have which shapes: shares of their units in clusters of kernels, for a number of clusters to choose."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import listing, percent_text, share_text
from wbsite.results.banding.clusters import Clusters
from wbsite.results.site import Gap

from ._cluster_data import ClusterViews
from ._laboratory import HEADINGS, PLACES, SUITE, Laboratory, layer_names, written

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


HEAD = Markup(
    '<th scope="col"><span class="wb-centre" role="img" aria-label="{text}" title="{text}" style="{style}"></span>'
    "<small>{index}</small></th>"
)
ROW = Markup('<tr data-row="{i}"{state}><th scope="row">{title}&nbsp;{mark}</th>{cells}</tr>')
GROUP = Markup('<tr class="wb-group"><th scope="colgroup" colspan="{}"><span>{}</span></th></tr>')
RADIO = Markup('<label><input type="radio" name="wb-clusters-{}" value="{}"{}> {}</label>')
BODY = Markup(
    '<div class="wb-clusters" data-url="{address}">'
    '<div class="wb-clusters-controls" hidden><div><label>Clusters <input type="range" min="{least}" max="{most}"'
    ' value="{k}" step="1"></label> <output>{k}</output></div><span role="radiogroup" aria-label="Layer">{radios}</span></div>'
    '<p class="wb-clusters-said" aria-live="polite">{stability}</p>'
    '<div class="wb-scroll wb-lab-scroll" tabindex="0"><table class="wb-cluster-table">'
    '<thead><tr><th scope="col">Units in each cluster, per cent; H of its centre</th>{heads}</tr></thead>'
    "<tbody>{rows}</tbody></table></div></div>"
)


def heads_html(view: Mapping[str, Any], row: int, picture: str, columns: int, tall: int) -> Markup:
    """Heads of the columns: the picture of the unit nearest to the centre, and the centre's H."""
    count = len(view["index"])
    return Markup().join(
        HEAD.format(
            text=f"cluster {i + 1} of {count}, {units} units, H {share_text(index)}",
            style=f"background:url({picture}) {-i * TILE}px {-row * TILE}px/{columns * TILE}px {tall * TILE}px",
            index=f"{index:.2f}".replace("-", "−"),
        )
        for i, (index, units) in enumerate(zip(view["index"], view["units"], strict=True))
    )


def heat(share: int) -> float:
    """Opacity of a cell's shade, at most 0.68: the number on it stays readable. The square root keeps small shares
    visible; the script computes the same.
    """
    return round(0.68 * math.sqrt(share / 100), 3)


def cells_html(shares: Sequence[int] | None, count: int) -> Markup:
    """An experiment's row: the share of its units in each cluster, in per cent, as shade and number."""
    if shares is None:
        return Markup('<td colspan="{}" class="wb-none">kernels of another size</td>').format(count)
    cell = Markup('<td style="--heat:{:g}">{}</td>')
    return Markup().join(cell.format(heat(share), share or "") for share in shares)


def draw(scene: Scene) -> Drawing | Gap:
    """The table for one number of clusters; a script shows the others."""
    clusters = scene.site.suite(SUITE).result_or_gap(Clusters)
    if isinstance(clusters, Gap):
        return clusters
    laboratory = Laboratory.open(scene, [name for name, setting in clusters.settings.items() if setting.numbers])
    if isinstance(laboratory, Gap):
        return laboratory
    views = ClusterViews(laboratory, clusters)
    numbers = views.setting.numbers
    k = scene.options.get("clusters", views.steadiest)
    if k not in numbers:
        raise WbsiteError(
            f"figure 'cluster-explorer' has no {k!r} clusters.", f"Numbers: {numbers[0]} to {numbers[-1]}."
        )
    png, columns, tall = views.sheet()
    picture, address = f"clusters-{laboratory.setting}.png", f"clusters-{laboratory.setting}.json"
    data = {
        "marks": MARKS,
        "states": {place: [views.state(name, place) for name in views.experiments] for place in PLACES},
        "tile": TILE,
        "sheet": [picture, columns, tall],
        "views": views.views,
        "restarts": views.setting.restarts,
    }
    files = {address: json.dumps(data, separators=(",", ":")).encode(), picture: png}
    heads = heads_html(views.views[k], numbers.index(k), picture, columns, tall)
    body = _body(views, k, address, heads)
    table = written(views.members.drop(columns="setting"))
    caption = f"A row is an experiment, a column a kind of kernel. {MARKS['lost']} lost its banding, {MARKS['turned']} turned it."
    return Drawing(
        caption, _alt(views, k), table, body=body, files=files, width="full",
        finding=_finding(views, k), method=_method(views),
    )  # fmt: skip


def _body(views: ClusterViews, k: int, address: str, heads: Markup) -> Markup:
    laboratory, view, numbers = views.laboratory, views.views[k], views.setting.numbers
    rows, group = [], None
    for i, name in enumerate(views.experiments):
        experiment = laboratory.experiments[name]
        if experiment.group != group:
            group = experiment.group
            rows.append(GROUP.format(k + 1, HEADINGS.get(group, group)))
        state = views.state(name, "last")
        mark = (
            Markup('<span class="wb-state" title="banding {}">{}</span>').format(state, MARKS[state]) if state else ""
        )
        rows.append(
            ROW.format(
                i=i,
                state=Markup(" class=wb-lost") if state else "",
                title=experiment.title,
                mark=mark or Markup('<span class="wb-state"></span>'),
                cells=cells_html(view["shares"]["last"][i], k),
            )
        )
    layers = layer_names(laboratory.summary)
    radios = (
        RADIO.format(
            laboratory.setting,
            place,
            Markup(" checked") if place == "last" else "",
            f"{text}, {layers[place]}" if place in layers else text,
        )
        for place, text in PLACES.items()
    )
    return BODY.format(
        address=address,
        least=numbers[0],
        most=numbers[-1],
        k=k,
        radios=Markup().join(radios),
        stability=stability_text(k, view, views.setting.restarts),
        heads=heads,
        rows=Markup().join(rows),
    )


def _finding(views: ClusterViews, k: int) -> str:
    """The experiment whose last layer has gained most in the most horizontal or vertical cluster, beside the baseline."""
    shares = dict(zip(views.experiments, views.views[k]["shares"]["last"], strict=True))
    baseline = shares.get("baseline")
    others = {name: row for name, row in shares.items() if row and not name.startswith("baseline")}
    if baseline is None or not others:
        return f"Kernels of the last two convolutions in {k} kinds, from the most horizontal to the most vertical."
    _, name, cluster = max((row[i] - baseline[i], name, i) for name, row in others.items() for i in (0, k - 1))
    kind = "most vertical" if cluster else "most horizontal"
    return html(
        "With {} kinds of kernels, “{}” has {} % of its last layer's units in the {}, the baseline {} %.",
        k,
        views.laboratory.experiments[name].title,
        shares[name][cluster],
        kind,
        baseline[cluster],
    )


def _method(views: ClusterViews) -> Markup:
    laboratory, clustered = views.laboratory, views.setting
    kh, kw = clustered.kernel
    left = percent_text(laboratory.result.lost_below)
    left_out = [
        html("{} of {}", PLACES[place], listing(titles))
        for place in PLACES
        if (titles := [html("“{}”", laboratory.experiments[name].title) for name in views.other_sizes(place)])
    ]
    return html(
        "{} units of {}×{}, all seeds together, of networks {}. k-means on the"
        " normalised Gram matrices of positions, so that channels and colours do not count; at the head of a column, the NMF"
        " picture of the unit nearest to the centre and the centre's H. Stability says how alike the clusters of several"
        " random starts are (1: the same). A layer has lost its banding where its H is less than {} of the baseline's,"
        " and lower with a 95 % Welch interval over seeds that excludes 0; it has turned where it has at least {} of the"
        " baseline's strength on the other side of 0, with an interval that excludes 0.",
        clustered.units,
        kh,
        kw,
        laboratory.setup_text,
        left,
        left,
    ) + (html(" Kernels of another size are left out: {}.", joined(left_out, "; ")) if left_out else "")


def _alt(views: ClusterViews, k: int) -> str:
    view, experiments = views.views[k], views.laboratory.experiments
    texts = [
        f"{experiments[name].title}: {shares[0]} % in the most horizontal cluster, {shares[-1]} % in the most vertical"
        for name, shares in zip(views.experiments, view["shares"]["last"], strict=True)
        if experiments[name].group == "main" and shares
    ]
    return (
        f"Table of {len(views.experiments)} experiments by {k} clusters of kernel shapes, H of the centres from"
        f" {share_text(view['index'][0])} to {share_text(view['index'][-1])}. Last convolution: {'; '.join(texts)}."
    )


FIGURES = (
    Figure("cluster-explorer", draw, "the clusters of kernel shapes", of="site", options=("setting", "clusters")),
)
