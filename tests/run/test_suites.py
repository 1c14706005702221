"""Results of suites: computed once, again when a run changes, and never of runs that do not go together."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core import registry, source
from wbsite.core.store import Store
from wbsite.results.base import Result, Table, number, table, text, value
from wbsite.results.site import Gap, Site
from wbsite.train.base import Recipe, Suite
from wbsite.train.measure_banding import BandingMeasures, describe


class Spread(Result, analysis="spread", summary="how far apart runs are"):
    """What a suite that tests make up has for a result."""

    runs: int = value("how many")
    best: dict[str, float] = value("the highest accuracy")
    rows: Table = table(run=text("name"), accuracy=number("on test pictures"))


@dataclass
class Lab:
    """A suite `specks` with a cheap analysis, its runs, and the commands on a store that has the network speck.

    Attributes:
        runs: folder of all suites' runs; those of `specks` lie in it.
        given: the runs' names of every call of the analysis.
        fault: makes the analysis fail.
    """

    runs: Path
    command: Callable[..., Any]
    given: list[list[str]] = field(default_factory=list)
    fault: str = ""

    def analyse(self, context: SuiteContext) -> Spread:
        if self.fault:
            raise RuntimeError(self.fault)
        self.given.append([run.name for run in context.runs])
        rows = pd.DataFrame({"run": self.given[-1], "accuracy": [run.record["accuracy"] for run in context.runs]})
        return Spread(runs=len(rows), best={"accuracy": float(rows["accuracy"].max())}, rows=rows)

    def compute(self, *arguments: str) -> Any:
        return self.command("compute", *arguments)

    @property
    def store(self) -> Store:
        return Store("build/store")

    @property
    def result(self) -> Spread | Gap:
        return Site(self.store, None).suite("specks").result_or_gap(Spread)


@pytest.fixture
def lab(
    rebuilt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any], speck_weights: Path,
    write_run: Callable[..., Path],
) -> Iterator[Lab]:  # fmt: skip
    runs = tmp_path / "lab"
    for experiment, seed in (("rotated", 0), ("baseline", 1), ("baseline", 0)):
        write_run(runs, experiment, seed, suite="specks")
    monkeypatch.setenv("WBSITE_RUNS", str(runs))

    def command(name: str, *arguments: str) -> Any:
        models = () if name == "export" else ("--models", "speck")
        return cli(name, *models, "--weights-dir", str(speck_weights), *arguments)

    found = Lab(runs, command)
    suite = Suite(
        "specks", "what specks do", (), (), article="weight-banding", measure=BandingMeasures, describe=describe
    )
    analysis = Analysis(Spread, "suite", found.analyse, suite="specks")
    every, more = registry.entries, {"suites": suite, "analyses": analysis}
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: (*every(kind), *([more[kind]] if kind in more else [])))
        (rebuilt / "build" / "store" / "records" / "last.json").unlink()  # it names the suites there were
        yield found


def test_a_suite_is_computed_once(lab: Lab) -> None:
    ran = lab.compute()
    assert ran.status == 0, ran.err
    assert "compute 1 of" in ran.err
    assert lab.given == [
        ["cifar10-small/baseline-seed0", "cifar10-small/baseline-seed1", "cifar10-small/rotated-seed0"]
    ]
    assert isinstance(lab.result, Spread)
    assert lab.result.runs == 3
    assert lab.result.about["suite"] == "specks"
    assert lab.compute().err == ""
    assert len(lab.given) == 1
    facts = Site(lab.store, None).suite("specks").facts
    assert facts["runs"] == {"cifar10-small": {"baseline": [0, 1], "rotated": [0]}}
    assert facts["devices"] == ["cpu"]


def test_a_changed_or_added_run_computes_it_again_and_clean_prunes_what_was(
    lab: Lab, cli: Callable[..., Any], write_run: Callable[..., Path]
) -> None:
    lab.compute()
    cli("clean")  # of the parts that finished pictures were put together from
    before = lab.store.keys()
    write_run(lab.runs, "rotated", 0, suite="specks", accuracy=0.9)
    write_run(lab.runs, "rotated", 1, suite="specks")
    assert "compute 1 of" in lab.compute().err
    assert isinstance(lab.result, Spread)
    assert (lab.result.runs, lab.result.best) == (4, {"accuracy": 0.9})
    assert "1 entries removed, 0 of them damaged" in cli("clean").out
    [old], [new] = {*before} - {*lab.store.keys()}, {*lab.store.keys()} - {*before}
    assert old != new == lab.result.key


def test_the_same_runs_under_another_time_are_not_analysed_again(lab: Lab) -> None:
    """A fresh checkout gives every file a new one."""
    lab.compute()
    for path in lab.runs.rglob("*.npz"):
        path.write_bytes(path.read_bytes())
    ran = lab.compute()
    assert (ran.status, ran.err, len(lab.given)) == (0, "", 1)


def test_a_damaged_result_is_computed_again(lab: Lab) -> None:
    lab.compute()
    assert isinstance(lab.result, Spread)
    key = lab.result.key
    (Path("build/store/objects") / key[:2] / key / "values.json").write_text("{")
    (Path("build/store/records/suites/specks.json")).unlink()
    assert "damaged in the store: spread specks; computed again" in lab.compute().err
    assert lab.result.runs == 3


def test_a_damaged_run_is_named(lab: Lab) -> None:
    path = lab.runs / "specks" / "cifar10-small" / "rotated-seed0.npz"
    path.write_bytes(path.read_bytes()[:500])
    ran = lab.compute()
    assert ran.status == 2
    assert str(path) in ran.err
    assert "wbsite train" in ran.err
    ran = lab.compute("--keep-going")
    assert ran.status == 3
    assert isinstance(lab.result, Gap)
    assert lab.result.failed
    assert str(path) in lab.result.reason
    assert lab.command("build", "--keep-going").status == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preset": "wide"}, "preset is 'small' in the first and 'wide' in the second"),
        ({"recipe": asdict(Recipe(epochs=3, batch=64))}, "epochs is 2 in the first and 3 in the second"),
    ],
)
def test_runs_of_different_recipes_are_not_averaged(
    lab: Lab, write_run: Callable[..., Path], changes: dict[str, Any], said: str
) -> None:
    write_run(lab.runs, "baseline", 1, suite="specks", **changes)
    ran = lab.compute()
    assert ran.status == 2
    assert "baseline-seed0.npz" in ran.err
    assert "baseline-seed1.npz" in ran.err
    assert said in ran.err


def test_a_copy_of_a_run_under_another_name_does_not_count_as_another_seed(lab: Lab) -> None:
    one = lab.runs / "specks" / "cifar10-small" / "rotated-seed0.npz"
    other = one.with_name("rotated-seed1.npz")
    other.write_bytes(one.read_bytes())
    ran = lab.compute()
    assert ran.status == 2
    assert f"{other} is the run specks/cifar10-small/rotated-seed0" in ran.err


def test_own_runs_replace_the_bundled_ones_of_the_same_suite_alone(
    lab: Lab, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    own = tmp_path / "own"
    write_run(own, "baseline", 7, suite="specks")
    write_run(own, "baseline", 0, suite="gone")
    write_run(lab.runs, "baseline", 0)
    ran = lab.compute("--runs", str(own))
    assert ran.status == 0, ran.err
    assert lab.given == [["cifar10-small/baseline-seed7"]]
    assert "holds runs of 'gone', which is no suite; left out" in ran.err
    assert [suite.id for suite in Site(lab.store, None).suites] == ["banding", "specks", "information-plane", "census"]


@pytest.mark.parametrize("suite", ["", "gone"])
def test_a_folder_without_runs_of_a_suite_is_refused(
    lab: Lab, tmp_path: Path, write_run: Callable[..., Path], suite: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    if suite:
        write_run(own, "baseline", 0, suite=suite)
    ran = lab.compute("--runs", str(own))
    assert ran.status == 2
    assert str(own) in ran.err
    assert ("which is no suite" if suite else "holds no run") in ran.err


def test_an_analysis_that_fails_is_a_gap_and_tried_again(lab: Lab) -> None:
    lab.fault = "no convergence"
    ran = lab.compute()
    assert ran.status == 3
    assert "spread specks failed: RuntimeError: no convergence" in ran.err
    assert isinstance(lab.result, Gap)
    assert lab.result == Gap("RuntimeError: no convergence", failed=True)
    assert lab.command("build").status == 3
    lab.fault = ""
    assert lab.command("build").status == 0
    assert isinstance(lab.result, Spread)


def test_a_suite_whose_article_is_not_built_is_left_alone(lab: Lab) -> None:
    Path("wbsite.toml").write_text('articles = ["another"]\n')
    assert lab.compute().status == 0
    assert lab.given == []
    assert isinstance(lab.result, Gap)
    assert not lab.result.failed
    assert "wbsite train specks" in lab.result.reason


def test_an_edited_analysis_has_another_result(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from wbsite.run import plan as planning
    from wbsite.run.subjects.suite import SuiteSubject

    [before] = planning.plan(SuiteSubject("specks"), "quick").tasks
    with monkeypatch.context() as patch:
        patch.setattr(source, "behind", lambda run: "edited")
        [after] = planning.plan(SuiteSubject("specks"), "quick").tasks
    assert before.key != after.key


def test_export_prints_the_rows_with_the_suite_first(lab: Lab) -> None:
    ran = lab.command("export", "spread")
    assert ran.status == 0, ran.err
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert list(rows[0]) == ["suite", "run", "accuracy"]
    assert {row["suite"] for row in rows} == {"specks"}
    again = lab.command("export", "spread", "--format", "json")
    assert again.err == ""
    assert [row["run"] for row in json.loads(again.out)] == [row["run"] for row in rows]


def test_export_says_what_a_suite_lacks(lab: Lab) -> None:
    ran = lab.command("export", "spread", "--model", "speck")
    assert ran.status == 2
    assert "computed of the suite specks, not of a model" in ran.err
    for path in lab.runs.rglob("*.npz"):
        path.unlink()
    ran = lab.command("export", "spread")
    assert ran.status == 2
    assert "no runs of the suite specks" in ran.err
    assert "wbsite train specks" in ran.err


def test_the_experiments_of_suites_are_listed_with_their_scales(cli: Callable[..., Any]) -> None:
    lines = cli("list", "experiments").out.splitlines()
    assert lines[0].startswith("banding\t")
    assert "small, wide" in lines[0]
    assert "banding/rotated\tmain\tinput rotated by 90°" in lines
