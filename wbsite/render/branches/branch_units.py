"""The units of every branch that are most strongly tuned to something: their pictures and how much they are."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import breakable, pictured, unit_number, unit_tile
from wbsite.render.page import slug
from wbsite.render.sprites import quantised
from wbsite.render.text import number_text, share_text
from wbsite.results.branches._examples import concatenated
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.tuning import Tuning
from wbsite.results.network.filters import Filters
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap, Model

COUNT, MOST = 6, 24
"""Units shown of a branch, if nothing is said, and at most."""

INDEX = "colour"
"""Shown if nothing is said."""

CURVES = {"group": "mixed3b", "index": "curve"}

REPORTED = {"inceptionv1": CURVES, "inceptionv1_32": CURVES}
"""Network → what is shown of it if nothing is said: what was reported of its branches."""


def draw(scene: Scene) -> Drawing | Gap:
    """Options: group, the place where branches meet (the first that was measured if left out); index, a column of
    `tuning`, or category, whose units alone are shown then; count, of units a branch."""
    assert scene.model is not None
    tuning, branches = scene.result_or_gap(Tuning), scene.model.result_or_gap(Branches)
    if isinstance(tuning, Gap):
        return tuning
    if isinstance(branches, Gap):
        return branches
    members = branches.members[branches.members["layer"].isin(tuning.rows["layer"])]
    if members.empty:
        return Gap(branches.none or "no group of branches was measured", failed=False)
    options = scene.options or REPORTED.get(scene.model.architecture.name, {})
    group = str(options.get("group") or members["group"].iloc[0])
    if group not in set(members["group"]):
        raise unknown("measured group of branches", group, list(dict.fromkeys(members["group"])))
    category, index, sign = _wanted(options, tuning)
    count, tiles = _count(options.get("count", COUNT)), _Tiles(scene)
    members = members[(members["group"] == group) & (members["kind"] == _kind(members, group))]
    named = tuning.members.loc[tuning.members["category"] == category, ["layer", "unit"]]
    having = set(named.itertuples(index=False, name=None))
    parts, data, descriptions, medians = [], [], [], {}
    counted: dict[str, tuple[int, int]] = {}
    for branch, ranges in members.groupby("branch", sort=False):
        units = pd.concat([_units(tuning.rows, member) for member in ranges.itertuples()])
        among = (
            units[np.array([pair in having for pair in zip(units["layer"], units["unit"], strict=True)], bool)]
            if category
            else units
        )
        best = among.dropna(subset=[index]).sort_values(index, ascending=sign < 0, kind="stable").head(count)
        pictures = joined(tiles.tile(row["layer"], int(row["unit"]), row[index]) for row in best.to_dict("records"))
        median = units[index].median()
        counts = f"{len(among)} of {len(units)} units" if category else f"{len(units)} units"
        if not category and not math.isnan(median):
            counts += f", median {share_text(median)}"
        medians[str(branch)], counted[str(branch)] = median, (len(among), len(units))
        parts.append(
            html(
                '<div class="wb-trial"><p><strong>{}</strong> {}</p><div class="wb-found">{}</div></div>',
                breakable(str(branch)),
                counts,
                pictures or "none",
            )
        )
        descriptions.append(f"{branch} {counts}")
        data += [
            {
                "branch": branch,
                "layer": row["layer"],
                "unit": unit_number(scene.model, row["layer"], int(row["unit"])),
                index: round(row[index], 4),
            }
            for row in best.to_dict("records")
        ]
    title = tuning.categories[category].title if category else tuning.indices[index].title
    if not data:
        return Gap(f"no unit of {group} is of the category “{title}”", failed=False)
    alt = f"Units of {group} of {scene.model.title}, by branch, with the strongest for “{title}” first: {'; '.join(descriptions)}."
    of = "of that category " if category else ""
    return Drawing(
        html(
            "Pictures of what excites a unit; below, its number and its “{}” index. Each branch's"
            " strongest units {}are shown.",
            tuning.indices[index].title,
            of,
        ),
        alt,
        pd.DataFrame(data),
        body=html('<div class="wb-trials wb-many">{}</div>', joined(parts)),
        width="wide",
        finding=_held(group, title, counted) if category else _medians(group, title, medians),
        method=_method(scene, tuning, group, category, index, sign, tiles),
    )


def _medians(group: str, title: str, medians: Mapping[str, float]) -> Markup:
    """Between which medians of an index the branches lie."""
    known = sorted(
        (branch for branch in medians if not math.isnan(medians[branch])), key=lambda branch: medians[branch]
    )
    low, high = (html("{} ({})", share_text(medians[branch]), branch) for branch in (known[0], known[-1]))
    if len(known) == 1:
        return html("The median index of “{}” is {} in {}.", title, low, group)
    return html("The median index of “{}” is {} to {} in the branches of {}.", title, low, high, group)


def _held(group: str, title: str, counted: Mapping[str, tuple[int, int]]) -> Markup:
    """The branch with most units of a category, of all of the place."""
    branch = max(counted, key=lambda name: counted[name][0])
    having, units = (sum(count[i] for count in counted.values()) for i in (0, 1))
    held, size = counted[branch]
    return html(
        "{} of {} units of “{}” in {} are in {}, which has {} of {} units.",
        held,
        having,
        title,
        group,
        branch,
        size,
        units,
    )


def _wanted(options: Mapping[str, Any], tuning: Tuning) -> tuple[str, str, int]:
    """Category ("" for none), index, and −1 where its smallest values come first."""
    category, index = options.get("category"), options.get("index")
    if category and index:
        raise WbsiteError("figure 'branch-units' is given a category and an index.", "Write one of them.")
    if category:
        if category not in tuning.categories:
            raise unknown("category", str(category), list(tuning.categories))
        by = tuning.categories[category].index
        return str(category), by.removeprefix("-"), -1 if by.startswith("-") else 1
    if index is not None and index not in tuning.indices:
        raise unknown("index", str(index), list(tuning.indices))
    return "", str(index or INDEX), 1


def _count(option: Any) -> int:
    if not str(option).isdigit() or not 0 < int(option) <= MOST:
        raise WbsiteError(f"figure 'branch-units' cannot show {option!r} units.", f"Write count=1 to {MOST}.")
    return int(option)


def _kind(members: pd.DataFrame, group: str) -> str:
    return str(members.loc[members["group"] == group, "kind"].iloc[0])


def _units(rows: pd.DataFrame, member: Any) -> pd.DataFrame:
    units = rows[(rows["layer"] == member.layer) & (rows["unit"] >= member.low) & (rows["unit"] < member.high)]
    return units[~units["dead"].astype(bool)]


class _Tiles:
    """Pictures of units: what excites them; else their kernels; else their numbers.

    Attributes:
        kinds: what was shown so far.
    """

    def __init__(self, scene: Scene) -> None:
        assert scene.model is not None
        self.scene, self.model = scene, scene.model
        self.kinds: set[str] = set()
        self._kernels: dict[str, tuple[str, np.ndarray] | None] = {}

    def tile(self, layer: str, channel: int, value: float) -> Markup:
        """A link to the unit's panel, with its number and its index below."""
        number = unit_number(self.model, layer, channel)
        text = html("{}<br>{}", number, share_text(value))
        if layer not in self._kernels:
            self._kernels[layer] = _kernels(self.model, layer)
        kernels = self._kernels[layer]
        if channel in pictured(self.model, layer) or kernels is None:
            self.kinds.add("pictures" if channel in pictured(self.model, layer) else "numbers")
            return unit_tile(self.scene, layer, channel, text)
        kind, stack = kernels
        self.kinds.add(kind)
        buffer = io.BytesIO()
        Image.fromarray(quantised(stack[channel])).save(buffer, "WEBP", lossless=True, quality=100, method=6)
        source = base64.b64encode(buffer.getvalue()).decode()
        alt = f"Kernel of unit {number} of {layer}"
        page = f"{self.scene.up}models/{slug(self.model.id)}/{slug(layer)}/"
        return html(
            '<a class="wb-unit" href="{}#unit-{}"><img class="wb-kernel" src="data:image/webp;base64,{}"'
            ' alt="{}"><span>{}</span></a>',
            page,
            number,
            source,
            alt,
            text,
        )


