"""The tables and values of the branch laboratory: what the article says of branches that part comes from here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wbsite.analyses.branches import branch_experiments
from wbsite.analyses.branches._branch_runs import PROPERTIES, Branched, Course, Trained
from wbsite.core.store import Contents, canonical
from wbsite.ops.branches import connectivity_factors
from wbsite.train.repeated_runs import by_setting
from wbsite.train.runs import Run

DOCUMENTED = {
    "summary": "setting experiment title group order branches property seeds share low high area expected limit "
    "parting parting_low parting_high split split_low split_high half_epoch above_from accuracy accuracy_low "
    "accuracy_high difference difference_low difference_high accuracy_difference accuracy_difference_low "
    "accuracy_difference_high",
    "runs": "setting experiment title group order branches seed accuracy units dead colour_units property share "
    "expected limit p beyond_chance area",
    "branches": "setting experiment seed branch units dead chroma frequency colour_units",
    "history": "setting experiment seed property epoch share",
    "course": "setting experiment property epoch seeds share low high expected limit",
    "factors": "setting experiment seed property rho p units inertia",
    "units": "setting experiment seed unit branch chroma frequency oriented strength dead",
}
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
def found(runs: list[Run], suite_context: Callable[..., branch_experiments.SuiteContext]) -> Contents:
    return branch_experiments.run(suite_context(runs, draws=1000, splits=100, seed=0))


@pytest.fixture
def result(suite_context: Callable[..., branch_experiments.SuiteContext]) -> Callable[..., Contents]:
    """Of runs: result(run, …), few draws."""

    def of(*runs: Run) -> Contents:
        return branch_experiments.run(suite_context(list(runs), draws=50, splits=10, seed=0))

    return of


def only(table: pd.DataFrame, **conditions: object) -> pd.Series:
    """The one row that meets the conditions."""
    for column, value in conditions.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def eta_squared(run: Run, column: str = "chroma") -> float:
    """By scipy, from the record as it is."""
    last = max(row["epoch"] for row in run.record["history"])
    values = [row[column] for row in run.record["history"] if row["epoch"] == last]
    groups = np.array(values).reshape(run.record["branches"], -1)
    return float(stats.kruskal(*groups).statistic / (groups.size - 1))


def test_the_tables_have_the_columns_that_figures_and_exports_rely_on(found: Contents) -> None:
    assert {name: " ".join(table.columns) for name, table in found.tables.items()} == DOCUMENTED
    assert list(found.tables["summary"]["experiment"].unique()) == ["undivided", "two", "four", "even"]
    assert len(found.tables["runs"]) == 4 * len(SEEDS) * len(PROPERTIES)
    assert len(found.tables["units"]) == 4 * len(SEEDS) * 24
    canonical(dict(found.values))


def test_the_share_of_every_run_is_kruskals(found: Contents, runs: list[Run]) -> None:
    for run in (run for run in runs if run.record["branches"] > 1):
        key = {"experiment": run.record["experiment"], "seed": run.record["seed"]}
        for name in ("chroma", "frequency"):
            assert only(found.tables["runs"], **key, property=name)["share"] == pytest.approx(eta_squared(run, name))


def test_experiments_have_intervals_over_seeds_and_are_held_against_random_splits(
    found: Contents, runs: list[Run]
) -> None:
    row = only(found.tables["summary"], experiment="two", property="chroma")
    shares = [eta_squared(run) for run in runs if run.record["experiment"] == "two"]
    interval = stats.ttest_1samp(shares, 0).confidence_interval(0.95)
    assert (row["share"], row["low"], row["high"]) == pytest.approx((np.mean(shares), interval.low, interval.high))
    assert row["split"] == pytest.approx(1 / 23, rel=0.25), "units dealt at random, whatever they look for"
    assert row["split_low"] < row["split"] < row["split_high"] < row["low"]
    assert row["difference"] == pytest.approx(row["share"] - row["split"])
    assert row["difference_low"] > 0
    assert row["expected"] == pytest.approx(1 / 23, rel=0.1)
    assert row["area"] > 0.9
    assert np.isnan(only(found.tables["summary"], experiment="four", property="chroma")["area"])


def test_seeds_that_part_are_counted_with_exact_bounds(found: Contents) -> None:
    table = found.tables["summary"]
    two, even = (only(table, experiment=name, property="chroma") for name in ("two", "even"))
    assert (two["parting"], two["parting_high"]) == (3, 1)
    assert two["parting_low"] == pytest.approx(0.025 ** (1 / 3))
    assert (even["parting"], even["parting_low"]) == (0, 0)
    parted = found.tables["runs"].query("experiment == 'two' and property == 'chroma'")
    assert (parted["p"] <= 0.05).all()
    assert (parted["share"] > parted["limit"]).all()
    assert (parted["beyond_chance"] == 1).all()


def test_frequency_that_parts_only_with_colour_does_not_part_beyond_it(
    branch_run: Callable[..., Run], result: Callable[..., Contents]
) -> None:
    runs = [branch_run("two", seed, 2, 6.0, 48) for seed in SEEDS]
    for run in runs:
        for row in run.record["history"]:
            row["frequency"] = 0.5 - row["chroma"] / 2 + 1e-3 * np.sin(row["unit"] * 12.9)
    table = result(*runs).tables["summary"]
    assert only(table, property="frequency")["parting"] == 3
    assert only(table, property="frequency beyond colour")["parting"] < 3


def test_when_branches_part(found: Contents) -> None:
    values = found.values["cifar10-small"]
    two = values["two"]["chroma"]
    assert two["above_from"] in (0.5, 1.0)
    assert 0 < two["half_epoch"] < 2
    assert values["even"]["chroma"]["above_from"] is values["even"]["chroma"]["half_epoch"] is None
    course = found.tables["course"].query("experiment == 'two' and property == 'chroma'").set_index("epoch")
    assert list(course.index) == [0.0, 0.5, 1.0, 2.0]
    assert course.loc[two["above_from"] :, "share"].gt(course.loc[two["above_from"] :, "limit"]).all()
    assert course.loc[0.0, "share"] <= course.loc[0.0, "limit"]
    history = found.tables["history"].query("experiment == 'two' and property == 'chroma' and epoch == 2")
    assert course.loc[2.0, "share"] == pytest.approx(history["share"].mean())
    limits = found.tables["runs"].query("experiment == 'two' and property == 'chroma'")["limit"]
    assert course.loc[2.0, "limit"] < limits.min(), "a mean over seeds varies less than a single one"


def test_parting_that_comes_and_goes_is_dated_from_where_it_stays(branch_run: Callable[..., Run]) -> None:
    """Above chance at 0.5, not at 1, above at the end."""
    runs = [branch_run("two", seed, 2, 6.0) for seed in SEEDS]
    for run in runs:
        moments = {0.0: 0.0, 0.5: 1.0, 1.0: 0.0, 2.0: 1.0}
        for row in run.record["history"]:
            chance = (row["unit"] * 7 % 24) / 24
            row["chroma"] = 0.9 * moments[row["epoch"]] * (row["unit"] >= 12) + 0.1 * chance
    course = Trained.of(by_setting(runs)["cifar10-small"]["two"]).courses(200, 0)["chroma"]
    assert (course.shares.mean(0) > course.limits).tolist() == [False, True, False, True]
    assert course.above_from == 2.0


def test_half_of_the_parting_is_half_of_what_is_above_chance() -> None:
    """Four branches of twelve units begin with what chance gives."""
    shares = np.array([[0.06, 0.07, 0.09, 0.16]])
    chance = np.full(4, 0.06)
    course = Course([0.0, 1.0, 2.0, 3.0], shares, chance, chance + 0.02, ())
    assert course.half_epoch == pytest.approx(2 + 2 / 7, abs=1e-3)
    assert course.above_from == 2.0


def test_dead_units_are_left_out(branch_run: Callable[..., Run], result: Callable[..., Contents]) -> None:
    run = branch_run("two", 0, 2)
    for row in run.record["history"]:
        row["strength"] = 0.01 if row["unit"] < 3 else 1.0
    found = result(run)
    row = only(found.tables["runs"], property="chroma")
    assert (row["units"], row["dead"]) == (21, 3)
    units = Branched(run).end
    groups = [units["chroma"][units["branch"] == branch].dropna() for branch in (1, 2)]
    assert list(map(len, groups)) == [9, 12]
    assert row["share"] == pytest.approx(stats.kruskal(*groups).statistic / 20)
    assert found.tables["branches"]["dead"].tolist() == [3, 0]


def test_values_for_prose_lie_under_setting_experiment_and_property(found: Contents) -> None:
    setting = found.values["cifar10-small"]
    assert found.values["settings"] == ["cifar10-small"]
    assert found.values["properties"] == ["chroma", "frequency", "frequency beyond colour"]
    assert (setting["facts"]["runs"], setting["facts"]["epochs"]) == (12, [2])
    assert setting["two"]["branches"] == 2
    assert setting["two"]["chroma"]["parting"] == 3
    assert setting["two"]["chroma"]["differs"] is True
    assert setting["two"]["seed_list"] == [0, 1, 2]
    medians = setting["two"]["chroma_medians"]
    assert np.shape(medians) == (3, 2)
    assert all(first < second for first, second in medians)
    assert all(first < second for first, second in setting["two"]["colour_units"])
    assert setting["two"]["factor"] is None
    assert "chroma" not in setting["undivided"], "an undivided network has nothing that parts"


def test_accuracy_is_held_against_the_undivided_network(found: Contents, runs: list[Run]) -> None:
    of = {name: [r.record for r in runs if r.record["experiment"] == name] for name in ("two", "undivided")}
    two, base = ([record["accuracy"] for record in records] for records in of.values())
    tested = stats.ttest_ind(two, base, equal_var=False)
    values = found.values["cifar10-small"]["two"]
    assert values["accuracy_difference"] == pytest.approx(np.mean(two) - np.mean(base))
    assert values["accuracy_differs"] == (tested.pvalue < 0.05)
    assert found.values["cifar10-small"]["undivided"]["accuracy_difference"] is None


def test_the_structure_before_the_branches_is_that_of_the_undivided_runs(found: Contents, runs: list[Run]) -> None:
    table = found.tables["factors"]
    assert set(table["experiment"]) == {"undivided"}
    run = next(run for run in runs if run.name.endswith("undivided-seed1"))
    factors = connectivity_factors(run.kernels["conv2"])
    rho = abs(stats.spearmanr(factors.inputs[:, 0], Branched(run).end["chroma"])[0])
    row = only(table, seed=1, property="chroma")
    assert row["rho"] == pytest.approx(rho)
    assert row["inertia"] == pytest.approx(factors.shares[0])
    told = found.values["cifar10-small"]["undivided"]["factor"]["chroma"]
    assert told["rho"] == pytest.approx(table[table["property"] == "chroma"]["rho"].mean())
    assert told["seeds"] == 3
    assert told["certain"] <= 3


def test_kernels_are_kept_as_pictures_with_zero_at_mid_grey(
    branch_run: Callable[..., Run], result: Callable[..., Contents]
) -> None:
    run = branch_run("two", 0, 2)
    run.kernels["conv1"][:] = 0
    run.kernels["conv1"][0, 0, 1, 2] = 3
    run.kernels["conv1"][1, 2, 0, 0] = -2
    picture = result(run).arrays["cifar10-small/two/0"]
    assert picture.shape == (24, 7, 7, 3)
    assert picture[0, 1, 2].tolist() == [255, 128, 128]
    assert picture[1, 0, 0].tolist() == [128, 128, 0]
    assert (picture[2] == 128).all()


def test_one_seed_or_no_baseline_leaves_intervals_open(
    branch_run: Callable[..., Run], result: Callable[..., Contents]
) -> None:
    found = result(branch_run("two", 0, 2))
    canonical(dict(found.values))
    row = only(found.tables["summary"], property="chroma")
    assert np.isfinite([row["share"], row["expected"], row["parting"]]).all()
    assert np.isnan([row["low"], row["split"], row["split_low"], row["difference"], row["accuracy_difference"]]).all()
    values = found.values["cifar10-small"]["two"]["chroma"]
    assert {values[name] for name in ("low", "high", "split", "difference", "differs")} == {None}
    both = result(branch_run("two", 0, 2), branch_run("undivided", 0))
    row = only(both.tables["summary"], experiment="two", property="chroma")
    assert np.isfinite([row["split"], row["split_low"], row["difference"]]).all()
    assert np.isnan(row["difference_low"])
    assert both.values["cifar10-small"]["undivided"]["factor"]["chroma"]["rho_low"] is None
