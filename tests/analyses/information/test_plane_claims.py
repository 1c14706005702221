"""Intervals that claims are decided by, on made-up trainings whose numbers are known."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from claimed import FALLS, TOKENS, claimed_study


@pytest.fixture(scope="module")
def claims() -> Any:
    return claimed_study()["plane_claims"]


def rows_of(claims: Any, quantity: str, configuration: str, token: str = TOKENS[0]) -> pd.DataFrame:
    """Rows by layer."""
    rows = claims.rows
    chosen = (rows["quantity"] == quantity) & (rows["configuration"] == configuration) & (rows["estimator"] == token)
    return rows[chosen].set_index("layer")


def test_numbers_are_those_that_were_built_in(claims: Any) -> None:
    fall = rows_of(claims, "compression", "tanh-0.8")
    assert fall["mean"].to_list() == pytest.approx([0, 1, 1, 0], abs=0.05)
    assert (fall["low"] < fall["mean"]).all()
    assert (fall["mean"] < fall["high"]).all()
    assert rows_of(claims, "compression", "tanh-0.8", TOKENS[1])["mean"].abs().max() < 0.05
    assert rows_of(claims, "ty", "relu-0.8").loc["mean", "mean"] == pytest.approx(0.3, abs=0.01)
    assert rows_of(claims, "loss", "relu-0.4", "").loc["", "mean"] == pytest.approx(0.1, abs=0.005)
    assert rows_of(claims, "gap", "tanh-none", "").loc["", "mean"] == pytest.approx(0.04, abs=1e-6)


def test_a_constrained_network_is_compared_with_the_unconstrained_one(claims: Any) -> None:
    rows = claims.rows.set_index("quantity")
    pairs = {("relu-0.8", "relu-none"), ("relu-0.4", "relu-none"), ("tanh-0.8", "tanh-none")}
    for quantity in ("ty", "loss"):
        assert set(rows.loc[quantity, ["configuration", "against"]].itertuples(index=False, name=None)) == pairs
    assert set(rows.loc["compression", "against"]) == {""}


def test_every_configuration_layer_and_estimator_has_an_interval(claims: Any) -> None:
    assert (claims.rows["quantity"] == "compression").sum() == len(FALLS) * len(TOKENS) * 4
    assert (claims.rows["quantity"] == "gap").sum() == len(FALLS)
    assert len(claims.links) == len(FALLS) * len(TOKENS)
    assert claims.links["rho"].notna().all()


def test_dead_runs_count_nowhere_and_pairs_need_both() -> None:
    claims = claimed_study(dead=(("relu-0.4", 0), ("relu-0.4", 3), ("relu-none", 1)))["plane_claims"]
    assert set(rows_of(claims, "compression", "relu-0.4")["seeds"]) == {6}
    assert set(rows_of(claims, "compression", "relu-none")["seeds"]) == {7}
    loss = rows_of(claims, "loss", "relu-0.4", "").loc[""]
    assert loss["seeds"] == 5
    assert loss["mean"] == pytest.approx(0.1, abs=0.005)
    lower = rows_of(claims, "ty", "relu-0.8").loc["mean"]
    assert lower["seeds"] == 7
    assert lower["high"] < 1


def test_one_seed_has_no_interval_and_no_rank() -> None:
    claims = claimed_study(seeds=1)["plane_claims"]
    assert claims.rows[["low", "high"]].isna().all(axis=None)
    assert claims.links["rho"].isna().all()
    assert np.isnan(rows_of(claims, "compression", "tanh-none")["mean"]).all(), "there are no other runs"


def test_where_all_runs_died_there_is_nothing_to_average() -> None:
    names = ("tanh-none", "tanh-0.8", "relu-none", "relu-0.8", "relu-0.4")
    claims: Any = claimed_study(seeds=2, dead=tuple(product(names, range(2))))["plane_claims"]
    assert set(claims.rows["seeds"]) == {0}
    assert claims.rows["mean"].isna().all()
