"""Compression of layers: of runs that lived, from the largest I(X;T) to the last."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from wbsite import datasets
from wbsite.analyses.base import StudyContext
from wbsite.analyses.information.information_plane import compression, ends, run
from wbsite.analyses.information.trajectories import run as train
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Store
from wbsite.ops.information import Binning, mutual_information
from wbsite.ops.information.activations import ACTIVATIONS
from wbsite.results.information.trajectories import Trajectories
from wbsite.train.study.replay import Replay
from wbsite.train.study.study_file import read


def course(seed: int, i_xt: list[float], configuration: str = "tanh") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "configuration": configuration, "seed": seed, "estimator": "binning:1", "layer": "layer 1",
            "epoch": range(len(i_xt)), "i_xt": i_xt, "i_ty": [x / 10 for x in i_xt],
        }
    )  # fmt: skip


def test_compression_is_the_largest_information_minus_the_last() -> None:
    rows = pd.concat([course(0, [3, 5, 4, 2]), course(1, [1, 2, 3, 4]), course(2, [9, 1, 0, 0])])
    final = ends(rows, {("tanh", 0), ("tanh", 1)})
    assert final["seed"].tolist() == [0, 1], "the third run died"
    assert final["compression"].tolist() == [3, 0]
    assert final["peak_epoch"].tolist() == [1, 3]
    [row] = compression(final).to_dict("records")
    assert (row["seeds"], row["mean"], row["final_xt"], row["peak_epoch"]) == (2, 1.5, 3, 2)
    assert row["final_ty"] == pytest.approx(0.3)
    assert row["deviation"] == pytest.approx(3 / math.sqrt(2))
    assert row["high"] - row["mean"] == pytest.approx(12.7062 * 3 / 2, rel=1e-4)  # Student's t, one degree of freedom


def test_one_seed_has_no_interval_and_none_no_row() -> None:
    one = compression(ends(course(0, [2, 1]), {("tanh", 0)}))
    assert one["mean"].tolist() == [1]
    assert one[["deviation", "low", "high"]].isna().all(axis=None)
    assert compression(ends(course(0, [2, 1]), set())).empty


@pytest.fixture(scope="module")
def trained(study_file: Path) -> tuple[StudyContext, Store]:
    """The brief study, trained."""
    study, samples, store = read(study_file), datasets.samples("harmonics", Progress()), Store("memory://plane")
    context = StudyContext(study, samples, torch.device("cpu"), {}, {})
    entry = store.put("trajectories", train(context).contents(), {})
    return StudyContext(study, samples, torch.device("cpu"), {}, {"trajectories": entry}), store


def test_what_is_measured_is_the_network_that_was_trained(trained: tuple[StudyContext, Store]) -> None:
    context, _ = trained
    result = run(context)
    replay = Replay(context.study, context.samples, context.need(Trajectories).parameters, context.device)
    assert len(replay.indices) == 512
    rows = result.rows
    row = replay.parameters("relu", 2)[-1]
    shape = replay.configurations["relu"].architecture(12, 2)
    views = {name: view[0, 0] for name, view in shape.views(row[None, None]).items()}
    first = ACTIVATIONS["relu"](torch.from_numpy(replay.inputs) @ views["0.weight"].T + views["0.bias"].T)
    expected = mutual_information(first, replay.labels, Binning(0.07))
    [found] = rows[
        (rows["configuration"] == "relu") & (rows["seed"] == 2) & (rows["layer"] == "layer 1")
        & (rows["epoch"] == context.study.epochs) & (rows["estimator"] == "binning:0.07")
    ].to_dict("records")  # fmt: skip
    assert (found["i_xt"], found["i_ty"]) == pytest.approx(expected, abs=0.05)  # a value on a bin's edge may cross it


def test_bounds_from_all_pairs_take_fewer_records_and_say_so(trained: tuple[StudyContext, Store]) -> None:
    context, _ = trained
    result = run(context)
    records = {estimator.token: estimator.records for estimator in result.estimators}
    assert records["binning:0.07"] == 5
    assert records["kde-upper:0.1"] == 2
    rows = result.rows
    assert sorted(rows.loc[rows["estimator"] == "kde-upper:0.1", "epoch"].unique()) == [0, 8]
    assert result.cap == 9


def test_a_run_with_infinite_parameters_is_measured_until_then(trained: tuple[StudyContext, Store]) -> None:
    context, store = trained
    entry = context.needs["trajectories"]
    arrays = {name: np.array(array) for name, array in entry.arrays.items()}
    arrays["parameters/tanh"][1, 3:] = np.nan
    runs = entry.table("runs")
    runs.loc[(runs["configuration"] == "tanh") & (runs["seed"] == 1), "died"] = 4.0
    tables = {name: entry.table(name) for name in ("course", "gradients")}
    broken = store.put("broken", Contents(entry.values, arrays, {**tables, "runs": runs}), {})
    result = run(StudyContext(context.study, context.samples, context.device, {}, {"trajectories": broken}))
    rows = result.rows
    dead = rows[(rows["configuration"] == "tanh") & (rows["seed"] == 1) & (rows["estimator"] == "fixed:30")]
    assert (
        dead.groupby("layer")["i_xt"].apply(lambda found: found.notna().tolist()).tolist()
        == [[True] * 3 + [False] * 2] * 3
    )
    final = result.final
    assert set(final.loc[final["configuration"] == "tanh", "seed"]) == {0, 2}
