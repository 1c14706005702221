"""What lies in which branch: categories and indices of units tested in every branch, and blocks of residual stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry
from wbsite.featurevis.presentation import present
from wbsite.graph.tape import INPUT_NAME
from wbsite.models import LoadedModel
from wbsite.models.untrained import untrained
from wbsite.ops.branches.group_tests import GroupUnits, category_tests, index_tests, stage_tests
from wbsite.ops.branches.untrained_null import KEYS, Tables, against_copies, false_shares, stacked
from wbsite.ops.tuning.categories import categories, filter_categories
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.ops.tuning.indices import INDICES, tuning
from wbsite.stats.enrichment import enrichment_p_value, false_discovery

UNIT = ["layer", "unit"]

SAME_ORDER = {"relative_frequency"}
"""Indices by which units of one group come in the same order as by another: all see the same stimuli."""

STIMULUS_INDICES = tuple(name for name in INDICES if name not in SAME_ORDER)

FILTER_INDICES = ("chroma", "frequency", "orientation_selectivity", "phase_symmetry")
"""Of first-layer filters. Orientation is left out: it goes in a circle and has no larger or smaller."""


COPY_PERMUTATIONS = 200
"""Of a copy, whose permutation p-values are not looked at but for blocks' rate of false alarms."""


PUBLISHED = (
    ("black and white against colour", "mixed3a_5x5", (9, 9, 32, 256)),
    ("curve-related", "mixed3b_5x5", (30, 30, 96, 480)),
)
"""Voss et al. 2021, of InceptionV1: units of the category in the branch and in the layer, of the branch, the layer."""


@dataclass(frozen=True)
class Group:
    """A place where branches meet: `units` has one row a unit, with the number of its branch, its layer and unit."""

    name: str
    kind: str
    branches: tuple[str, ...]
    kernels: tuple[int, ...]
    units: pd.DataFrame

    @property
    def layers(self) -> list[str]:
        """Layers of its units, in order."""
        return list(dict.fromkeys(self.units["layer"]))


@dataclass(frozen=True)
class Source:
    """Where knowledge of units comes from.

    Attributes:
        name: "stimuli", "weights" or "yours".
        units: one row a live unit: layer, unit, and a column an index.
        indices: names of these columns.
        categories: layer, unit, category.
    """

    name: str
    units: pd.DataFrame
    indices: tuple[str, ...]
    categories: pd.DataFrame


def run(context: Context) -> Contents:
    """Every category and index in every branch.

    Tables: rows, one a group, branch, source and category, and effects, one a group, branch, source and index; stages,
    one a block of a residual stage (all in `ops/branch_tests.py`). q is Benjamini and Hochberg's over the whole table.
    Columns that begin with untrained_ say what the same stimuli give in copies of the network before training
    (`ops/untrained_reference.py`).

    Values: permutations, seed; sources with the number of units that were measured; tests, how many each table has;
    published: the original article's counts with their p-values; untrained: copies, groups, the reason where the
    network cannot be copied (else ""), and by table their tests and the share of nominal p ≤ 0.05 in them; stages: of
    each the share of the ranks' variance that lies between its blocks, by chance and in the copies (a list), and what
    of it goes with depth.
    """
    params = context.params
    groups = list(_groups(context.needs["branches"]))
    sources = [source for source in (_stimuli(context), _weights(context), _yours(context, groups)) if source]
    found = stacked(
        _tests(group, source, params["permutations"], params["seed"]) for group in groups for source in sources
    )
    for name in KEYS:
        found[name]["q"] = false_discovery(found[name]["p"].to_numpy(float))
    copies, reason = [], ""
    try:
        copies = list(_copies(context, groups, sources))
    except WbsiteError as error:
        reason = error.message
    return Contents(
        values={
            "permutations": params["permutations"],
            "seed": params["seed"],
            "sources": {source.name: len(source.units) for source in sources},
            "tests": {name: int(found[name]["p"].notna().sum()) for name in KEYS},
            "published": [_published(*one) for one in PUBLISHED],
            "untrained": {
                "copies": params["copies"] if copies else 0,
                "groups": list(dict.fromkeys(group for copy in copies for group in copy["effects"]["group"])),
                "reason": reason,
                **false_shares(copies),
            },
            "stages": _shares(found["shares"], copies),
        },
        tables={name: table for name, table in against_copies(found, copies).items() if name in KEYS},
    )


def _published(category: str, branch: str, counts: tuple[int, int, int, int]) -> dict[str, Any]:
    names = ("in_branch", "in_layer", "branch_units", "layer_units")
    about = {"category": category, "branch": branch, **dict(zip(names, counts, strict=True))}
    return {**about, "p": enrichment_p_value(*counts)}


def _groups(entry: Entry) -> Iterator[Group]:
    members = entry.table("members")
    for (name, kind), branches in entry.table("rows").groupby(["group", "kind"], sort=False):
        names = tuple(branches["branch"])
        units = [
            pd.DataFrame({"branch": names.index(of.branch), "layer": of.layer, "unit": np.arange(of.low, of.high)})
            for of in members[(members["group"] == name) & (members["kind"] == kind)].itertuples()
        ]
        yield Group(name, kind, names, tuple(map(int, branches["kernel"])), pd.concat(units, ignore_index=True))


def _stimuli(context: Context) -> Source | None:
    if (entry := context.needs.get("tuning")) is None:
        return None
    rows = entry.table("rows")
    return Source("stimuli", rows[~rows["dead"].astype(bool)], STIMULUS_INDICES, entry.table("categories"))


