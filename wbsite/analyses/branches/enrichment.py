"""Which units are in which branch: categories and indices tested in every branch, and blocks of residual stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.featurevis.presentation import present
from wbsite.graph.tape import INPUT_NAME
from wbsite.models.base import LoadedModel
from wbsite.models.untrained import untrained
from wbsite.ops.branches.group_tests import GroupUnits, category_tests, index_tests, stage_tests
from wbsite.ops.branches.untrained_null import KEYS, Tables, against_copies, false_shares, stacked
from wbsite.ops.tuning.categories import categories, filter_categories
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.ops.tuning.indices import INDICES, tuning
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.enrichment import Counts, Enrichment, FalseAlarms, Published, Stage, Untrained
from wbsite.results.branches.tuning import Tuning
from wbsite.stats.enrichment import enrichment_p_value, false_discovery

UNIT = ["layer", "unit"]

SAME_ORDER = {"relative_frequency"}
"""Indices by which units of one group come in the same order as by another: all see the same stimuli."""

STIMULUS_INDICES = tuple(name for name in INDICES if name not in SAME_ORDER)

FILTER_INDICES = ("chroma", "frequency", "orientation_selectivity", "phase_symmetry")
"""Of first-layer filters. Orientation is left out: it goes in a circle and has no larger or smaller."""


COPY_PERMUTATIONS = 200
"""Permutations for a copy, whose p-values are not used except for the rate of false alarms of blocks."""


PUBLISHED = (
    ("black and white against colour", "mixed3a_5x5", (9, 9, 32, 256)),
    ("curve-related", "mixed3b_5x5", (30, 30, 96, 480)),
)
"""Voss et al. 2021, of InceptionV1: units of the category in the branch and in the layer, of the branch, the layer."""

TABLES = {"rows": "rows", "effects": "effects", "blocks": "stages"}
"""Table of the result → the tests it holds, as `ops.branches.untrained_null` calls them."""


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


def run(context: Context) -> Enrichment:
    """Every category and index in every branch, beside untrained copies of the network."""
    params = context.params
    branches = context.need(Branches)
    assert branches is not None
    groups = list(_groups(branches))
    sources = [source for source in (_stimuli(context), _weights(context), _yours(context, groups)) if source]
    tables = stacked(
        _tests(group, source, params["permutations"], params["seed"]) for group in groups for source in sources
    )
    for name in KEYS:
        tables[name]["q"] = false_discovery(tables[name]["p"].to_numpy(float))
    copies, reason = [], ""
    try:
        copies = _copies(context, groups, sources)
    except WbsiteError as error:
        reason = error.message
    compared, alarms = against_copies(tables, copies), false_shares(copies)
    return Enrichment(
        permutations=params["permutations"],
        seed=params["seed"],
        sources={source.name: len(source.units) for source in sources},
        tests=Counts(**{field: int(tables[name]["p"].notna().sum()) for field, name in TABLES.items()}),
        published=[_published(*counted) for counted in PUBLISHED],
        untrained=Untrained(
            copies=params["copies"] if copies else 0,
            groups=list(dict.fromkeys(group for copy in copies for group in copy["effects"]["group"])),
            reason=reason,
            **{field: FalseAlarms(**alarms[name]) for field, name in TABLES.items()},
        ),
        stages=_stages(tables["shares"], copies),
        **{field: compared[name][list(Enrichment.fields[field].columns)] for field, name in TABLES.items()},
    )


def _published(category: str, branch: str, counts: tuple[int, int, int, int]) -> Published:
    in_branch, in_layer, branch_units, layer_units = counts
    return Published(
        category=category,
        branch=branch,
        in_branch=in_branch,
        in_layer=in_layer,
        branch_units=branch_units,
        layer_units=layer_units,
        p=enrichment_p_value(*counts),
    )


def _groups(branches: Branches) -> Iterator[Group]:
    members = branches.members
    for (name, kind), rows in branches.rows.groupby(["group", "kind"], sort=False):
        names = tuple(rows["branch"])
        units = [
            pd.DataFrame(
                {
                    "branch": names.index(member.branch),
                    "layer": member.layer,
                    "unit": np.arange(member.low, member.high),
                }
            )
            for member in members[(members["group"] == name) & (members["kind"] == kind)].itertuples()
        ]
        yield Group(name, kind, names, tuple(map(int, rows["kernel"])), pd.concat(units, ignore_index=True))


def _stimuli(context: Context) -> Source | None:
    if (measured := context.need(Tuning)) is None:
        return None
    return Source("stimuli", measured.rows[~measured.rows["dead"].astype(bool)], STIMULUS_INDICES, measured.members)


def _weights(context: Context) -> Source | None:
    """Indices of first layers, by the weights alone."""
    units, named = [], []
    for layer in context.layers.layers:
        if reads_pictures(layer) and f"{layer.name}.weight" not in context.model.missing:
            filters = FilterTuning.of(context.model.spec.filters_in_rgb(context.kernels(layer.name)))
            columns = {name: getattr(filters, name).numpy() for name in (*FILTER_INDICES, "dead")}
            table = pd.DataFrame({"layer": layer.name, "unit": range(len(filters.dead)), **columns})
            units.append(table[~table["dead"]])
            named.append(filter_categories(table))
    return Source("weights", pd.concat(units), FILTER_INDICES, pd.concat(named)) if units else None


def _yours(context: Context, groups: Iterable[Group]) -> Source | None:
    """The user's categories; a group none of whose units has one is not tested."""
    table = context.categories()
    labelled = pd.MultiIndex.from_frame(table[UNIT])
    units = [group.units[UNIT] for group in groups if pd.MultiIndex.from_frame(group.units[UNIT]).isin(labelled).any()]
    return Source("yours", pd.concat(units).drop_duplicates(), (), table) if units else None


