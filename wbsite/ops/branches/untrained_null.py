"""A network's tests beside those of untrained copies, whose branches differ by architecture and chance alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy

from wbsite.stats.enrichment import false_discovery
from wbsite.stats.single_case import single_case_p

from .group_tests import BLOCK_COLUMNS, CATEGORY_COLUMNS, INDEX_COLUMNS, STAGE_COLUMNS

ALPHA = 0.05
"""Level at which the copies' own tests are counted: this share of them would be as small by chance."""

PLACE = ["group", "branch", "source"]
KEYS = {"rows": [*PLACE, "category"], "effects": [*PLACE, "index"], "stages": PLACE}

COLUMNS = {
    "rows": [*KEYS["rows"], *CATEGORY_COLUMNS],
    "effects": [*KEYS["effects"], *INDEX_COLUMNS],
    "stages": [*KEYS["stages"], *BLOCK_COLUMNS],
    "shares": ["group", "source", *STAGE_COLUMNS],
}
"""Table → its columns, which one without rows has too, besides "kind"."""

_TINY = np.finfo(float).tiny

Tables = Mapping[str, pd.DataFrame]


def against_copies(tables: Tables, copies: Sequence[Tables]) -> dict[str, pd.DataFrame]:
    """The tables with columns on the copies' tests of the same branch, category or index.

    rows: untrained_in_branch and untrained_in_layer, units of all copies together; effects: untrained_auc and
    untrained_sd, mean and standard deviation over copies; stages: untrained_statistic, the mean. untrained_p is the p
    of the network as one more copy (`single_case_p`): upper tail of the logarithm of odds ratios and statistics, and
    two-sided on the logit of the AUC; untrained_q is Benjamini and Hochberg's over the table. NaN for groups of which
    no copies were measured.

    Args:
        tables: "rows", "effects" and "stages" of the network, each one row a KEYS.
        copies: the same of each copy and group that was measured.
    """
    tests = {name: pd.MultiIndex.from_frame(tables[name][key]) for name, key in KEYS.items()}
    rows, effects, stages = (tables[name].copy() for name in KEYS)
    measured = {group for copy in copies for group in copy["effects"]["group"]}
    compared = (rows["group"].isin(measured) & (rows["source"] == "stimuli")).to_numpy(bool)
    for name in ("in_branch", "in_layer"):
        sums = np.nansum(_values(copies, "rows", name, tests["rows"]), axis=0)
        rows[f"untrained_{name}"] = np.where(compared, sums, np.nan)
    ratios = _values(copies, "rows", "odds_ratio", tests["rows"])
    _add_p_and_q(rows, np.log(rows["odds_ratio"].to_numpy(float)), np.log(ratios), upper=True)

    areas = _values(copies, "effects", "auc", tests["effects"])
    effects["untrained_auc"], effects["untrained_sd"] = _mean(areas), _deviation(areas)
    least = 0.5 / np.maximum(1, effects["units_in"] * effects["units_out"]).to_numpy(float)
    observed = effects["auc"].to_numpy(float)
    observed, drawn = (scipy.special.logit(np.clip(values, least, 1 - least)) for values in (observed, areas))
    _add_p_and_q(effects, observed, drawn, upper=False)

    statistics = _values(copies, "stages", "statistic", tests["stages"])
    stages["untrained_statistic"] = _mean(statistics)
    _add_p_and_q(stages, np.log(stages["statistic"].to_numpy(float) + _TINY), np.log(statistics + _TINY), upper=True)
    return {**tables, "rows": rows, "effects": effects, "stages": stages}


def stacked(parts: Iterable[Tables]) -> dict[str, pd.DataFrame]:
    """Tables of several groups one under the other; a table that no group has is returned without rows."""
    groups = list(parts)
    tables = {}
    for name, columns in COLUMNS.items():
        filled = [group[name] for group in groups if name in group and len(group[name])]
        tables[name] = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=["kind", *columns])
    return tables


def false_shares(copies: Sequence[Tables]) -> dict[str, Any]:
    """Table → number of the copies' tests, and the share of them with p ≤ ALPHA; None where there are none."""
    shares: dict[str, Any] = {}
    for name in KEYS:
        p = np.concatenate([copy[name]["p"].dropna().to_numpy(float) for copy in copies] or [np.empty(0)])
        shares[name] = {"tests": len(p), "share": float((p <= ALPHA).mean()) if len(p) else None}
    return shares


def _values(copies: Sequence[Tables], name: str, column: str, tests: pd.MultiIndex) -> np.ndarray:
    """(copies, rows) of a column; NaN where a copy has no such row."""
    values = [copy[name].set_index(KEYS[name])[column].reindex(tests).to_numpy(float) for copy in copies]
    return np.array(values).reshape(len(copies), len(tests))


def _add_p_and_q(table: pd.DataFrame, value: np.ndarray, controls: np.ndarray, upper: bool) -> None:
    table["untrained_p"] = single_case_p(value, controls, upper)
    table["untrained_q"] = false_discovery(table["untrained_p"].to_numpy(float))


def _mean(values: np.ndarray) -> np.ndarray:
    count = (~np.isnan(values)).sum(0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _deviation(values: np.ndarray) -> np.ndarray:
    count = (~np.isnan(values)).sum(0)
    square = np.nansum((values - _mean(values)) ** 2, axis=0) / np.maximum(count - 1, 1)
    return np.where(count > 1, np.sqrt(square), np.nan)