def _kernels(model: Model, layer: str) -> tuple[str, np.ndarray] | None:
    """Pictures of a layer's kernels, (units, kh, kw, 3) in [0, 1]: as they are, or their factors."""
    if filters := model.result(Filters, layer):
        return "filters", filters.pictures
    if nmf := model.result(Nmf, layer):
        return "nmf", nmf.per_unit
    return None


PICTURES = {
    "pictures": "what excites a unit, by feature visualization",
    "filters": "the kernel as it is",
    "nmf": "one-sided NMF of the kernel",
    "numbers": "the number alone where a kernel of 1×1 has no shape to show",
}


def _method(scene: Scene, tuning: Tuning, group: str, category: str, index: str, sign: int, tiles: _Tiles) -> Markup:
    assert scene.model is not None
    about, pictures = (
        tuning.indices[index],
        joined((text for kind, text in PICTURES.items() if kind in tiles.kinds), "; "),
    )
    text = html("Units of <code>{}</code> in {}, by rank and not by eye: ", group, scene.model.title)
    if category:
        rule = tuning.categories[category]
        text += html("of the category “{}” ({}) ", rule.title, rule.rule)
    return html(
        "{}those with the {} index “{}”,"
        " {}, from {} to {} ({})."
        " It is measured on responses to synthetic stimuli, the same for all branches of the group, and not on the pictures."
        " Pictures: {}. Dead units are left out. Whether branches differ by more than chance is tested by the rule of a"
        " category, not by the eye.",
        text,
        "smallest" if sign < 0 else "largest",
        about.title,
        about.formula,
        number_text(about.low),
        number_text(about.high),
        about.source,
        pictures,
    )


FIGURES = (
    Figure(
        "branch-units",
        draw,
        "units of branches by what they are tuned to",
        of="model",
        options=("group", "category", "index", "count"),
        example=concatenated,
    ),
)
