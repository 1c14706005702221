"""Kernels of all experiments by shape: the explorer's rows, columns and heads must belong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from wbsite.analyses.banding import clusters
from wbsite.ops.banding.index import banding_index
from wbsite.ops.nmf import one_sided_nmf
from wbsite.results.banding.clusters import Clusters
from wbsite.train.runs import Run

Context = Callable[..., clusters.SuiteContext]
EXPERIMENTS = {"baseline": (1.0, 1.0), "rotated": (-1.0, -1.0), "x_pool": (0.05, 1.0), "kernel_3": (1.0, 1.0)}


@pytest.fixture(scope="module")
def runs(made_run: Callable[..., Run]) -> list[Run]:
    return [
        made_run(name, seed, last + seed / 50, before + seed / 50, 3 if name == "kernel_3" else 5, order=order)
        for order, (name, (last, before)) in enumerate(EXPERIMENTS.items())
        for seed in (0, 1)
    ]


@pytest.fixture(scope="module")
def result(runs: list[Run], suite_context: Context) -> Clusters:
    return clusters.run(suite_context(runs, restarts=2))


def test_columns_go_from_horizontal_to_vertical(result: Clusters) -> None:
    table = result.clusters
    assert sorted(table["k"].unique()) == list(range(4, 20))
    for k, rows in table.groupby("k"):
        assert rows["cluster"].tolist() == list(range(k))
        assert rows["index"].is_monotonic_decreasing
        assert rows["index"].iloc[0] > 0.3 > -0.3 > rows["index"].iloc[-1]
        np.testing.assert_allclose(rows["row_share"] - rows["column_share"], rows["index"])
        assert (rows["row_share"] + rows["column_share"] <= 1).all()
        assert rows["units"].sum() == 3 * 2 * 2 * 12
        assert rows["stability"].nunique() == 1
    stability = result.stability
    assert (stability["lowest_stability"] <= stability["stability"]).all()
    assert stability["inertia"].is_monotonic_decreasing


def test_the_shares_of_a_row_sum_to_one_and_its_units_are_its_experiments(result: Clusters) -> None:
    members = result.members
    rows = members.groupby(["k", "experiment", "place"])
    assert rows["units"].sum().eq(24).all()
    np.testing.assert_allclose(rows["share"].sum(), 1)
    columns = members.groupby(["k", "cluster"])["units"].sum().reset_index()
    pd.testing.assert_frame_equal(columns, result.clusters[["k", "cluster", "units"]])
    first = members.query("cluster == 0 and k == 4").set_index(["experiment", "place"])["share"]
    last = members.query("cluster == 3 and k == 4").set_index(["experiment", "place"])["share"]
    assert first["rotated", "last"] == 0 == last["baseline", "last"]
    assert last["rotated", "last"] > 0.3


def test_the_picture_over_a_column_is_of_one_of_its_own_units(result: Clusters, runs: list[Run]) -> None:
    of = {(run.record["experiment"], run.record["seed"]): run for run in runs}
    for k in (4, 19):
        pictures = result.pictures[f"cifar10-small/{k}"]
        assert pictures.shape == (k, 5, 5, 3)
        assert pictures.dtype == np.uint8
        for row in result.clusters.query(f"k == {k}").itertuples():
            run = of[row.medoid_experiment, row.medoid_seed]
            kernel = run.kernels[run.record[row.medoid_place]][row.medoid_unit]
            expected = one_sided_nmf(kernel[None], 3).spatial[0].numpy()
            np.testing.assert_allclose(pictures[row.cluster] / 255, expected, atol=0.003)
            assert np.sign(banding_index(kernel[None], resamples=1).index) == np.sign(row.index) or abs(row.index) < 0.1


def test_kernels_of_another_size_are_left_out_and_named(result: Clusters) -> None:
    others = result.other_sizes
    assert set(others["experiment"]) == {"kernel_3"}
    assert set(others["kernel"]) == {"3×3"}
    assert others["units"].sum() == 48
    setting = result.settings["cifar10-small"]
    assert setting.other_sizes == ["kernel_3"]
    assert setting.kernel == (5, 5)
    assert setting.units == 144
    assert "kernel_3" not in set(result.members["experiment"])


def test_few_units_give_fewer_clusters_and_a_dead_unit_belongs_to_none(
    made_run: Callable[..., Run], suite_context: Context
) -> None:
    run = made_run("baseline", 0, 1.0)
    last = run.kernels["5b"][:4].copy()
    last[0] = 0
    few = Run(run.record, {"5a": run.kernels["5a"][:3], "5b": last})
    result = clusters.run(suite_context([few], restarts=2))
    setting = result.settings["cifar10-small"]
    assert setting.numbers == [4, 5, 6]
    assert (setting.units, setting.without_shape) == (7, 1)
    assert set(result.members.query("place == 'last'").groupby("k")["units"].sum()) == {3}
    assert list(result.other_sizes.columns) == list(Clusters.fields["other_sizes"].columns)
