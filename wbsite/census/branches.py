"""Of networks with branches: what the units of two groups are tuned to, and how far the branch tells it.

Which groups, and what would refute that branches specialize, `claims/census/branches.py` wrote down beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.core.errors import WbsiteError
from wbsite.featurevis.image_model import picture_channels
from wbsite.featurevis.presentation import Canvas, present, smallest_canvas
from wbsite.graph.layers import Layers
from wbsite.graph.recording import Recorded
from wbsite.graph.stored_kernels import StoredKernels
from wbsite.graph.tape import INPUT_NAME
from wbsite.models.base import LoadedModel
from wbsite.models.untrained import untrained
from wbsite.ops.branches.discovery import branches
from wbsite.ops.branches.group_tests import stage_tests
from wbsite.ops.branches.unit_groups import KnownUnits, Source, UnitGroup, source_tests
from wbsite.ops.branches.untrained_null import against_copies, stacked
from wbsite.ops.tuning.categories import categories
from wbsite.ops.tuning.units import STIMULUS_INDICES, unit_tuning
from wbsite.stats.chance import chance_corrected
from wbsite.stats.enrichment import false_discovery

COPIES = 5
"""Untrained copies of a network."""

PERMUTATIONS, COPY_PERMUTATIONS, SEED = 2000, 200, 0
"""Of units among branches, of the network and of each copy, and the seed of the former."""

MOST = 500_000_000
"""Multiply-adds that one stimulus may take: a bound on the time of a census."""

CONCATENATED = ("concat", "dense")

DIGITS = 6

CPU = torch.device("cpu")

Row = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A group whose units were shown stimuli.

    Attributes:
        source: what they are tuned to.
        share: of the variance of tuning between branches, chance at 0; NaN where there are too few units.
        p: of the same, by permutation.
    """

    canvas: Canvas
    source: Source
    share: float
    p: float

    @classmethod
    def of(cls, model: LoadedModel, group: UnitGroup, permutations: int, seed: int) -> Shown:
        """Shows them.

        Raises:
            WbsiteError: it cannot be done, or responses are not finite.
        """
        canvas, stimuli, responses = present(model, group.layers, CPU)
        if not all(bool(torch.isfinite(responded).all()) for responded in responses.values()):
            raise WbsiteError("responses of its units are not finite.")
        table = unit_tuning(stimuli, responses)
        source = Source("stimuli", table[~table["dead"]], STIMULUS_INDICES, categories(table))
        if (known := KnownUnits.of(group, source)) is None:
            return cls(canvas, source, math.nan, math.nan)
        _, between = stage_tests(known.population, known.indices, permutations, seed)
        return cls(canvas, source, chance_corrected(between["share"], between["by_chance"]), between["p"])


def branch_rows(task: str, model: LoadedModel, layers: Layers) -> tuple[list[Row], list[Row]]:
    """A row for each group that was chosen, with its measures or why there are none; a row for each test of a category
    or index in a branch. None of weights alone, and of networks without branches."""
    if isinstance(model.module, StoredKernels):
        return [], []
    found = [UnitGroup.of(group) for group in branches(Recorded.of(model), layers.names).groups]
    groups: list[Row] = []
    tests: list[Row] = []
    for alike in (True, False):
        candidates = [group for group in found if (group.kind in CONCATENATED) == alike]
        if candidates:
            group, tested = _first_shown(task, model, layers, candidates)
            groups.append(group)
            tests += tested
    return groups, _with_q(tests)


def _first_shown(
    task: str, model: LoadedModel, layers: Layers, candidates: Sequence[UnitGroup]
) -> tuple[Row, list[Row]]:
    """Of the first group that can be shown stimuli; of the first of all, where none can, with the reason."""
    reasons = []
    for group in candidates:
        try:
            _refuse(task, model, layers, group)
            shown = Shown.of(model, group, PERMUTATIONS, SEED)
            copies = [
                Shown.of(untrained(model, seed), group, COPY_PERMUTATIONS, seed) for seed in copy_seeds(model.digest)
            ]
        except WbsiteError as error:
            reasons.append(error.message.rstrip("."))
            continue
        return _group(group, shown, copies), _tests(group, shown, copies)
    return {**_about(candidates[0]), "reason": reasons[0]}, []


