"""What a run of the branches suite records: colour, frequency and orientation of the first layer's units, by branch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wbsite.analyses.branches._branch_runs import BranchRun
from wbsite.models.networks.divided import Divided
from wbsite.ops.expanded.unit_properties import Filters
from wbsite.ops.tuning.orientation import orientation
from wbsite.train.experiments import branches as laboratory
from wbsite.train.measure_branches import LEVELS, BranchMeasures, describe
from wbsite.train.runs import Run

SHAPE = (3, 32, 32)


def network(branches: int = 2) -> Divided:
    torch.manual_seed(0)
    return Divided(branches, (8, 12, 16), 2, 5)


def measured(module: Divided, epoch: float = 1.0) -> Run:
    """As a training would record it."""
    measures = BranchMeasures(module, SHAPE)
    history = [{"epoch": epoch, **row} for row in measures.history_rows(module)]
    record = {
        "suite": "branches", "setting": "cifar10-small", "experiment": "two", "seed": 0, "accuracy": 0.5,
        "history": history, "provenance": {}, **measures.record(module),
    }  # fmt: skip
    return Run(record, measures.kept_kernels(module))


def test_every_unit_of_the_first_layer_is_measured_as_the_operations_say() -> None:
    module = network()
    rows = BranchMeasures(module, SHAPE).history_rows(module)
    assert [row["unit"] for row in rows] == list(range(8))
    kernels = module.conv1.weight.detach()
    filters, (oriented, _) = Filters.of(kernels), orientation(kernels)
    expected = {
        "chroma": filters.colour,
        "frequency": filters.frequency,
        "oriented": oriented,
        "strength": filters.strength,
    }
    for name, values in expected.items():
        assert [row[name] for row in rows] == [round(value, 4) for value in values.tolist()]


def test_a_grey_filter_has_no_chroma_and_a_pure_colour_no_grey() -> None:
    module = network()
    with torch.no_grad():
        module.conv1.weight[0] = module.conv1.weight[0, :1].clone()
        module.conv1.weight[1, 0], module.conv1.weight[1, 1], module.conv1.weight[1, 2] = 1.0, -1.0, 0.0
    rows = BranchMeasures(module, SHAPE).history_rows(module)
    assert rows[0]["chroma"] == pytest.approx(0, abs=1e-4)
    assert rows[1]["chroma"] == 1


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_the_record_says_which_layers_and_how_many_branches(branches: int) -> None:
    module = network(branches)
    record = BranchMeasures(module, SHAPE).record(module)
    assert record == {"first": "conv1", "second": "conv2", "branches": branches, "levels": LEVELS}


def test_what_travels_is_the_kernels_and_the_sums_of_what_reads_them() -> None:
    module = network()
    kept = BranchMeasures(module, SHAPE).kept_kernels(module)
    np.testing.assert_array_equal(kept["conv1"], module.conv1.weight.detach().numpy())
    assert kept["conv2"].shape == (12, 4, 1, 1)
    weight = module.conv2.weight.detach()
    slow = [[float(weight[o, i].abs().sum()) for i in range(4)] for o in range(12)]
    np.testing.assert_allclose(kept["conv2"][:, :, 0, 0], slow, rtol=1e-5)


def test_a_run_read_back_has_its_units_in_their_branches() -> None:
    module = network(4)
    run = measured(module)
    units = BranchRun(run).end
    assert units["branch"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    # The branch of a unit is the group that reads it: taking its kernel away changes that group alone.
    with torch.no_grad():
        module.conv1.weight[3] = 0
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0))
    before, after = network(4).eval(), module.eval()
    first, second = (of.conv2(of.pool1(torch.relu(of.norm1(of.conv1(x))))) for of in (before, after))
    changed = (first - second).abs().sum((0, 2, 3)).nonzero().flatten().tolist()
    assert {unit // 3 + 1 for unit in changed} == {units["branch"][3]}


def test_training_says_the_median_chroma_of_every_branch() -> None:
    run = measured(network())
    run.record["history"].append({**run.record["history"][0], "epoch": 0.0, "chroma": 99.0})
    chroma = [row["chroma"] for row in run.record["history"] if row["epoch"] == 1.0]
    medians = np.median(np.reshape(chroma, (2, 4)), axis=1)
    assert describe(run) == f"median chroma by branch {medians[0]:.2f}, {medians[1]:.2f}"


def test_measuring_leaves_the_network_as_it_was() -> None:
    module = network()
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    measured(module)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("trial", laboratory.TRIALS, ids=lambda trial: trial.name)
def test_every_experiment_has_the_branches_that_its_parameters_say(trial: laboratory.Trial) -> None:
    preset = laboratory.PRESETS[0]
    torch.manual_seed(0)
    module = trial.build(preset, 10)
    measures = BranchMeasures(module, SHAPE)
    assert measures.record(module)["branches"] == trial.parameters["branches"]
    assert trial.recipe(preset).colours == trial.parameters["colours"]
    baseline = next(other for other in laboratory.TRIALS if other.name == trial.baseline)
    assert baseline.parameters["branches"] == 1
    assert baseline.parameters["colours"] == trial.parameters["colours"]
