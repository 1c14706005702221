"""Studies of the information plane from the command line: computed once, resumed, refused where they cannot be."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite.analyses.base import StudyContext
from wbsite.core.progress import Progress
from wbsite.core.store import Entry, Store
from wbsite.results.site import Site
from wbsite.train.study import ensemble

BRIEF = "widths = [4, 3]\nseeds = 2\nepochs = 10\nrecords = 6\nrate = 0.01\n"


@pytest.fixture
def export(cli: Callable[..., Any], work: Path) -> Callable[..., list[dict[str, str]]]:
    """export(ANALYSIS, TOML): the rows of an analysis of a study."""

    def run(analysis: str, text: str, *arguments: str) -> list[dict[str, str]]:
        Path("mine.toml").write_text(text)
        ran = cli("export", analysis, "--study", "mine.toml", *arguments)
        assert ran.status == 0, ran.err
        return list(csv.DictReader(io.StringIO(ran.out)))

    return run


def stored(analysis: str) -> list[Entry]:
    store = Store("build/store")
    found = map(store.get, store.keys())
    return [e for e in found if e is not None and e.about["analysis"] == analysis and "part" not in e.about]


def test_a_study_of_ones_own_data(export: Callable[..., list[dict[str, str]]], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(300, 2, 4)).astype(np.float32)
    labels = np.array(["left", "right", "middle"])[np.digitize(inputs[:, 0, 0], [-0.4, 0.4])]
    np.savez(tmp_path / "own.npz", inputs=inputs, labels=labels)
    text = (
        f'{BRIEF}dataset = "npz:{tmp_path / "own.npz"}"\nactivation = ["elu", "relu6"]\nestimators = ["quantile:8"]\n'
    )
    rows = export("information_plane", text)
    assert {row["configuration"] for row in rows} == {"elu", "relu6"}
    assert {row["layer"] for row in rows} == {"layer 1", "layer 2", "output"}
    assert len(rows) == 2 * 2 * 3 * 6
    assert all(0 <= float(row["i_ty"]) <= float(row["i_xt"]) + 1e-9 <= math.log2(300) + 1e-6 for row in rows)
    [trajectories] = stored("trajectories")
    data = trajectories.values["data"]
    assert data["name"] == "npz:own.npz", "no folder of this machine"
    assert (data["samples"], data["features"], data["classes"]) == (300, 8, ["left", "middle", "right"])
    assert (data["train"], data["test"], data["split"]) == (240, 60, "random")


def test_other_estimators_train_nothing_again(export: Callable[..., list[dict[str, str]]]) -> None:
    export("information_plane", BRIEF)
    export("information_plane", BRIEF + 'estimators = ["fixed:10"]\n')
    assert len(stored("trajectories")) == 1
    assert len(stored("information_plane")) == 2
    export("trajectories", BRIEF.replace("epochs = 10", "epochs = 11"))
    assert len(stored("trajectories")) == 2


def test_an_interrupted_training_goes_on_where_it_stopped(
    export: Callable[..., list[dict[str, str]]], cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    train = ensemble.Ensemble.train

    def interrupted(self: Any, state: Any, until: int, progress: Any = None) -> None:
        if until > 6 and not done:
            done.append(until)
            raise KeyboardInterrupt
        done.extend(range(state.epoch, until))
        train(self, state, until, progress)

    Path("mine.toml").write_text(BRIEF)
    with monkeypatch.context() as patch:
        patch.setattr(ensemble.Ensemble, "train", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        assert cli("export", "trajectories", "--study", "mine.toml").status == 130
    with monkeypatch.context() as patch:
        stop = {"at": 6}

        def until_six(self: Any, state: Any, until: int, progress: Any = None) -> None:
            if until > stop["at"]:
                raise KeyboardInterrupt
            train(self, state, until, progress)

        patch.setattr(ensemble.Ensemble, "train", until_six)
        assert cli("export", "trajectories", "--study", "mine.toml").status == 130
    with monkeypatch.context() as patch:
        done.append(-1)  # nothing more is interrupted
        patch.setattr(ensemble.Ensemble, "train", interrupted)
        resumed = export("trajectories", BRIEF)
    assert sorted(set(done) - {-1}) == [6, 7, 8, 9], "epochs 0 to 5 were kept"
    [one] = stored("trajectories")
    whole = export("trajectories", BRIEF, "--store", "fresh")
    assert resumed == whole
    other = next(e for e in map(Store("fresh").get, Store("fresh").keys()) if e and "part" not in e.about)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])


def test_pairwise_estimators_alone_and_more_seeds_than_they_take(export: Callable[..., list[dict[str, str]]]) -> None:
    text = BRIEF.replace("seeds = 2", "seeds = 4") + 'estimators = ["kde-upper:0.1"]\nsamples = 64\n'
    assert {row["seed"] for row in export("information_plane", text)} == {"0", "1", "2"}
    for analysis in ("plane_claims", "saturation", "dips"):
        export(analysis, text)


def test_a_study_larger_than_memory_is_trained_seed_by_seed(
    export: Callable[..., list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export("trajectories", BRIEF)
    made: list[tuple[int, ...]] = []
    begin = ensemble.Ensemble.__init__

    def watched(self: Any, configurations: Any, seeds: Any, *given: Any) -> None:
        made.append(tuple(seeds))
        begin(self, configurations, seeds, *given)

    monkeypatch.setattr(ensemble, "free_memory", lambda device: 1)
    monkeypatch.setattr(ensemble.Ensemble, "__init__", watched)
    apart = export("trajectories", BRIEF, "--store", "apart")
    assert made == [(0,), (1,)]
    assert [row["seed"] for row in apart] == [row["seed"] for row in whole]
    for one, other in zip(whole, apart, strict=True):
        assert float(one["test_accuracy"]) == pytest.approx(float(other["test_accuracy"]), abs=2e-3)


def test_runs_that_die_are_counted_and_not_averaged_in(export: Callable[..., list[dict[str, str]]]) -> None:
    text = BRIEF.replace("0.01", "1e18") + 'activation = "linear"\noptimiser = ["adam", "sgd"]\n'
    runs = export("trajectories", text)
    wild = [row for row in runs if row["configuration"] == "sgd"]
    assert {row["reason"] for row in wild} == {"parameters not finite"}
    assert all(float(row["died"]) >= 1 for row in wild)
    rows = export("information_plane", text)
    assert any(row["i_xt"] == "" for row in rows if row["configuration"] == "sgd"), "nothing is measured of it"
    [entry] = stored("information_plane")
    assert "sgd" not in set(entry.table("compression")["configuration"])


def test_dead_rectifiers_have_a_constant_output(export: Callable[..., list[dict[str, str]]]) -> None:
    runs = export("trajectories", BRIEF + 'activation = ["relu", "tanh"]\ninitial_bias = -50.0\n')
    dead = {row["configuration"]: row["reason"] for row in runs}
    assert dead == {"relu": "constant output", "tanh": "constant output"}
    assert {float(row["died"]) for row in runs} == {0.0}


def test_nothing_is_computed_twice_and_pages_find_the_study(build: Callable[..., Any]) -> None:
    first = build("--articles", "information-plane")
    assert first.status == 0, first.err
    site = Site(Store("build/store"), None)
    plane = site.suite("information-plane").result("information_plane")
    assert plane is not None
    assert plane.default == "binning:0.07"
    assert site.suite("information-plane").facts["runs"]["brief.toml"]["tanh"] == [0, 1, 2]
    again = build("--articles", "information-plane")
    assert "compute" not in again.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('activation = "swoosh"', "unknown activation 'swoosh'"),
        ('dataset = "harmonix"', "unknown data set 'harmonix'"),
        ('dataset = "npz:none.npz"', "none.npz"),
        ('split = "published"', "published"),
        ('estimators = ["binning:0"]', "0.0 wide"),
        ("widths = [1000000, 1000000]", "GiB"),
        ('dataset = "npz:"', "no file"),
        ('dataset = "npz:~nobody-of-that-name/x.npz"', "x.npz"),
        ('dataset = "npz:' + 300 * "x" + '"', "xxx"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_computed(
    cli: Callable[..., Any], work: Path, speck_weights: Path, text: str, said: str
) -> None:
    Path("bad.toml").write_text(text + "\n")
    ran = cli("compute", "--models", "speck", "--weights-dir", str(speck_weights), "--study", "bad.toml")
    assert ran.status == 2
    assert said in ran.err
    assert not list(Path("build/store").glob("objects/*/*")) if Path("build/store").exists() else True


@pytest.mark.parametrize("fault", ["constant", "length", "nan", "one"])
def test_data_that_cannot_be_learned_are_refused(cli: Callable[..., Any], tmp_path: Path, fault: str) -> None:
    inputs, labels = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    if fault == "constant":
        labels[:] = 1
    elif fault == "length":
        labels = labels[:-1]
    elif fault == "nan":
        inputs[3, 1] = np.nan
    else:
        inputs, labels = inputs[:1], labels[:1]
    np.savez(tmp_path / "odd.npz", inputs=inputs, labels=labels)
    Path("mine.toml").write_text(f'{BRIEF}dataset = "npz:{tmp_path / "odd.npz"}"\n')
    ran = cli("export", "trajectories", "--study", "mine.toml")
    assert ran.status == 2
    assert "odd.npz" in ran.err
    assert "Traceback" not in ran.err


def test_an_analysis_of_a_study_takes_no_model(cli: Callable[..., Any]) -> None:
    ran = cli("export", "trajectories", "--model", "speck")
    assert ran.status == 2
    assert "of a study, not of a model" in ran.err


def test_progress_tells_of_training(study_file: Path) -> None:
    from wbsite import datasets
    from wbsite.analyses.information.trajectories import run
    from wbsite.train.study.study_file import read

    said: list[str] = []

    class Watching(Progress):
        def step(self, label: str, total: int | None = None) -> None:
            said.append(f"{label} {total}")

        def advance(self, amount: int = 1, note: str = "") -> None:
            said.append("+" * amount)

    import torch

    study, samples = read(study_file), datasets.samples("harmonics", Progress())
    run(StudyContext(study, samples, torch.device("cpu"), {}, {}, Watching()))
    assert said[0] == "train 6 networks 8"
    assert "".join(said[1:]).count("+") == 8
