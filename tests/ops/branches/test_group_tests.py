"""Tables of tests of branches: numbers of one row at a time, and the comparison that kernel size does not confound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wbsite.ops.branches.group_tests import GroupUnits, category_tests, index_tests
from wbsite.stats.enrichment import enrichment_p_value
from wbsite.stats.roc_auc import roc_auc

MIXED3A = GroupUnits(("1x1", "3x3", "5x5", "pool"), (1, 3, 5, 1), np.repeat([0, 1, 2, 3], [64, 128, 32, 32]))


def rows_of(group: GroupUnits, names: list[str], categories: np.ndarray) -> dict[tuple[str, str], dict]:
    found = category_tests(group, names, categories, 500, 0)
    return {(row["branch"], row["category"]): row for row in found}


def test_the_published_case_is_a_row() -> None:
    categories = np.zeros((256, 2), bool)
    categories[192:201, 0] = True  # 9 units, all in the 5×5 branch
    rows = rows_of(MIXED3A, ["black and white against colour", "none"], categories)
    assert len(rows) == 4, "a category that no unit has is no test"
    row = rows["5x5", "black and white against colour"]
    counted = {"layer_units": 256, "branch_units": 32, "in_layer": 9, "in_branch": 9}
    assert {name: row[name] for name in counted} == counted
    assert row["p"] == pytest.approx(2.4847e-9, rel=1e-4)
    assert row["expected"] == pytest.approx(9 * 32 / 256)
    assert row["permutation_p"] == 1 / 501
    assert math.isnan(row["same_kernel_p"])
    assert row["same_kernel"] == "no other branch has 5×5 kernels"
    assert rows["1x1", "black and white against colour"]["p"] == 1


def test_branches_of_one_kernel_size_are_compared_with_each_other_alone() -> None:
    rng = np.random.default_rng(0)
    category = rng.random(256) < 0.3
    row = rows_of(MIXED3A, ["a"], category[:, None])["pool", "a"]
    alike = np.isin(MIXED3A.branch, [0, 3])
    k, total = int(category[224:].sum()), int(category[alike].sum())
    assert row["same_kernel"] == "1x1"
    assert row["same_kernel_p"] == pytest.approx(enrichment_p_value(k, total, 32, 96))
    values = rng.normal(size=(256, 1))
    by_index = {r["branch"]: r for r in index_tests(MIXED3A, ["i"], values)}
    expected = roc_auc(values[224:, 0], values[:64, 0])
    assert (by_index["pool"]["same_kernel_auc"], by_index["pool"]["same_kernel_p"]) == (expected.auc, expected.p)
    assert math.isnan(by_index["5x5"]["same_kernel_p"])


def test_units_without_a_value_are_left_out_of_an_index() -> None:
    values = np.full((256, 2), np.nan)
    values[60:70, 0] = np.arange(10)
    rows = index_tests(MIXED3A, ["some", "none"], values)
    assert {row["index"] for row in rows} == {"some"}
    first = rows[0]
    assert (first["units_in"], first["units_out"], first["median_in"], first["auc"]) == (4, 6, 1.5, 0.0)
    assert math.isnan(rows[3]["auc"])
    assert math.isnan(rows[3]["median_in"])


def test_a_branch_whose_units_were_all_left_out_is_no_crash() -> None:
    group = GroupUnits(("a", "b", "c"), (3, 3, 3), np.array([0, 0, 2, 2, 2]))
    rows = category_tests(group, ["x"], np.array([[1], [1], [0], [0], [0]], bool), 200, 0)
    assert [(row["branch_units"], row["in_branch"]) for row in rows] == [(2, 2), (0, 0), (3, 0)]
    assert rows[1]["p"] == 1
    assert math.isnan(rows[1]["odds_ratio"])
    assert rows[0]["p"] == pytest.approx(0.1)


def test_many_branches_alike_are_counted_not_named() -> None:
    group = GroupUnits(tuple(map(str, range(8))), (3,) * 8, np.repeat(np.arange(8), 4))
    assert group.peers_text(0) == "7 others with 3×3 kernels"
    assert group.peers(0).all()
