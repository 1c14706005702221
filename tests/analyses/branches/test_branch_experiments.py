"""The tables and values of the branch laboratory: what the article says of branches that part comes from here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wbsite.analyses.branches import branch_experiments
from wbsite.analyses.branches._branch_runs import PROPERTIES, BranchRun, BranchRuns, Course
from wbsite.core.filing.documents import canonical
from wbsite.ops.branches import connectivity_factors
from wbsite.results.branches.branch_experiments import BranchExperiments, Experiment
from wbsite.train.repeated_runs import by_setting
from wbsite.train.runs import Run

SEEDS = range(3)


@pytest.fixture(scope="module")
def runs(branch_run: Callable[..., Run]) -> list[Run]:
    """Three seeds of an undivided network and of divided ones, of which one does not part; not in order."""
    made = {"undivided": (1, 0.0), "two": (2, 2.5), "four": (4, 2.5), "even": (2, 0.0)}
    return [
        branch_run(name, seed, branches, parting)
        for name, (branches, parting) in reversed(made.items())
        for seed in SEEDS
    ]


@pytest.fixture(scope="module")
def found(runs: list[Run], suite_context: Callable[..., branch_experiments.SuiteContext]) -> BranchExperiments:
    return branch_experiments.run(suite_context(runs, draws=1000, splits=100, seed=0))


@pytest.fixture
def result(suite_context: Callable[..., branch_experiments.SuiteContext]) -> Callable[..., BranchExperiments]:
    """Of runs: result(run, …), few draws."""

    def of(*runs: Run) -> BranchExperiments:
        return branch_experiments.run(suite_context(list(runs), draws=50, splits=10, seed=0))

    return of


def only(table: pd.DataFrame, **conditions: object) -> pd.Series:
    """The one row that meets the conditions."""
    for column, value in conditions.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def experiment(found: BranchExperiments, name: str) -> Experiment:
    return found.settings["cifar10-small"].experiments[name]


def eta_squared(run: Run, column: str = "chroma") -> float:
    """By scipy, from the record as it is."""
    last = max(row["epoch"] for row in run.record["history"])
    values = [row[column] for row in run.record["history"] if row["epoch"] == last]
    groups = np.array(values).reshape(run.record["branches"], -1)
    return float(stats.kruskal(*groups).statistic / (groups.size - 1))


def test_every_run_and_unit_has_its_rows(found: BranchExperiments) -> None:
    assert list(found.summary["experiment"].unique()) == ["undivided", "two", "four", "even"]
    assert len(found.runs) == 4 * len(SEEDS) * len(PROPERTIES)
    assert len(found.units) == 4 * len(SEEDS) * 24
    canonical(found.contents().values)


def test_the_share_of_every_run_is_kruskals(found: BranchExperiments, runs: list[Run]) -> None:
    for run in (run for run in runs if run.record["branches"] > 1):
        key = {"experiment": run.record["experiment"], "seed": run.record["seed"]}
        for name in ("chroma", "frequency"):
            assert only(found.runs, **key, property=name)["share"] == pytest.approx(eta_squared(run, name))


def test_experiments_have_intervals_over_seeds_and_are_held_against_random_splits(
    found: BranchExperiments, runs: list[Run]
) -> None:
    row = only(found.summary, experiment="two", property="chroma")
    shares = [eta_squared(run) for run in runs if run.record["experiment"] == "two"]
    interval = stats.ttest_1samp(shares, 0).confidence_interval(0.95)
    assert (row["share"], row["low"], row["high"]) == pytest.approx((np.mean(shares), interval.low, interval.high))
    assert row["split"] == pytest.approx(1 / 23, rel=0.25), "units dealt at random, whatever they look for"
    assert row["split_low"] < row["split"] < row["split_high"] < row["low"]
    assert row["difference"] == pytest.approx(row["share"] - row["split"])
    assert row["difference_low"] > 0
    assert row["expected"] == pytest.approx(1 / 23, rel=0.1)
    assert row["area"] > 0.9
    assert np.isnan(only(found.summary, experiment="four", property="chroma")["area"])


def test_seeds_that_part_are_counted_with_exact_bounds(found: BranchExperiments) -> None:
    table = found.summary
    two, even = (only(table, experiment=name, property="chroma") for name in ("two", "even"))
    assert (two["parting"], two["parting_high"]) == (3, 1)
    assert two["parting_low"] == pytest.approx(0.025 ** (1 / 3))
    assert (even["parting"], even["parting_low"]) == (0, 0)
    parted = found.runs.query("experiment == 'two' and property == 'chroma'")
    assert (parted["p"] <= 0.05).all()
    assert (parted["share"] > parted["limit"]).all()
    assert (parted["beyond_chance"] == 1).all()


def test_frequency_that_parts_only_with_colour_does_not_part_beyond_it(
    branch_run: Callable[..., Run], result: Callable[..., BranchExperiments]
) -> None:
    runs = [branch_run("two", seed, 2, 6.0, 48) for seed in SEEDS]
    for run in runs:
        for row in run.record["history"]:
            row["frequency"] = 0.5 - row["chroma"] / 2 + 1e-3 * np.sin(row["unit"] * 12.9)
    table = result(*runs).summary
    assert only(table, property="frequency")["parting"] == 3
    assert only(table, property="frequency beyond colour")["parting"] < 3


def test_when_branches_part(found: BranchExperiments) -> None:
    two, even = (experiment(found, name).differences["chroma"] for name in ("two", "even"))
    assert two.above_from in (0.5, 1.0)
    assert two.half_epoch is not None
    assert 0 < two.half_epoch < 2
    assert even.above_from is even.half_epoch is None
    course = found.course.query("experiment == 'two' and property == 'chroma'").set_index("epoch")
    assert list(course.index) == [0.0, 0.5, 1.0, 2.0]
    assert course.loc[two.above_from :, "share"].gt(course.loc[two.above_from :, "limit"]).all()
    assert course.loc[0.0, "share"] <= course.loc[0.0, "limit"]
    history = found.history.query("experiment == 'two' and property == 'chroma' and epoch == 2")
    assert course.loc[2.0, "share"] == pytest.approx(history["share"].mean())
    limits = found.runs.query("experiment == 'two' and property == 'chroma'")["limit"]
    assert course.loc[2.0, "limit"] < limits.min(), "a mean over seeds varies less than a single one"


def test_parting_that_comes_and_goes_is_dated_from_where_it_stays(branch_run: Callable[..., Run]) -> None:
    """Above chance at 0.5, not at 1, above at the end."""
    runs = [branch_run("two", seed, 2, 6.0) for seed in SEEDS]
    for run in runs:
        moments = {0.0: 0.0, 0.5: 1.0, 1.0: 0.0, 2.0: 1.0}
        for row in run.record["history"]:
            chance = (row["unit"] * 7 % 24) / 24
            row["chroma"] = 0.9 * moments[row["epoch"]] * (row["unit"] >= 12) + 0.1 * chance
    course = BranchRuns.of(by_setting(runs)["cifar10-small"]["two"]).courses(200, 0)["chroma"]
    assert (course.shares.mean(0) > course.limits).tolist() == [False, True, False, True]
    assert course.above_from == 2.0


def test_half_of_the_parting_is_half_of_what_is_above_chance() -> None:
    """Four branches of twelve units begin with what chance gives."""
    shares = np.array([[0.06, 0.07, 0.09, 0.16]])
    chance = np.full(4, 0.06)
    course = Course([0.0, 1.0, 2.0, 3.0], shares, chance, chance + 0.02, ())
    assert course.half_epoch == pytest.approx(2 + 2 / 7, abs=1e-3)
    assert course.above_from == 2.0


def test_dead_units_are_left_out(branch_run: Callable[..., Run], result: Callable[..., BranchExperiments]) -> None:
    run = branch_run("two", 0, 2)
    for row in run.record["history"]:
        row["strength"] = 0.01 if row["unit"] < 3 else 1.0
    found = result(run)
    row = only(found.runs, property="chroma")
    assert (row["units"], row["dead"]) == (21, 3)
    units = BranchRun(run).end
    groups = [units["chroma"][units["branch"] == branch].dropna() for branch in (1, 2)]
    assert list(map(len, groups)) == [9, 12]
    assert row["share"] == pytest.approx(stats.kruskal(*groups).statistic / 20)
    assert found.branches["dead"].tolist() == [3, 0]


def test_what_prose_says_is_by_setting_experiment_and_property(found: BranchExperiments) -> None:
    assert list(found.settings) == ["cifar10-small"]
    assert found.properties == ["chroma", "frequency", "frequency beyond colour"]
    facts = found.settings["cifar10-small"].facts
    assert (facts.runs, facts.epochs) == (12, [2])
    two = experiment(found, "two")
    assert (two.branches, two.seed_list) == (2, [0, 1, 2])
    assert two.differences["chroma"].beyond_chance == 3
    assert two.differences["chroma"].difference.excludes_zero is True
    assert np.shape(two.chroma_medians) == (3, 2)
    assert all(first is not None and second is not None and first < second for first, second in two.chroma_medians)
    assert all(first < second for first, second in two.colour_units)
    assert two.factor == {}
    assert experiment(found, "undivided").differences == {}, "an undivided network has no branches that differ"


def test_accuracy_is_held_against_the_undivided_network(found: BranchExperiments, runs: list[Run]) -> None:
    of = {name: [r.record for r in runs if r.record["experiment"] == name] for name in ("two", "undivided")}
    two, base = ([record["accuracy"] for record in records] for records in of.values())
    tested = stats.ttest_ind(two, base, equal_var=False)
    difference = experiment(found, "two").accuracy_difference
    assert difference.mean == pytest.approx(np.mean(two) - np.mean(base))
    assert difference.excludes_zero == (tested.pvalue < 0.05)
    assert experiment(found, "undivided").accuracy_difference.mean is None


def test_the_structure_before_the_branches_is_that_of_the_undivided_runs(
    found: BranchExperiments, runs: list[Run]
) -> None:
    table = found.factors
    assert set(table["experiment"]) == {"undivided"}
    run = next(run for run in runs if run.name.endswith("undivided-seed1"))
    factors = connectivity_factors(run.kernels["conv2"])
    rho = abs(stats.spearmanr(factors.inputs[:, 0], BranchRun(run).end["chroma"])[0])
    row = only(table, seed=1, property="chroma")
    assert row["rho"] == pytest.approx(rho)
    assert row["inertia"] == pytest.approx(factors.shares[0])
    factor = experiment(found, "undivided").factor["chroma"]
    assert factor.rho.mean == pytest.approx(table[table["property"] == "chroma"]["rho"].mean())
    assert factor.seeds == 3
    assert factor.certain <= 3


def test_kernels_are_kept_as_pictures_with_zero_at_mid_grey(
    branch_run: Callable[..., Run], result: Callable[..., BranchExperiments]
) -> None:
    run = branch_run("two", 0, 2)
    run.kernels["conv1"][:] = 0
    run.kernels["conv1"][0, 0, 1, 2] = 3
    run.kernels["conv1"][1, 2, 0, 0] = -2
    picture = result(run).kernels["cifar10-small/two/0"]
    assert picture.shape == (24, 7, 7, 3)
    assert picture[0, 1, 2].tolist() == [255, 128, 128]
    assert picture[1, 0, 0].tolist() == [128, 128, 0]
    assert (picture[2] == 128).all()


def test_one_seed_or_no_baseline_leaves_intervals_open(
    branch_run: Callable[..., Run], result: Callable[..., BranchExperiments]
) -> None:
    found = result(branch_run("two", 0, 2))
    canonical(found.contents().values)
    row = only(found.summary, property="chroma")
    assert np.isfinite([row["share"], row["expected"], row["parting"]]).all()
    assert np.isnan([row["low"], row["split"], row["split_low"], row["difference"], row["accuracy_difference"]]).all()
    chroma = experiment(found, "two").differences["chroma"]
    numbers = {chroma.share.low, chroma.share.high, chroma.split.mean, chroma.difference.mean}
    assert {*numbers, chroma.difference.excludes_zero} == {None}
    both = result(branch_run("two", 0, 2), branch_run("undivided", 0))
    row = only(both.summary, experiment="two", property="chroma")
    assert np.isfinite([row["split"], row["split_low"], row["difference"]]).all()
    assert np.isnan(row["difference_low"])
    assert experiment(both, "undivided").factor["chroma"].rho.low is None