def copy_seeds(digest: str) -> range:
    """Seeds of a network's copies: others of each network, so that those of one architecture share no draw."""
    first = int(digest[:7], 16)
    return range(first, first + COPIES)


def _refuse(task: str, model: LoadedModel, layers: Layers, group: UnitGroup) -> None:
    """Raises WbsiteError where there is no picture to show, or no tuning to share but that of filters."""
    if task == "audio":
        raise WbsiteError("it reads sound, not pictures.")
    picture_channels(model)
    if any(INPUT_NAME in layer.inputs for layer in layers.layers if layer.name in group.layers):
        raise WbsiteError("its units read the picture itself.")
    if (work := multiply_adds(model, group.layers)) > MOST:
        raise WbsiteError(f"one stimulus would take {work / 1e6:.0f} million multiply-adds.")


def multiply_adds(model: LoadedModel, layers: Sequence[str]) -> float:
    """Of one stimulus for these layers, in all layers up to them, on the smallest canvas for them.

    Raises:
        WbsiteError: an output of theirs is no map.
    """
    tape, (height, width) = Recorded.of(model).tape, model.spec.input_shape[1:]
    canvas = smallest_canvas(tape, layers, (height, width))
    run = {value for call in tape.program([tape.activation(name) for name in layers]).calls for value in call.outputs}
    work = sum(
        math.prod(use.shape) * tape.kernels[name].weight[0].numel()
        for name, uses in tape.uses.items()
        for use in uses
        if use.value in run
    )
    return work * math.prod(canvas.size) / (height * width)


def _about(group: UnitGroup) -> Row:
    return {"group": group.name, "kind": group.kind, "branches": len(group.branches), "units": len(group.units)}


def _group(group: UnitGroup, shown: Shown, copies: Sequence[Shown]) -> Row:
    live = group.units.merge(shown.source.units, on=["layer", "unit"])
    return {
        **_about(group),
        "reason": "",
        "side": shown.canvas.side,
        "padded": shown.canvas.padded,
        "live": len(live),
        "trained": _defined(shown.share),
        "p": _defined(shown.p),
        "copies": [_defined(copy.share) for copy in copies],
    }


def _tests(group: UnitGroup, shown: Shown, copies: Sequence[Shown]) -> list[Row]:
    tables = stacked([source_tests(group, shown.source, PERMUTATIONS, SEED)])
    drawn = [stacked([source_tests(group, copy.source, COPY_PERMUTATIONS, seed)]) for seed, copy in enumerate(copies)]
    compared = against_copies(tables, drawn)
    return [
        *(_row(row, "category", _of_category(row)) for row in _records(compared["rows"])),
        *(_row(row, "index", _of_index(row)) for row in _records(compared["effects"])),
    ]


def _records(table: pd.DataFrame) -> list[Row]:
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def _row(row: Mapping[str, Any], test: str, numbers: Row) -> Row:
    shared = {name: _defined(row[name]) for name in ("low", "high", "p", "untrained_p")}
    place = {name: row[name] for name in ("group", "kind", "branch")}
    return {**place, "test": test, "property": row[test], **numbers, **shared}


def _of_category(row: Mapping[str, Any]) -> Row:
    return {
        "units_in": row["branch_units"],
        "units_out": row["layer_units"] - row["branch_units"],
        "having_in": row["in_branch"],
        "having_out": row["in_layer"] - row["in_branch"],
        "effect": _defined(row["odds_ratio"]),
    }


def _of_index(row: Mapping[str, Any]) -> Row:
    return {
        "units_in": row["units_in"],
        "units_out": row["units_out"],
        "having_in": None,
        "having_out": None,
        "effect": _defined(row["auc"]),
    }


def _with_q(tests: list[Row]) -> list[Row]:
    """With Benjamini and Hochberg's q-values, over all categories of the network, and over all indices."""
    for kind in ("category", "index"):
        rows = [row for row in tests if row["test"] == kind]
        for name, corrected in (("p", "q"), ("untrained_p", "untrained_q")):
            p = np.array([math.nan if row[name] is None else row[name] for row in rows])
            for row, q in zip(rows, false_discovery(p).tolist(), strict=True):
                row[corrected] = _defined(q)
    return tests


def _defined(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
