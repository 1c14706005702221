"""A run of a suite: what its file says, that it is made once, and that it is not taken for another's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.train.base import Recipe, Suite
from wbsite.train.job import Job, train_job
from wbsite.train.runs import Run

KEYS = {
    "suite", "setting", "experiment", "seed", "order", "title", "group", "summary", "parameters", "network", "baseline",
    "accuracy", "chance", "last", "before", "layers", "head", "history", "curve", "preset", "recipe", "provenance",
}  # fmt: skip


class Told(Progress):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []

    def step(self, label: str, total: int | None = None) -> None:
        self.steps.append(label)

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def job(tiny: Suite, pictures: Path, tmp_path: Path) -> Job:
    return Job("tiny", "baseline", 0, "small", f"imagefolder:{pictures}", None, "cpu", tmp_path / "out")


def without_seconds(made: Run) -> dict[str, Any]:
    provenance = {name: value for name, value in made.record["provenance"].items() if name != "seconds"}
    return {**made.record, "provenance": provenance}


def test_a_run_says_what_was_trained_and_how(job: Job, pictures: Path) -> None:
    made = train_job(replace(job, trial="turned"), Progress())
    record = made.record
    assert record.keys() == KEYS
    assert record["chance"] == pytest.approx(1 / 3), "equally many pictures of three classes"
    told = {name: record[name] for name in ("suite", "setting", "experiment", "seed", "order", "group", "preset")}
    assert told == {
        "suite": "tiny", "setting": "pictures-small", "experiment": "turned", "seed": 0, "order": 1, "group": "main",
        "preset": "small",
    }  # fmt: skip
    assert record["parameters"] == {"turn": 90}
    assert record["recipe"] == asdict(Recipe(epochs=2, batch=4, shift=1, turn=1))
    assert (record["before"], record["last"]) == ("2a", "2b")
    assert list(record["layers"]) == ["0a", "1a", "2a", "2b"]
    assert record["layers"]["2b"].keys() == {"units", "row_share", "column_share", "index", "low", "high"}
    assert record["head"] == {}
    assert [row["epoch"] for row in record["curve"]] == [1, 2]
    assert record["accuracy"] == record["curve"][-1]["accuracy"]
    about = record["provenance"]
    assert (about["training pictures"], about["test pictures"], about["device"]) == (24, 12, "cpu")
    assert len(about["dataset SHA-256"]) == 64
    assert str(pictures) not in str(record)


def test_the_index_is_measured_from_the_untrained_network_to_the_end(job: Job) -> None:
    record = train_job(job, Progress()).record
    assert sorted({row["epoch"] for row in record["history"]}) == [0, 0.5, 1, 2]
    assert {row["layer"] for row in record["history"]} == {"0a", "1a", "2a", "2b"}
    end = [row for row in record["history"] if row["epoch"] == 2 and row["layer"] == "2b"]
    assert end[0]["index"] == record["layers"]["2b"]["index"]
    shorter = train_job(replace(job, epochs=1, seed=1), Progress()).record
    assert sorted({row["epoch"] for row in shorter["history"]}) == [0, 0.5, 1]


def test_the_file_holds_the_two_last_layers_and_the_checkpoint_is_gone(job: Job) -> None:
    made = train_job(job, Progress())
    assert job.result_path == job.out / "tiny" / "pictures-small" / "baseline-seed0.npz"
    assert [path.name for path in job.result_path.parent.iterdir()] == ["baseline-seed0.npz"]
    found = Run.read(job.result_path)
    assert found.record == made.record
    assert {name: part.shape for name, part in found.kernels.items()} == {"2a": (6, 6, 5, 5), "2b": (6, 6, 5, 5)}


def test_what_a_killed_process_left_half_written_goes_with_the_finished_run(job: Job) -> None:
    job.result_path.parent.mkdir(parents=True)
    left = job.result_path.parent / f".{job.checkpoint_path.name}.99999.partial"
    others = job.result_path.parent / ".turned-seed0.ckpt.99999.partial"
    left.write_bytes(b"half")
    others.write_bytes(b"half")
    train_job(job, Progress())
    assert not left.exists()
    assert others.exists()


def test_a_head_that_sees_positions_says_what_explains_it(job: Job) -> None:
    head = train_job(replace(job, trial="flat"), Progress()).record["head"]
    assert head["positions"] == 64
    assert head["low"] <= head["index"] <= head["high"]


def test_a_run_is_the_same_whenever_it_is_made(job: Job, tmp_path: Path) -> None:
    first = train_job(job, Progress())
    torch.manual_seed(5)
    second = train_job(replace(job, out=tmp_path / "again"), Progress())
    assert without_seconds(first) == without_seconds(second)
    assert all(np.array_equal(part, second.kernels[name]) for name, part in first.kernels.items())


def test_seeds_and_repetitions_are_other_trainings(job: Job) -> None:
    first, second = train_job(job, Progress()), train_job(replace(job, seed=1), Progress())
    assert not np.array_equal(first.kernels["2b"], second.kernels["2b"])


def test_a_finished_run_is_not_made_again(job: Job) -> None:
    train_job(job, Progress())
    before = job.result_path.stat().st_mtime_ns
    told = Told()
    again = train_job(job, told)
    assert again.record == Run.read(job.result_path).record
    assert job.result_path.stat().st_mtime_ns == before
    assert told.steps == []
    assert told.lines == [f"baseline seed 0: done before ({job.result_path})"]


def test_the_result_of_another_recipe_is_refused_and_kept(job: Job, suite_of: Callable[[Recipe], Suite]) -> None:
    train_job(job, Progress())
    before = job.result_path.read_bytes()
    with pytest.raises(WbsiteError, match="another recipe") as error:
        train_job(replace(job, epochs=1), Progress())
    assert "another --out" in error.value.hint
    suite_of(Recipe(epochs=2, batch=4, shift=1, rate=1e-3))
    with pytest.raises(WbsiteError, match="another recipe"):
        train_job(job, Progress())
    assert job.result_path.read_bytes() == before


def test_the_result_of_other_pictures_of_the_same_name_is_refused(job: Job, pictures: Path, tmp_path: Path) -> None:
    train_job(job, Progress())
    other = tmp_path / "elsewhere" / pictures.name
    shutil.copytree(pictures, other)
    Image.new("RGB", (16, 16)).save(other / "train" / "class0" / "000.png")
    with pytest.raises(WbsiteError, match="other pictures"):
        train_job(replace(job, dataset=f"imagefolder:{other}"), Progress())


def test_a_damaged_result_is_said(job: Job) -> None:
    job.result_path.parent.mkdir(parents=True)
    job.result_path.write_bytes(b"PK\x03\x04")
    with pytest.raises(WbsiteError, match="cannot be read"):
        train_job(job, Progress())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "--seeds 0 --preset small --dataset imagefolder:PATH"),
        ({"dataset": "cifar10", "seed": 3}, "--seeds 3 --preset small --dataset cifar10"),
        ({"dataset": None, "epochs": 2}, "--seeds 0 --preset small --epochs 2"),
    ],
)
def test_the_command_repeats_the_run(changes: dict[str, Any], expected: str, job: Job) -> None:
    assert replace(job, **changes).command() == f"wbsite train tiny --only baseline {expected}"


@pytest.mark.parametrize(
    ("dataset", "setting"),
    [
        (None, "imagefolder-small"),
        ("cifar10", "cifar10-small"),
        ("imagefolder:/a/birds/", "birds-small"),
        ("imagefolder:.", "imagefolder-small"),
    ],
)
def test_results_are_grouped_by_data_set_and_scale(dataset: str | None, setting: str, job: Job) -> None:
    assert replace(job, dataset=dataset).setting == setting


def test_experiments_change_the_recipe_and_nothing_else_of_it(tiny: Suite) -> None:
    baseline, turned, _ = (trial.recipe(tiny.presets[0]) for trial in tiny.trials)
    assert baseline == tiny.presets[0].recipe
    assert turned == replace(baseline, turn=1)
    assert tiny.trials[1].recipe(tiny.presets[0], 7) == replace(baseline, turn=1, epochs=7)
