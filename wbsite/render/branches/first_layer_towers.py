"""First-layer filters by tower, most colourful first: what each tower of a network looks for in the picture."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, listing
from wbsite.results.branches import _examples
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.filter_tuning import FilterTuning
from wbsite.results.network.filters import Filters
from wbsite.results.site import Gap

from ._enrichment_data import Enriched, p_text
from ._filter_sheet import Link, grid

CERTAIN = 0.05
"""Below this q towers are said to differ, as in the claim."""


def draw(scene: Scene) -> Drawing | Gap:
    """A grid a tower."""
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
    page = f"{scene.up}models/{slug(enriched.model.id)}/{slug(layer)}/"
    parts, files, tables = [], {}, []
    for row in towers.to_dict("records"):
        ranges = members[members["branch"] == row["branch"]]
        inside = np.concatenate([np.arange(low, high) for low, high in zip(ranges["low"], ranges["high"], strict=True)])
        units = tuning.rows.loc[inside].sort_values("chroma", ascending=False, kind="stable", na_position="last")
        numbers = [unit_number(enriched.model, layer, int(unit)) for unit in units["unit"]]
        links = [
            Link(
                f"{page}#unit-{number}",
                f"unit {number}, chroma {fixed_text(unit.chroma)}{', dead' if unit.dead else ''}",
            )
            for number, unit in zip(numbers, units.itertuples(), strict=True)
        ]
        said = f"{row['branch']}, median chroma {fixed_text(row['median_in'])}"
        file = f"{slug(enriched.model.id)}-{slug(layer)}-{slug(str(row['branch']))}.png"
        alt = f"{len(units)} filters of {said}, most colourful first"
        files[file], picture = grid(file, filters.pictures[units["unit"]], alt, links)
        parts.append(html("<div>{}<span>{}, {} live filters</span></div>", picture, said, row["units_in"]))
        tables.append(units[["chroma", "frequency", "dead"]].assign(tower=row["branch"], layer=layer, unit=numbers))
    first = towers.iloc[0]
    medians = ", ".join(f"{fixed_text(row['median_in'])} in {row['branch']}" for row in towers.to_dict("records"))
    apart = (
        f"AUC {fixed_text(first['auc'])} (95 % {fixed_text(first['low'])} to {fixed_text(first['high'])}),"
        f" p = {p_text(first['p'])}, q = {p_text(first['q'])}"
    )
    method = html(
        "Each filter is scaled to its own largest weight and links to its unit. Chroma is the share of a filter's squared"
        " weights that is left when the mean of the three colour channels is taken away at each position. AUC is the chance"
        " that a filter of {} is more colourful than one of the others: {}. The test is"
        " Mann–Whitney's, two-sided; the interval is over filters, the wider of DeLong's and Newcombe's; q is of"
        " Benjamini and Hochberg, over all {} tests of indices of the network. Before training"
        " filters belong to towers at random, so the test is exact for a first layer. One training cannot say whether the"
        " next would differ in the same way.",
        first["branch"],
        apart,
        enriched.result.tests.effects,
    )
    return Drawing(
        html("First-layer filters of {} by tower, most colourful first; mid grey is no weight.", enriched.model.title),
        f"Filters of {layer} of {enriched.model.title} by tower. Median chroma: {medians}; {apart}.",
        pd.concat(tables)[["tower", "layer", "unit", "chroma", "frequency", "dead"]].round(4),
        body=html('<div class="wb-runs"><div class="wb-run"><div>{}</div></div></div>', joined(parts)),
        files=files,
        width="wide",
        finding=_finding(enriched, towers),
        method=method,
    )


def _finding(enriched: Enriched, towers: pd.DataFrame) -> str:
    """Which towers differ in colour from the others."""
    title, differing = enriched.model.title, towers[towers["q"] < CERTAIN]
    if differing.empty:
        return f"The towers of {title} do not differ in colour by more than chance."
    if len(towers) == 2:
        first, second = (str(row["branch"]) for row in towers.sort_values("auc", ascending=False).to_dict("records"))
        return html("In {}, the filters of {} are more colourful than those of {}.", title, first, second)
    names = (
        listing(map(str, differing["branch"])) if len(differing) <= 3 else f"{len(differing)} of {len(towers)} towers"
    )
    return html("In {}, {} differ{} in colour from the other towers.", title, names, "s" if len(differing) == 1 else "")


FIGURES = (Figure("first-layer-towers", draw, "the filters of the towers", of="model", example=_examples.towers),)
