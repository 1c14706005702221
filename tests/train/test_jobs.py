"""Runs side by side, killed and interrupted: each ends as if it had been alone, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.core.progress import Progress
from wbsite.train.job import Job, train_job
from wbsite.train.runs import Run

from .conftest import write_pictures

OFTEN = "import wbsite.train.loop as loop; loop.SAVE_SECONDS = -1; from wbsite.cli.process import main; main()"
"""`wbsite`, with a checkpoint after every step in place of every minute."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures for twelve steps an epoch of the preset `small`."""
    return write_pictures(tmp_path_factory.mktemp("data") / "noise", train=256, test=10, size=32)


def command(folder: Path, out: str, *arguments: str) -> list[str]:
    return [
        "train", "banding", "--dataset", f"imagefolder:{folder}", "--device", "cpu", "--seeds", "0", "--out", out,
        *arguments,
    ]  # fmt: skip


def here(folder: Path, out: Path, trial: str) -> Path:
    """The file of the same run made in this process, alone and undisturbed."""
    job = Job("banding", trial, 0, "small", f"imagefolder:{folder}", 1, "cpu", out)
    train_job(job, Progress())
    return job.result_path


def same_run(first: Path, second: Path) -> bool:
    """Whether two files differ in nothing but the seconds it took."""
    runs = [Run.read(path) for path in (first, second)]
    records = [{**made.record, "provenance": {**made.record["provenance"], "seconds": 0.0}} for made in runs]
    kernels = [made.kernels for made in runs]
    assert kernels[0].keys() == kernels[1].keys()
    same = all(np.array_equal(part, kernels[1][name]) for name, part in kernels[0].items())
    return (
        same and records[0] == records[1] and Run(records[0], kernels[0]).pack() == Run(records[1], kernels[1]).pack()
    )


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def marked(mark: str) -> list[int]:
    """Processes whose environment holds a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_run_killed_within_an_epoch_ends_as_the_undisturbed_one(
    folder: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = ("--only", "baseline", "--epochs", "1", "--jobs", "1")
    result = Path("banding") / "noise-small" / "baseline-seed0.npz"
    checkpoint = (tmp_path / "killed" / result).with_suffix(".ckpt")
    killed = subprocess.Popen(
        [sys.executable, "-c", OFTEN, *command(folder, "killed", *arguments)],
        cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: checkpoint.exists() or killed.poll() is not None)
        wait_for(lambda: torch.load(checkpoint, weights_only=True)["step"] > 3)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert 3 < torch.load(checkpoint, weights_only=True)["step"] < 12
    resumed = here(folder, tmp_path / "killed", "baseline")
    assert resumed == tmp_path / "killed" / result
    assert same_run(resumed, here(folder, tmp_path / "whole", "baseline"))
    assert [path.name for path in checkpoint.parent.iterdir()] == [result.name]


def test_runs_side_by_side_are_those_one_after_another_and_a_failure_is_its_own(
    folder: Path, tmp_path: Path, process: Callable[..., Any]
) -> None:
    results = Path("banding") / "noise-small"
    damaged = tmp_path / "two" / results / "fc_only-seed0.ckpt"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no checkpoint")
    arguments = ("--only", "baseline,rotated,fc_only", "--epochs", "1")
    two = process(tmp_path, *command(folder, "two", *arguments, "--jobs", "2"))
    assert two.status == 2
    assert "1 of 3 runs failed; the first: fc_only seed 0" in two.err and "cannot be read" in two.err
    assert "Traceback" not in two.err
    for name in ("baseline", "rotated"):
        assert same_run(here(folder, tmp_path / "one", name), tmp_path / "two" / results / f"{name}-seed0.npz")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_command(
    ended: signal.Signals, folder: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    mark = f"{tmp_path}/{ended.name}"
    arguments = ("--only", "baseline,rotated,fc_only", "--epochs", "5000", "--jobs", "2")
    running = subprocess.Popen(
        [sys.executable, "-c", OFTEN, *command(folder, "out", *arguments)],
        cwd=tmp_path, env={**environment, "MARK": mark}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        checkpoints = tmp_path / "out" / "banding" / "noise-small"
        wait_for(lambda: running.poll() is not None or len(list(checkpoints.glob("[a-z]*.ckpt"))) == 2, 300)
        assert len(marked(mark)) >= 3
        os.kill(running.pid, ended)
        _, said = running.communicate(timeout=60)
        wait_for(lambda: not marked(mark), 60)
    finally:
        for left in marked(mark):
            os.kill(left, signal.SIGKILL)
    if ended != signal.SIGKILL:
        assert running.returncode == 128 + ended, said
        assert "run the same command again to go on" in said
        assert "Traceback" not in said
    for path in checkpoints.glob("[a-z]*.ckpt"):
        assert torch.load(path, weights_only=True)["step"] > 0
