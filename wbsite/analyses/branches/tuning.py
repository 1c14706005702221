"""What units of branches are tuned to, from their responses to stimuli made for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.featurevis import webp
from wbsite.featurevis.presentation import present
from wbsite.ops.tuning.categories import CATEGORIES, categories
from wbsite.ops.tuning.indices import DEAD, DRIVEN, INDICES, tuning
from wbsite.ops.tuning.stimuli import Battery, Field, battery
from wbsite.ops.tuning.stimuli.battery import FAMILIES

COLUMNS = ["layer", "unit", "dead", "strength", *INDICES, "orientation", *(f"{name}_drive" for name in DRIVEN)]

SHOWN, TILE, EXAMPLE = 12, 64, 60
"""Stimuli of a family in its picture, pixels of each, and the side for which they are drawn there."""

NEVER_FIRST = 2
"""Convolutions that are measured of a network without branches."""


def run(context: Context) -> Contents:
    """Indices and categories of the units of the first groups of branches, or of all, and of the first convolution.

    Layers of one group, and of groups that share a layer, see the same stimuli, as large as what the widest of their
    units sees (`featurevis/presenting.py`).

    Tables: rows, one a unit, in order of layers: COLUMNS, of which `tuning_indices.tuning` says what they are;
    categories: layer, unit, category.

    Values: indices and categories with their titles and definitions; layers, of each the reason why it was left out,
    or "" and: dead units, side of the stimuli and canvas in pixels, whether padding is seen (padded), number of
    stimuli and of those of each family, lowest and highest frequency in cycles a pixel; dead_below, the rule.
    Pictures: FAMILY.webp, SHOWN stimuli of each family side by side.
    """
    wanted, left = _wanted(context)
    units: list[pd.DataFrame] = []
    told: list[dict[str, Any]] = [{"layer": layer, "reason": reason} for layer, reason in left.items()]
    for number, layers in enumerate(wanted, 1):
        entry = context.parts.get({"layers": layers}) or context.parts.put(
            {"layers": layers}, _measured(context, layers, f"stimuli {number} of {len(wanted)}: {_named(layers)}")
        )
        units.append(entry.table("rows"))
        told += entry.values["layers"]
    rows = _together(units)
    order = {name: i for i, name in enumerate(context.layers.names)}
    rows = rows.sort_values("layer", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    told.sort(key=lambda one: order[one["layer"]])
    return Contents(
        values={
            "indices": {name: asdict(index) for name, index in INDICES.items()},
            "categories": {
                name: {"title": one.title, "rule": one.rule, "index": one.index} for name, one in CATEGORIES.items()
            },
            "layers": told,
            "dead_below": DEAD,
        },
        tables={"rows": rows, "categories": categories(rows)},
        pictures=_pictures(context.model.spec.input_shape[0] == 3),
    )


def _wanted(context: Context) -> tuple[list[list[str]], dict[str, str]]:
    """Layers that see the same stimuli, in order of execution, and layer → reason for those of groups left out."""
    members, order = context.needs["branches"].table("members"), list(context.layers.names)
    convolutions = [layer.name for layer in context.layers.convs]
    groups = [list(dict.fromkeys(of["layer"])) for _, of in members.groupby(["group", "kind"], sort=False)]
    kinds = [kind for (_, kind), _ in members.groupby(["group", "kind"], sort=False)]
    if not groups:
        return [[name] for name in convolutions[:NEVER_FIRST]], {}
    first = [name for name in convolutions[:1] if name not in {layer for layers in groups for layer in layers}]
    kept, room = [*([first] if first else [])], dict(context.params["most"])
    late: dict[str, str] = {}
    for layers, kind in sorted(zip(groups, kinds, strict=True), key=lambda one: min(map(order.index, one[0]))):
        which = "stages" if kind == "residual" else "groups"
        if convolutions[0] not in layers and room.get(which) == 0:
            late |= dict.fromkeys(layers, f"in this profile only the first {context.params['most'][which]} {which}")
            continue
        if convolutions[0] not in layers and which in room:
            room[which] -= 1
        kept.append(layers)
    together = list(_joined(kept))
    seen = {layer for layers in together for layer in layers}
    together = [sorted(layers, key=order.index) for layers in together]
    return sorted(together, key=lambda layers: order.index(layers[0])), {k: v for k, v in late.items() if k not in seen}


def _joined(groups: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Groups that share a layer become one."""
    left = [set(group) for group in groups]
    while left:
        one = left.pop(0)
        while touching := [other for other in left if other & one]:
            left = [other for other in left if not other & one]
            one.update(*touching)
        yield sorted(one)


def _measured(context: Context, layers: Sequence[str], label: str) -> Contents:
    try:
        stage, shown, responses = present(context.model, layers, context.device, context.progress, label)
    except WbsiteError as error:
        unseen = [{"layer": layer, "reason": error.message} for layer in layers]
        return Contents({"layers": unseen}, tables={"rows": pd.DataFrame(columns=COLUMNS)})
    tables: list[pd.DataFrame] = []
    told: list[dict[str, Any]] = []
    for layer, found in responses.items():
        if not torch.isfinite(found).all():
            told.append({"layer": layer, "reason": "its weights, or those of layers before it, are missing"})
            continue
        table = tuning(shown.families, {name: part.numpy() for name, part in shown.split(found).items()})
        table = table.assign(layer=layer, unit=range(len(table)))
        tables.append(table.astype({name: np.float32 for name in table.columns if table[name].dtype == np.float64}))
        told.append({"layer": layer, "reason": "", **_facts(stage, shown), "dead": int(table["dead"].sum())})
    return Contents({"layers": told}, tables={"rows": _together(tables)})


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def _facts(stage: Any, shown: Battery) -> dict[str, Any]:
    frequencies = shown.families["gratings"]["frequency"]
    return {
        "side": stage.side,
        "canvas": stage.canvas,
        "padded": stage.padded,
        "stimuli": len(shown),
        "families": {name: len(rows) for name, rows in shown.families.items()},
        "lowest": float(frequencies.min()),
        "highest": float(frequencies.max()),
    }


def _pictures(colour: bool) -> dict[str, bytes]:
    """A few stimuli of every family, evenly spaced in its table."""
    middle = (TILE - 1) / 2
    field, found = Field.of(TILE, (middle, middle), EXAMPLE), {}
    for name, rows in battery(EXAMPLE, colour).families.items():
        chosen = rows.iloc[np.linspace(0, len(rows) - 1, SHOWN).round().astype(int)]
        tiles = torch.nn.functional.pad(FAMILIES[name](field, chosen) + 0.5, (1, 1, 1, 1), value=1.0)
        sheet = tiles.unflatten(0, (2, SHOWN // 2)).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
        found[f"{name.replace(' ', '-')}.webp"] = webp(sheet)
    return found


def _named(layers: Sequence[str]) -> str:
    return layers[0] if len(layers) == 1 else f"{layers[0]} and {len(layers) - 1} more"


ANALYSES = (
    Analysis(
        name="tuning",
        version=1,
        scope="model",
        summary="what units of branches are tuned to: colour, orientation, frequency, curves and more, by stimuli",
        run=run,
        needs=("branches",),
        params={"quick": {"most": {"groups": 4, "stages": 2}}, "full": {"most": {}}},
        decides_parts=(),
    ),
)