def _tests(group: Group, source: Source, permutations: int, seed: int) -> dict[str, pd.DataFrame]:
    """All tests of one group, none where the source has units of fewer than two branches."""
    units = group.units.merge(source.units, on=UNIT)
    if units["branch"].nunique() < 2:
        return {}
    population = GroupUnits(group.branches, group.kernels, units["branch"].to_numpy())
    keys, members = pd.MultiIndex.from_frame(units[UNIT]), source.categories
    names = sorted(set(members["category"]))
    having = [keys.isin(pd.MultiIndex.from_frame(members.loc[members["category"] == name, UNIT])) for name in names]
    indices = units[list(source.indices)].to_numpy(float)
    tests: dict[str, list[dict[str, Any]]] = {
        "rows": category_tests(population, names, np.array(having).T, permutations, seed) if names else [],
        "effects": index_tests(population, source.indices, indices),
    }
    if group.kind == "residual" and source.indices:
        tests["stages"], stage = stage_tests(population, indices, permutations, seed)
        tests["shares"] = [stage]
    place = {"group": group.name, "kind": group.kind, "source": source.name}
    return {name: pd.DataFrame([{**place, **row} for row in rows]) for name, rows in tests.items()}


def _copies(context: Context, groups: Sequence[Group], sources: Sequence[Source]) -> list[Tables]:
    """The same tests of untrained copies, one result a group and copy, of the first groups shown stimuli.

    Not of first layers, whose untrained units share nothing and differ between branches by chance alone. Paths that are
    concatenated differ in kernels and depth, at every place in another way; others are alike, so that one place
    represents all in `quick`.
    """
    params, first = context.params, {layer.name for layer in context.layers.layers if INPUT_NAME in layer.inputs}
    seen = {layer for source in sources if source.name == "stimuli" for layer in source.units["layer"]}
    able = [group for group in groups if set(group.layers) <= seen - first]
    concatenated = [group for group in able if group.kind == "concat"][: params["concatenated"]]
    chosen = concatenated + [group for group in able if group.kind != "concat"][: params["alike"]]
    context.progress.step("untrained copies", len(chosen) * params["copies"])
    tests: dict[tuple[int, int], Tables] = {}
    for seed in range(params["copies"]):
        copy: LoadedModel | None = None  # of which all groups are tested, so that it is made and recorded once
        for number, group in enumerate(chosen):
            name = {"group": group.name, "kind": group.kind, "copy": seed}
            if (part := context.parts.get(name)) is None:
                copy = copy or untrained(context.model, seed, context.device)
                source = _measured(copy, _together(group, groups, seen), context)
                part = context.parts.put(
                    name, Contents(tables=stacked([_tests(group, source, COPY_PERMUTATIONS, seed)]))
                )
            tests[number, seed] = {name: part.table(name) for name in (*KEYS, "shares")}
            context.progress.advance()
    return [tests[key] for key in sorted(tests)]


def _together(group: Group, groups: Sequence[Group], seen: set[str]) -> list[str]:
    """Layers that see the same stimuli as the group's: those of groups that share a layer with it, and so on."""
    layers = set(group.layers)
    while more := {layer for other in groups if layers & set(other.layers) for layer in other.layers} & seen - layers:
        layers |= more
    return [layer for layer in dict.fromkeys(layer for group in groups for layer in group.layers) if layer in layers]


def _measured(model: LoadedModel, layers: Sequence[str], context: Context) -> Source:
    """The tuning of the units of these layers, by their responses to stimuli."""
    _, stimuli, responses = present(model, layers, context.device)
    units = []
    for layer in layers:
        by_family = {family: values.numpy() for family, values in stimuli.split(responses[layer]).items()}
        table = tuning(stimuli.families, by_family)
        units.append(table.assign(layer=layer, unit=range(len(table))))
    table = pd.concat(units, ignore_index=True)
    return Source("stimuli", table[~table["dead"]], STIMULUS_INDICES, categories(table))


def _stages(shares: pd.DataFrame, copies: Sequence[Tables]) -> list[Stage]:
    """Every stage, with the shares of untrained copies."""
    stages = []
    for row in shares.to_dict("records"):
        same = [copy["shares"].loc[copy["shares"]["group"] == row["group"], "share"].dropna() for copy in copies]
        numbers = {str(name): None if number != number else number for name, number in row.items()}
        shares_of_copies = [share.item() for share in same if len(share)]
        stages.append(Stage.model_validate({**numbers, "untrained": shares_of_copies}))
    return stages


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=Enrichment,
        params={
            "quick": {"permutations": 2000, "seed": 0, "copies": 5, "concatenated": 2, "alike": 1},
            "full": {"permutations": 10_000, "seed": 0, "copies": 20, "concatenated": 1000, "alike": 1000},
        },
        needs=("branches", "tuning"),
        inputs=("categories",),
        decides_parts=("branches", "tuning"),
    ),
)
