"""A network's tests beside those of copies without training, whose branches differ by architecture and lot alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from wbsite.stats.enrichment import false_discovery
from wbsite.stats.single_case import prediction_p

from .group_tests import BLOCK_COLUMNS, CATEGORY_COLUMNS, INDEX_COLUMNS, STAGE_COLUMNS

ALPHA = 0.05
"""Level at which the copies' own tests are counted: this share of them would be as small by lot."""

PLACE = ["group", "branch", "source"]
KEYS = {"rows": [*PLACE, "category"], "effects": [*PLACE, "index"], "stages": PLACE}

COLUMNS = {
    "rows": [*KEYS["rows"], *CATEGORY_COLUMNS],
    "effects": [*KEYS["effects"], *INDEX_COLUMNS],
    "stages": [*KEYS["stages"], *BLOCK_COLUMNS],
    "shares": ["group", "source", *STAGE_COLUMNS],
}
"""Of every table, so that one without rows has them too; also "kind"."""

_TINY = np.finfo(float).tiny

Tables = Mapping[str, pd.DataFrame]


def against_copies(tables: Tables, copies: Sequence[Tables]) -> dict[str, pd.DataFrame]:
    """The tables with columns on what the copies have in the same place.

    rows: untrained_in_branch and untrained_in_layer, units of all copies together; effects: untrained_auc and
    untrained_sd, mean and standard deviation over copies; stages: untrained_statistic, the mean. untrained_p is the p
    of the network as one more copy (`prediction_p`): upper tail of the logarithm of odds ratios and statistics, and
    two-sided on the logit of the AUC; untrained_q is Benjamini and Hochberg's over the table. NaN for groups of which
    no copies were measured.

    Args:
        tables: "rows", "effects" and "stages" of the network, each one row a KEYS.
        copies: the same of each copy and group that was measured.
    """
    places = {name: pd.MultiIndex.from_frame(tables[name][key]) for name, key in KEYS.items()}
    rows, effects, stages = (tables[name].copy() for name in KEYS)
    measured = {group for copy in copies for group in copy["effects"]["group"]}
    there = (rows["group"].isin(measured) & (rows["source"] == "stimuli")).to_numpy(bool)
    for name in ("in_branch", "in_layer"):
        sums = np.nansum(_values(copies, "rows", name, places["rows"]), axis=0)
        rows[f"untrained_{name}"] = np.where(there, sums, np.nan)
    ratios = _values(copies, "rows", "odds_ratio", places["rows"])
    _tested(rows, np.log(rows["odds_ratio"].to_numpy(float)), np.log(ratios), upper=True)

    areas = _values(copies, "effects", "auc", places["effects"])
    effects["untrained_auc"], effects["untrained_sd"] = _mean(areas), _deviation(areas)
    least = 0.5 / np.maximum(1, effects["units_in"] * effects["units_out"]).to_numpy(float)
    own = effects["auc"].to_numpy(float)
    _tested(effects, logit(np.clip(own, least, 1 - least)), logit(np.clip(areas, least, 1 - least)), upper=False)

    found = _values(copies, "stages", "statistic", places["stages"])
    stages["untrained_statistic"] = _mean(found)
    _tested(stages, np.log(stages["statistic"].to_numpy(float) + _TINY), np.log(found + _TINY), upper=True)
    return {**tables, "rows": rows, "effects": effects, "stages": stages}


def stacked(parts: Iterable[Tables]) -> dict[str, pd.DataFrame]:
    """Tables of several groups one under the other; one that none has is there without rows."""
    every = list(parts)
    found = {}
    for name, columns in COLUMNS.items():
        there = [part[name] for part in every if name in part and len(part[name])]
        found[name] = pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=["kind", *columns])
    return found


def false_shares(copies: Sequence[Tables]) -> dict[str, Any]:
    """Of every table how many tests the copies have, and the share of them with p ≤ ALPHA; None of none."""
    found: dict[str, Any] = {}
    for name in KEYS:
        p = np.concatenate([copy[name]["p"].dropna().to_numpy(float) for copy in copies] or [np.empty(0)])
        found[name] = {"tests": len(p), "share": float((p <= ALPHA).mean()) if len(p) else None}
    return found


def _values(copies: Sequence[Tables], name: str, column: str, places: pd.MultiIndex) -> np.ndarray:
    """(copies, rows) of a column; NaN where a copy has no such row."""
    found = [copy[name].set_index(KEYS[name])[column].reindex(places).to_numpy(float) for copy in copies]
    return np.array(found).reshape(len(copies), len(places))


def _tested(table: pd.DataFrame, value: np.ndarray, references: np.ndarray, upper: bool) -> None:
    table["untrained_p"] = prediction_p(value, references, upper)
    table["untrained_q"] = false_discovery(table["untrained_p"].to_numpy(float))


def _mean(values: np.ndarray) -> np.ndarray:
    count = (~np.isnan(values)).sum(0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _deviation(values: np.ndarray) -> np.ndarray:
    count = (~np.isnan(values)).sum(0)
    square = np.nansum((values - _mean(values)) ** 2, axis=0) / np.maximum(count - 1, 1)
    return np.where(count > 1, np.sqrt(square), np.nan)
