"""First-layer filters by tower, most colourful first: what each tower of a network looks for in the picture."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import breakable, unit_number
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, share_text
from wbsite.results.branches import _examples
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.filter_tuning import FilterTuning
from wbsite.results.network.filters import Filters
from wbsite.results.site import Gap

from ._enrichment_data import Enriched, p_text
from ._filter_sheet import FilterSheet

SIDE = 36
"""Pixels of a filter on the page."""


def draw(scene: Scene) -> Drawing | Gap:
    """A row a tower."""
    enriched = Enriched.of(scene)
    if isinstance(enriched, Gap):
        return enriched
    effects = enriched.effects
    towers = effects[(effects["source"] == "weights") & (effects["index"] == "chroma")]
    towers = towers[towers["group"] == towers["group"].iloc[0]] if len(towers) else towers
    branches = enriched.model.result(Branches)
    if towers.empty or branches is None:
        return Gap("its first convolution is in one piece", failed=False)
    group = str(towers["group"].iloc[0])
    members = branches.members[branches.members["group"] == group]
    layer = str(members["layer"].iloc[0])
    tuning, filters = enriched.model.result(FilterTuning, layer), enriched.model.result(Filters, layer)
    if tuning is None or filters is None:
        return Gap(f"there are no pictures of the filters of {layer}", failed=False)
    units, sheet = tuning.rows, FilterSheet(enriched.model, layer, filters.pictures)
    parts, rows = [], []
    for row in towers.to_dict("records"):
        ranges = members[members["branch"] == row["branch"]]
        inside = np.concatenate([np.arange(low, high) for low, high in zip(ranges["low"], ranges["high"], strict=True)])
        ordered = units.loc[inside].sort_values("chroma", ascending=False, kind="stable", na_position="last")
        pictures = [_filter(scene, layer, unit, sheet) for unit in ordered.to_dict("records")]
        parts.append(
            f"<div><p><strong>{breakable(str(row['branch']))}</strong> median chroma {share_text(row['median_in'])},"
            f" {row['units_in']} live filters</p><div>{''.join(pictures)}</div></div>"
        )
        numbers = [unit_number(enriched.model, layer, int(unit)) for unit in ordered["unit"]]
        rows.append(ordered[["chroma", "frequency", "dead"]].assign(tower=row["branch"], layer=layer, unit=numbers))
    first = towers.iloc[0]
    medians = ", ".join(f"{share_text(row['median_in'])} in {row['branch']}" for row in towers.to_dict("records"))
    apart = (
        f"AUC of {first['branch']} {fixed_text(first['auc'])} (95&nbsp;% {fixed_text(first['low'])} to {fixed_text(first['high'])}),"
        f" p {p_text(first['p'])}"
    )
    caption = (
        f"Filters of <code>{escape(layer)}</code> of {escape(enriched.model.title)} by tower, most colourful first; mid grey is no weight,"
        " each filter is scaled to its own largest weight and links to its unit. Chroma is the share of a filter's squared weights"
        f" that is left when the mean of the three colours is taken away at each position. Its median over live filters is {escape(medians)};"
        f" {apart}, two-sided Mann–Whitney test, interval over units. Untrained filters are assigned to towers at random, so that this test"
        " is exact for a first layer; one trained network cannot say whether the next would part in the same way."
    )
    alt = f"Filters of {layer} of {enriched.model.title} by tower. Median chroma: {medians}; {apart.replace('&nbsp;', ' ')}."
    table = pd.concat(rows)[["tower", "layer", "unit", "chroma", "frequency", "dead"]].round(4)
    body = f'<div class="wb-rows">{"".join(parts)}</div>'
    return Drawing(caption, alt, table, body=body, files=sheet.files, width="wide")


def _filter(scene: Scene, layer: str, row: dict[str, float], sheet: FilterSheet) -> str:
    assert scene.model is not None
    channel = int(row["unit"])
    number = unit_number(scene.model, layer, channel)
    text = escape(f"unit {number}, chroma {share_text(row['chroma'])}{', dead' if row['dead'] else ''}", quote=True)
    href = f"{scene.up}models/{slug(scene.model.id)}/{slug(layer)}/#unit-{number}"
    return f'<a class="wb-filter" href="{href}" title="{text}">{sheet.cut(channel, SIDE)}</a>'


FIGURES = (Figure("first-layer-towers", draw, "the filters of the towers", of="model", example=_examples.towers),)
