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
from wbsite.featurevis.presentation import Canvas, present, seen_together
from wbsite.ops.tuning.categories import CATEGORIES, categories
from wbsite.ops.tuning.indices import DEAD, INDICES
from wbsite.ops.tuning.stimuli import Battery, Field, battery
from wbsite.ops.tuning.stimuli.battery import FAMILIES
from wbsite.ops.tuning.units import unit_tuning
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.tuning import Category, Index, Layer, Omitted, Tuning

COLUMNS = list(Tuning.fields["rows"].columns)

EXAMPLES, TILE, EXAMPLE_SIDE = 12, 64, 60
"""Stimuli of a family in its picture, pixels of each, and the side for which they are drawn there."""

NEVER_FIRST = 2
"""Convolutions that are measured of a network without branches."""


def run(context: Context) -> Tuning:
    """Indices and categories of the units of the first groups of branches, or of all, and of the first convolution.

    Layers of one group, and of groups that share a layer, see the same stimuli, as large as what the widest of their
    units sees (`featurevis/presentation.py`). Groups for which these are equal are measured in one pass.
    """
    groups, late = _wanted(context)
    together = seen_together(context.model, groups, context.device)
    units: list[pd.DataFrame] = []
    records: list[dict[str, Any]] = [{"layer": layer, "reason": reason} for layer, reason in late.items()]
    for number, layers in enumerate(together, 1):
        part = context.parts.get({"layers": layers}) or context.parts.put(
            {"layers": layers}, _measured(context, layers, f"stimuli {number} of {len(together)}: {_named(layers)}")
        )
        units.append(part.table("rows"))
        records += part.values["layers"]
    order = {name: i for i, name in enumerate(context.layers.names)}
    rows = _concatenated(units)
    rows = rows.sort_values("layer", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    records.sort(key=lambda record: order[record["layer"]])
    return Tuning(
        indices={name: Index(**asdict(index)) for name, index in INDICES.items()},
        categories={
            name: Category(title=category.title, rule=category.rule, index=category.index)
            for name, category in CATEGORIES.items()
        },
        layers=[Layer(**_without_reason(record)) for record in records if not record["reason"]],
        omitted=[Omitted(**record) for record in records if record["reason"]],
        dead_below=DEAD,
        rows=rows,
        members=categories(rows),
        stimuli=_pictures(context.model.spec.input_shape[0] == 3),
    )


def _without_reason(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "reason"}


def _wanted(context: Context) -> tuple[list[list[str]], dict[str, str]]:
    """Layers that see the same stimuli, in order of execution, and layer → reason for those of groups left out."""
    branches, order = context.need(Branches), list(context.layers.names)
    assert branches is not None
    convolutions = [layer.name for layer in context.layers.convs]
    groups = [
        (str(kind), list(dict.fromkeys(members["layer"])))
        for (_, kind), members in branches.members.groupby(["group", "kind"], sort=False)
    ]
    if not groups:
        return [[name] for name in convolutions[:NEVER_FIRST]], {}
    first = [name for name in convolutions[:1] if name not in {layer for _, layers in groups for layer in layers}]
    kept, room = [*([first] if first else [])], dict(context.params["most"])
    late: dict[str, str] = {}
    for kind, layers in sorted(groups, key=lambda group: min(map(order.index, group[1]))):
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
    waiting = [set(group) for group in groups]
    while waiting:
        joined = waiting.pop(0)
        while touching := [group for group in waiting if group & joined]:
            waiting = [group for group in waiting if not group & joined]
            joined.update(*touching)
        yield sorted(joined)


def _measured(context: Context, layers: Sequence[str], label: str) -> Contents:
    try:
        stage, stimuli, responses = present(context.model, layers, context.device, context.progress, label)
    except WbsiteError as error:
        unseen = [{"layer": layer, "reason": error.message} for layer in layers]
        return Contents({"layers": unseen}, tables={"rows": pd.DataFrame(columns=COLUMNS)})
    tables: list[pd.DataFrame] = []
    records: list[dict[str, Any]] = []
    for layer, responded in responses.items():
        if not torch.isfinite(responded).all():
            records.append({"layer": layer, "reason": "its weights, or those of layers before it, are missing"})
            continue
        table = unit_tuning(stimuli, {layer: responded})
        tables.append(table.astype({name: np.float32 for name in table.columns if table[name].dtype == np.float64}))
        records.append({"layer": layer, "reason": "", **_facts(stage, stimuli), "dead": int(table["dead"].sum())})
    return Contents({"layers": records}, tables={"rows": _concatenated(tables)})


def _concatenated(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True)[COLUMNS] if filled else pd.DataFrame(columns=COLUMNS)


def _facts(stage: Canvas, stimuli: Battery) -> dict[str, Any]:
    frequencies = stimuli.families["gratings"]["frequency"]
    return {
        "side": stage.side,
        "canvas": list(stage.size),
        "padded": stage.padded,
        "stimuli": len(stimuli),
        "families": {name: len(rows) for name, rows in stimuli.families.items()},
        "lowest": float(frequencies.min()),
        "highest": float(frequencies.max()),
    }


def _pictures(colour: bool) -> dict[str, bytes]:
    """A few stimuli of every family, evenly spaced in its table."""
    middle = (TILE - 1) / 2
    field, files = Field.of((TILE, TILE), (middle, middle), EXAMPLE_SIDE), {}
    for name, rows in battery(EXAMPLE_SIDE, colour).families.items():
        chosen = rows.iloc[np.linspace(0, len(rows) - 1, EXAMPLES).round().astype(int)]
        tiles = torch.nn.functional.pad(FAMILIES[name](field, chosen) + 0.5, (1, 1, 1, 1), value=1.0)
        sheet = tiles.unflatten(0, (2, EXAMPLES // 2)).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
        files[f"{name.replace(' ', '-')}.webp"] = webp(sheet)
    return files


def _named(layers: Sequence[str]) -> str:
    return layers[0] if len(layers) == 1 else f"{layers[0]} and {len(layers) - 1} more"


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=Tuning,
        needs=("branches",),
        params={"quick": {"most": {"groups": 4, "stages": 2}}, "full": {"most": {}}},
        decides_parts=(),
    ),
)
