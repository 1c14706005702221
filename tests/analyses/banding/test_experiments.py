"""The tables and values of the laboratory: what the article says of every experiment comes from here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wbsite.analyses.banding import experiments
from wbsite.results.banding.experiments import Experiments, Head
from wbsite.results.estimate import Estimate
from wbsite.train.runs import Run

BASELINE = (0.30, 0.34, 0.35)
OTHERS = {
    "again": (0.29, 0.36, 0.33),
    "turned": (-0.28, -0.31, -0.25),
    "faded": (0.05, -0.03, 0.01),
    "weaker": (0.20, 0.22, 0.19),
    "scattered": (0.60, -0.55, 0.10),
}

DOCUMENTED = {
    "runs": "setting experiment title group order seed accuracy place layer units "
    "row_share column_share index low high",
    "summary": "setting experiment title group order place layer seeds index low high row_share column_share accuracy "
    "accuracy_low accuracy_high difference difference_low difference_high",
    "history": "setting experiment seed epoch layer row_share column_share index",
    "curve": "setting experiment seed epoch loss accuracy",
    "depth": "setting experiment layer depth seeds index low high",
    "heads": "setting experiment seed row_share column_share index low high positions",
}


@pytest.fixture(scope="module")
def runs(made_run: Callable[..., Run]) -> list[Run]:
    """Three seeds of a baseline and of what it is compared with; not in order."""
    groups = {"baseline": BASELINE, **OTHERS}
    return [
        made_run(name, seed, h, before=0.4, order=order, accuracy=0.6 + 0.01 * seed)
        for order, (name, indices) in reversed(list(enumerate(groups.items())))
        for seed, h in enumerate(indices)
    ]


@pytest.fixture(scope="module")
def result(runs: list[Run], suite_context: Callable[..., experiments.SuiteContext]) -> Experiments:
    return experiments.run(suite_context(runs))


def only(table: pd.DataFrame, **conditions: object) -> pd.Series:
    """The one row that meets the conditions."""
    for column, value in conditions.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_the_tables_have_the_columns_that_figures_and_exports_rely_on(result: Experiments) -> None:
    assert {name: " ".join(getattr(result, name).columns) for name in DOCUMENTED} == DOCUMENTED
    assert len(result.runs) == 2 * 18
    assert list(result.summary["experiment"].unique()) == ["baseline", *OTHERS], "in the suite's order"


@pytest.mark.parametrize("name", OTHERS)
def test_differences_from_the_baseline_are_those_of_scipy(result: Experiments, name: str) -> None:
    row = only(result.summary, experiment=name, place="last")
    tested = stats.ttest_ind(OTHERS[name], BASELINE, equal_var=False)
    interval = tested.confidence_interval(0.95)
    assert row["difference"] == pytest.approx(np.mean(OTHERS[name]) - np.mean(BASELINE))
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((interval.low, interval.high))
    assert result.first.experiments[name].last.difference.excludes_zero == (tested.pvalue < 0.05)
    alone = stats.ttest_1samp(OTHERS[name], 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((alone.low, alone.high))


def test_values_are_found_under_setting_experiment_and_place(result: Experiments) -> None:
    setting = result.settings["cifar10-small"]
    experiments, facts = setting.experiments, setting.facts
    assert experiments["baseline"].last.index.mean == pytest.approx(0.33)
    assert experiments["baseline"].last.layer == "5b"
    assert experiments["baseline"].before.index.mean == pytest.approx(0.4)
    assert experiments["again"].accuracy.mean == pytest.approx(0.61)
    assert experiments["again"].accuracy.low == pytest.approx(0.61 - 4.302653 * 0.01 / 3**0.5)
    assert facts.experiments == ["baseline", *OTHERS]
    assert (facts.runs, facts.seeds_low, facts.seeds_high, facts.seconds) == (18, 3, 3, 1800.0)
    assert (facts.devices, facts.epochs, facts.dataset) == (["cpu"], [3], "cifar10")


def test_sentences_can_be_worded_by_what_is_certain(result: Experiments) -> None:
    layers = {name: result.first.experiments[name].last for name in ("baseline", *OTHERS)}
    excludes = {name: layer.index.excludes_zero for name, layer in layers.items()}
    assert excludes == dict.fromkeys(layers, True) | {"faded": False, "scattered": False}
    assert {name for name, layer in layers.items() if layer.difference.excludes_zero} == {"turned", "faded", "weaker"}
    assert {name for name, layer in layers.items() if layer.lost} == {"turned", "faded"}, "weaker keeps more than half"
    assert {name for name, layer in layers.items() if layer.turned} == {"turned"}
    assert layers["baseline"].difference.excludes_zero is None, "a baseline is not compared with itself"
    assert layers["baseline"].lost is None


def test_one_seed_has_no_interval_and_no_verdict(
    made_run: Callable[..., Run], suite_context: Callable[..., experiments.SuiteContext]
) -> None:
    result = experiments.run(suite_context([made_run("baseline", 0, 0.3), made_run("fc_only", 0, 0.1, order=1)]))
    last = result.first.experiments["fc_only"].last
    assert last.index == Estimate(mean=0.1, low=None, high=None)
    assert last.difference.mean == pytest.approx(-0.2)
    assert {last.difference.low, last.difference.excludes_zero, last.index.excludes_zero} == {None}
    assert {last.lost, last.turned} == {None}
    assert not last.index.positive
    row = only(result.summary, experiment="fc_only", place="last")
    assert np.isnan([row["low"], row["high"], row["difference_low"], row["accuracy_low"]]).all()


def test_an_experiment_is_compared_with_its_own_baseline_where_that_was_run(
    made_run: Callable[..., Run], suite_context: Callable[..., experiments.SuiteContext]
) -> None:
    runs = [made_run("baseline", seed, 0.3 + seed / 100) for seed in (0, 1)]
    for order, (name, h) in enumerate({"vgg19_baseline": 0.7, "vgg19_rotated": -0.5}.items(), 1):
        runs += [made_run(name, seed, h + seed / 100, order=order, baseline="vgg19_baseline") for seed in (0, 1)]
    runs += [made_run("resnet50_rotated", seed, -0.5, order=9, baseline="resnet50_baseline") for seed in (0, 1)]
    result = experiments.run(suite_context(runs)).first.experiments
    assert result["vgg19_rotated"].last.difference.mean == pytest.approx(-1.2)
    assert result["resnet50_rotated"].last.difference.mean is None
    assert result["resnet50_rotated"].last.index.negative


def test_depth_follows_the_network_and_not_the_alphabet(
    made_run: Callable[..., Run], suite_context: Callable[..., experiments.SuiteContext]
) -> None:
    """A record's layers are in the order of their names; its history is in that of execution."""
    names, numbers = ("stem", "block", "5a", "5b"), {"units": 3, "row_share": 0.2, "column_share": 0.1}
    layers = {name: {**numbers, "index": 0.1, "low": 0.0, "high": 0.2} for name in sorted(names)}
    history = [
        {"epoch": e, "layer": n, "row_share": 0.2, "column_share": 0.1, "index": 0.1} for e in (0.0, 1.0) for n in names
    ]
    result = experiments.run(suite_context([made_run("baseline", 0, 0.3, layers=layers, history=history)]))
    depth = result.depth
    assert dict(zip(depth["layer"], depth["depth"], strict=True)) == {"stem": 0, "block": 1, "5a": 2, "5b": 3}
    assert len(result.history) == 8