def _weights(context: Context) -> Source | None:
    """First layers, by the weights alone."""
    units, named = [], []
    for layer in context.layers.layers:
        if reads_pictures(layer) and f"{layer.name}.weight" not in context.model.missing:
            weight = context.model.module.get_submodule(layer.name).weight
            found = FilterTuning.of(weight)  # type: ignore[arg-type]
            columns = {name: getattr(found, name).numpy() for name in (*FILTER_INDICES, "dead")}
            table = pd.DataFrame({"layer": layer.name, "unit": range(len(found.dead)), **columns})
            units.append(table[~table["dead"]])
            named.append(filter_categories(table))
    return Source("weights", pd.concat(units), FILTER_INDICES, pd.concat(named)) if units else None


def _yours(context: Context, groups: Iterable[Group]) -> Source | None:
    """The user's categories; a group none of whose units has one is not asked about."""
    given = context.categories()
    labelled = pd.MultiIndex.from_frame(given[UNIT])
    units = [group.units[UNIT] for group in groups if pd.MultiIndex.from_frame(group.units[UNIT]).isin(labelled).any()]
    return Source("yours", pd.concat(units).drop_duplicates(), (), given) if units else None


def _tests(group: Group, source: Source, permutations: int, seed: int) -> dict[str, pd.DataFrame]:
    """All tests of one group, none where the source has units of fewer than two branches."""
    units = group.units.merge(source.units, on=UNIT)
    if units["branch"].nunique() < 2:
        return {}
    population = GroupUnits(group.branches, group.kernels, units["branch"].to_numpy())
    places, named = pd.MultiIndex.from_frame(units[UNIT]), source.categories
    names = sorted(set(named["category"]))
    having = [places.isin(pd.MultiIndex.from_frame(named.loc[named["category"] == name, UNIT])) for name in names]
    indices = units[list(source.indices)].to_numpy(float)
    found = {
        "rows": category_tests(population, names, np.array(having).T, permutations, seed) if names else [],
        "effects": index_tests(population, source.indices, indices),
    }
    if group.kind == "residual" and source.indices:
        found["stages"], about = stage_tests(population, indices, permutations, seed)
        found["shares"] = [about]
    place = {"group": group.name, "kind": group.kind, "source": source.name}
    return {name: pd.DataFrame([{**place, **row} for row in rows]) for name, rows in found.items()}


def _copies(context: Context, groups: Sequence[Group], sources: Sequence[Source]) -> Iterator[dict[str, pd.DataFrame]]:
    """The same tests of untrained copies, one result each, of the first groups whose units were shown stimuli.

    Not of first layers, whose untrained units share nothing and part as by lot. Paths that are concatenated differ in
    kernels and depth, at every place in another way; others are alike, so that one place stands for all in `quick`.
    """
    params, shown = context.params, {layer for of in sources if of.name == "stimuli" for layer in of.units["layer"]}
    first = {layer.name for layer in context.layers.layers if INPUT_NAME in layer.inputs}
    able = [group for group in groups if set(group.layers) <= shown - first]
    concatenated = [group for group in able if group.kind == "concat"][: params["concatenated"]]
    chosen = concatenated + [group for group in able if group.kind != "concat"][: params["alike"]]
    context.progress.step("untrained copies", len(chosen) * params["copies"])
    for group in chosen:
        for seed in range(params["copies"]):
            name = {"group": group.name, "kind": group.kind, "copy": seed}
            if (part := context.parts.get(name)) is None:
                source = _measured(untrained(context.model, seed), _together(group, groups, shown), context)
                tables = stacked([_tests(group, source, COPY_PERMUTATIONS, seed)])
                part = context.parts.put(name, Contents(tables=tables))
            yield {name: part.table(name) for name in (*KEYS, "shares")}
            context.progress.advance()


def _together(group: Group, groups: Sequence[Group], shown: set[str]) -> list[str]:
    """Layers that see the same stimuli as the group's: those of groups that share a layer with it, and so on."""
    found = set(group.layers)
    while more := {layer for other in groups if found & set(other.layers) for layer in other.layers} & shown - found:
        found |= more
    return [layer for layer in dict.fromkeys(layer for of in groups for layer in of.layers) if layer in found]


def _measured(model: LoadedModel, layers: Sequence[str], context: Context) -> Source:
    """What stimuli say of the units of these layers."""
    _, shown, responses = present(model, layers, context.device)
    units = []
    for layer in layers:
        found = {family: values.numpy() for family, values in shown.split(responses[layer]).items()}
        table = tuning(shown.families, found)
        units.append(table.assign(layer=layer, unit=range(len(table))))
    table = pd.concat(units, ignore_index=True)
    return Source("stimuli", table[~table["dead"]], STIMULUS_INDICES, categories(table))


def _shares(shares: pd.DataFrame, copies: Sequence[Tables]) -> list[dict[str, Any]]:
    """Of every stage what lies between its blocks, with the shares of untrained copies."""
    found = []
    for row in shares.to_dict("records"):
        drawn = [copy["shares"] for copy in copies]
        same = [of.loc[of["group"] == row["group"], "share"].item() for of in drawn if row["group"] in set(of["group"])]
        about = {name: None if value != value else value for name, value in row.items()}
        found.append({**about, "untrained": same})
    return found


ANALYSES = (
    Analysis(
        name="enrichment",
        version=2,
        scope="model",
        summary="what lies in which branch: odds ratios of categories, separation by indices, permutations, q-values",
        run=run,
        params={
            "quick": {"permutations": 2000, "seed": 0, "copies": 5, "concatenated": 2, "alike": 1},
            "full": {"permutations": 10_000, "seed": 0, "copies": 20, "concatenated": 1000, "alike": 1000},
        },
        needs=("branches", "tuning"),
        categories=True,
        decides_parts=("branches", "tuning"),
    ),
)
