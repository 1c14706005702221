"""`wbsite train SUITE` as it is typed: names, options, and what is said and kept when something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.train import loop
from wbsite.train.base import Recipe, Suite
from wbsite.train.runs import Run

Cli = Callable[..., Any]


@pytest.fixture
def train(cli: Cli, tiny: Suite, pictures: Path) -> Cli:
    """`wbsite train tiny` in this process, on the CPU, one run at a time; results in `out`."""
    return lambda *arguments: cli(
        "train", "tiny", "--dataset", f"imagefolder:{pictures}", "--device", "cpu", "--out", "out", *arguments
    )


def results(folder: Path = Path("out")) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.*"))


def test_a_suite_is_trained_seed_by_seed_and_each_run_said(train: Cli) -> None:
    ran = train("--only", "flat,baseline", "--seeds", "1,0,1", "--jobs", "1", "--epochs", "1")
    assert ran.status == 0, ran.err
    said = [line.partition(":")[0] for line in ran.out.splitlines()]
    folder = Path("out/tiny/pictures-small")
    names = ["baseline-seed1", "flat-seed1", "baseline-seed0", "flat-seed0"]
    assert said == [str(folder / f"{name}.npz") for name in names]
    assert all("test accuracy 0." in line or "test accuracy 1." in line for line in ran.out.splitlines())
    assert "H(2a) " in ran.out and "H(2b) " in ran.out
    assert results() == sorted(f"{name}.npz" for name in names)


def test_three_seeds_where_none_are_given(train: Cli) -> None:
    assert train("--only", "baseline", "--jobs", "1", "--epochs", "1").status == 0
    assert results() == [f"baseline-seed{seed}.npz" for seed in (0, 1, 2)]


def test_the_same_command_again_trains_nothing(train: Cli) -> None:
    arguments = ("--only", "baseline", "--seeds", "0", "--jobs", "1")
    first, again = train(*arguments), train(*arguments)
    assert again.status == 0
    assert first.out == again.out
    assert "done before" in again.err
    assert "epoch 1 of 2" in first.err and "epoch 1 of 2" not in again.err


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("tinny",), "unknown experiment 'tinny'", "'tiny'"),
        (("tiny", "--only", "baselime"), "unknown experiment of the suite tiny 'baselime'", "'baseline'"),
        (("tiny", "--preset", "smal"), "unknown preset of the suite tiny 'smal'", "'small'"),
        (("tiny", "--jobs", "0"), "jobs is 0", "at least 1"),
        (("tiny", "--epochs", "0"), "epochs is 0", "at least 1"),
        (("tiny", "--epochs", "-3"), "epochs is -3", "at least 1"),
        (("tiny", "--dataset", "cifra10"), "unknown data set 'cifra10'", "'cifar10'"),
        (("tiny", "--dataset", "imagefolder:", "--jobs", "1"), "no folder given", "imagefolder:PATH"),
        (("tiny", "--dataset", "imagefolder:none", "--jobs", "1"), "none is not a folder", "train/"),
        (("tiny", "--device", "gpu"), "device", "cuda"),
        (("simplified_32", "--only", "baseline"), "belong to a suite; simplified_32 is a single", "Suites: "),
        (("simplified_32", "--preset", "small"), "belong to a suite; simplified_32 is a single", "Suites: "),
        (("simplified_32", "--epochs", "1"), "belong to a suite; simplified_32 is a single", "Suites: "),
        (("simplified_32", "--jobs", "2"), "belong to a suite; simplified_32 is a single", "Suites: "),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: tuple[str, ...], said: str, hint: str, cli: Cli, tiny: Suite
) -> None:
    ran = cli("train", *arguments, "--seeds", "0", "--out", "out")
    assert ran.status == 2
    assert said in ran.err and hint in ran.err
    assert not results()


def test_a_cause_common_to_many_runs_is_told_once(cli: Cli, tiny: Suite) -> None:
    ran = cli("train", "tiny", "--dataset", "imagefolder:none", "--jobs", "1", "--out", "out")
    assert ran.status == 2
    assert "9 of 9 runs failed; the first: baseline seed 0" in ran.err
    assert ran.err.count("none is not a folder") == 2
    assert "flat seed 2: as baseline seed 0" in ran.err


def test_one_class_is_refused(cli: Cli, tiny: Suite, tmp_path: Path) -> None:
    for split in ("train", "val"):
        path = tmp_path / "one" / split / "cat" / "0.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(path)
    ran = cli("train", "tiny", "--dataset", f"imagefolder:{tmp_path / 'one'}", "--jobs", "1", "--seeds", "0")
    assert ran.status == 2
    assert "one class to train on, 'cat'; a classifier needs two or more" in ran.err


def test_pictures_of_mixed_sizes_and_kinds_are_trained_on(train: Cli, pictures: Path) -> None:
    rng = np.random.default_rng(1)
    for i, (size, mode) in enumerate([((40, 20), "RGB"), ((7, 90), "L"), ((16, 16), "RGBA"), ((1, 1), "P")]):
        noise = rng.integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(noise).convert(mode).save(pictures / "train" / "class1" / f"odd{i}.png")
    ran = train("--only", "baseline", "--seeds", "0", "--jobs", "1", "--epochs", "1")
    assert ran.status == 0, ran.err
    made = Run.read(Path("out/tiny/pictures-small/baseline-seed0.npz"))
    assert made.record["provenance"]["training pictures"] == 28


def test_an_unreadable_picture_is_named(train: Cli, pictures: Path) -> None:
    (pictures / "val" / "class2" / "000.png").write_bytes(b"no picture")
    ran = train("--seeds", "0", "--jobs", "1")
    assert ran.status == 2
    assert "000.png cannot be read as a picture" in ran.err


def test_a_loss_that_is_not_a_number_ends_the_run_and_keeps_the_good_checkpoint(
    train: Cli, suite_of: Callable[[Recipe], Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite_of(Recipe(epochs=2, batch=4, shift=1, rate=1e25))
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1)
    ran = train("--only", "baseline", "--seeds", "0", "--jobs", "1")
    assert ran.status == 2
    assert "the loss is" in ran.err and "Use a lower learning rate; the last good checkpoint is kept." in ran.err
    assert results() == ["baseline-seed0.ckpt"]
    saved = torch.load("out/tiny/pictures-small/baseline-seed0.ckpt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in saved["module"].values())


def test_a_checkpoint_of_another_experiment_is_refused_and_the_others_are_trained(
    train: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("out/tiny/pictures-small")
    with monkeypatch.context() as patched:  # a run that does not remove its checkpoint
        patched.setattr("wbsite.train.job.write_result", lambda run, job: run.write(job.result_path))
        assert train("--only", "turned", "--seeds", "0", "--jobs", "1").status == 0
    (folder / "turned-seed0.npz").unlink()
    (folder / "turned-seed0.ckpt").rename(folder / "baseline-seed0.ckpt")
    before = (folder / "baseline-seed0.ckpt").read_bytes()
    ran = train("--seeds", "0", "--jobs", "1")
    assert ran.status == 2
    assert "1 of 3 runs failed; the first: baseline seed 0" in ran.err
    assert "belongs to another run" in ran.err and "tiny turned" in ran.err and "expected 'tiny baseline" in ran.err
    assert (folder / "baseline-seed0.ckpt").read_bytes() == before
    assert results() == ["baseline-seed0.ckpt", "flat-seed0.npz", "turned-seed0.npz"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("kind", ["ckpt", "npz"])
def test_a_full_disk_is_said_and_the_run_goes_on_where_there_is_room(kind: str, train: Cli, tmp_path: Path) -> None:
    folder = Path("out/tiny/pictures-small")
    folder.mkdir(parents=True)
    arguments = ("--only", "baseline", "--seeds", "0", "--jobs", "1")
    (folder / f".baseline-seed0.{kind}.{os.getpid()}.partial").symlink_to("/dev/full")
    ran = train(*arguments)
    assert ran.status == 2
    assert f"baseline-seed0.{kind} cannot be written (No space left on device)" in ran.err
    assert "Make room" in ran.err
    assert results() == (["baseline-seed0.ckpt"] if kind == "npz" else [])
    ran = train(*arguments)
    assert ran.status == 0, ran.err
    assert ("resuming" in ran.err) == (kind == "npz")
    assert results() == ["baseline-seed0.npz"]
    assert train(*arguments[:4], "--jobs", "1", "--out", str(tmp_path / "undisturbed")).status == 0
    again = Run.read(tmp_path / "undisturbed" / "tiny" / "pictures-small" / "baseline-seed0.npz")
    assert again.record["curve"] == Run.read(folder / "baseline-seed0.npz").record["curve"]