def test_a_layer_that_does_not_vary_and_other_pictures_do_not_break_the_averages(
    made_run: Callable[..., Run], suite_context: Callable[..., experiments.SuiteContext]
) -> None:
    dead = {"units": 12, "row_share": None, "column_share": None, "index": None, "low": None, "high": None}
    runs = [made_run("baseline", seed, 0.3) for seed in (0, 1, 2)]
    runs[1].record["layers"]["5b"] = dead
    textures = {**runs[0].record["provenance"], "dataset": "textures", "dataset SHA-256": "cd" * 32}
    runs += [made_run("textures", 0, 0.0, order=1, provenance=textures, setting="cifar10-small")]
    head = {"row_share": 0.4, "column_share": 0.1, "index": 0.3, "low": 0.2, "high": 0.4, "positions": 64}
    runs += [made_run("fc_only", seed, 0.1, order=2, head=head) for seed in (0, 1)]
    runs += [made_run("baseline", 0, 0.5, setting="tiny-wide")]
    result = experiments.run(suite_context(runs))
    setting = result.settings["cifar10-small"]
    assert setting.experiments["baseline"].last.index.mean == pytest.approx(0.3)
    assert setting.facts.dataset == "cifar10"
    assert setting.experiments["textures"].dataset == "textures"
    index = Estimate(mean=0.3, low=0.3, high=0.3)
    assert setting.experiments["fc_only"].head == Head(
        row_share=0.4, column_share=0.1, index=index, positions=64, seeds=2
    )
    assert setting.experiments["baseline"].head is None
    assert len(result.heads) == 2
    assert list(result.settings) == ["cifar10-small", "tiny-wide"]
    assert np.isnan(only(result.runs, setting="cifar10-small", experiment="baseline", seed=1, place="last")["index"])
