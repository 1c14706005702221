"""Which units are in which branch: categories and indices tested in every branch, and blocks of residual stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.featurevis.presentation import present
from wbsite.graph.tape import INPUT_NAME
from wbsite.models.base import LoadedModel
from wbsite.models.untrained import untrained
from wbsite.ops.branches.unit_groups import UNIT, Source, UnitGroup, source_tests, units_of
from wbsite.ops.branches.untrained_null import KEYS, Tables, against_copies, false_shares, stacked
from wbsite.ops.tuning.categories import categories, filter_categories
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.ops.tuning.units import STIMULUS_INDICES, unit_tuning
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.enrichment import Counts, Enrichment, FalseAlarms, Published, Stage, Untrained
from wbsite.results.branches.tuning import Tuning
from wbsite.stats.enrichment import enrichment_p_value, false_discovery

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


def run(context: Context) -> Enrichment:
    """Every category and index in every branch, beside untrained copies of the network."""
    params = context.params
    branches = context.need(Branches)
    assert branches is not None
    groups = list(_groups(branches))
    sources = [source for source in (_stimuli(context), _weights(context), _yours(context, groups)) if source]
    tables = stacked(
        source_tests(group, source, params["permutations"], params["seed"]) for group in groups for source in sources
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


def _groups(branches: Branches) -> Iterator[UnitGroup]:
    members = branches.members
    for (name, kind), rows in branches.rows.groupby(["group", "kind"], sort=False):
        names = tuple(rows["branch"])
        units = [
            units_of(names.index(member.branch), member.layer, member.low, member.high)
            for member in members[(members["group"] == name) & (members["kind"] == kind)].itertuples()
        ]
        yield UnitGroup(name, kind, names, tuple(map(int, rows["kernel"])), pd.concat(units, ignore_index=True))


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


def _yours(context: Context, groups: Iterable[UnitGroup]) -> Source | None:
    """The user's categories; a group none of whose units has one is not tested."""
    table = context.categories()
    labelled = pd.MultiIndex.from_frame(table[UNIT])
    units = [group.units[UNIT] for group in groups if pd.MultiIndex.from_frame(group.units[UNIT]).isin(labelled).any()]
    return Source("yours", pd.concat(units).drop_duplicates(), (), table) if units else None


def _copies(context: Context, groups: Sequence[UnitGroup], sources: Sequence[Source]) -> list[Tables]:
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
                    name, Contents(tables=stacked([source_tests(group, source, COPY_PERMUTATIONS, seed)]))
                )
            tests[number, seed] = {name: part.table(name) for name in (*KEYS, "shares")}
            context.progress.advance()
    return [tests[key] for key in sorted(tests)]


def _together(group: UnitGroup, groups: Sequence[UnitGroup], seen: set[str]) -> list[str]:
    """Layers that see the same stimuli as the group's: those of groups that share a layer with it, and so on."""
    layers = set(group.layers)
    while more := {layer for other in groups if layers & set(other.layers) for layer in other.layers} & seen - layers:
        layers |= more
    return [layer for layer in dict.fromkeys(layer for group in groups for layer in group.layers) if layer in layers]


def _measured(model: LoadedModel, layers: Sequence[str], context: Context) -> Source:
    """The tuning of the units of these layers, by their responses to stimuli."""
    _, stimuli, responses = present(model, layers, context.device)
    table = unit_tuning(stimuli, responses)
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
