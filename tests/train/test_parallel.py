"""Processes that train together are one process with the same batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.train.parallel import ALONE, Team, team
from wbsite.train.runs import Run

from .conftest import write_pictures

MEMBER = Path(__file__).with_name("team_member.py")


def torchrun(folder: Path, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Two processes under torchrun, which finds a free port by itself."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=400,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[dict[str, Any], dict[str, Any]]]:
    """What one process and what two ended with, by case."""
    folder = tmp_path_factory.mktemp("team")
    subprocess.run([sys.executable, str(MEMBER), str(folder)], env=environment, check=True, timeout=400)
    two = torchrun(folder, environment, str(MEMBER), str(folder))
    assert two.returncode == 0, two.stderr
    for rank in (0, 1):
        caught = (folder / f"caught-{rank}.txt").read_text().splitlines()
        assert caught == ["wrong in 0", "wrong in 0", "wrong in 1", "led", "True"]
    return lambda case: tuple(torch.load(folder / f"{case}-{size}.pt", weights_only=True) for size in (1, 2))


def test_two_processes_have_the_losses_of_one(
    trained: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty steps of the simplified network in float32, shifted, flipped and rotated pictures, batch norm."""
    one, two = trained("float32")
    assert len(one["loss"]) == len(two["loss"]) == 20
    largest = max(abs(a - b) for a, b in zip(one["loss"], two["loss"], strict=True))
    with capsys.disabled():
        print(f"\ntwo gloo processes against one: largest difference of a loss in 20 steps {largest:.1e}")
    assert largest < 1e-4
    assert one["loss"][-1] < 0.7 * one["loss"][0]
    assert one["accuracy"] == two["accuracy"]


def test_what_differs_is_rounding_alone(trained: Callable[[str], Any]) -> None:
    """In float64 weights and running statistics agree to ten digits, over epochs of several steps."""
    one, two = trained("float64")
    assert one["accuracy"] == two["accuracy"]
    assert largest_difference(one, two) < 1e-10


def test_processes_interrupted_within_an_epoch_go_on_exactly(trained: Callable[[str], Any]) -> None:
    (_, whole), (_, resumed) = trained("float64"), trained("resumed")
    assert resumed["loss"] == pytest.approx(whole["loss"], abs=1e-6)
    assert resumed["accuracy"] == whole["accuracy"]
    assert largest_difference(whole, resumed) == 0


def largest_difference(one: dict[str, Any], two: dict[str, Any]) -> float:
    """Of all numbers of two networks."""
    first, second = one["numbers"], two["numbers"]
    assert first.keys() == second.keys()
    return max(float((value.double() - second[name].double()).abs().max()) for name, value in first.items())


def test_torchrun_trains_a_suite_run_by_run_and_one_process_speaks(environment: dict[str, str], tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "noise", train=64, test=10, size=32)
    arguments = ["-m", "wbsite.cli", "train", "banding", "--only", "baseline,fc_only", "--seeds", "0", "--epochs", "1"]
    done = torchrun(tmp_path, environment, *arguments, "--dataset", f"imagefolder:{folder}", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.count("banding: 2 runs") == 1
    results = tmp_path / "build" / "train" / "banding" / "noise-small"
    assert sorted(path.name for path in results.iterdir()) == ["baseline-seed0.npz", "fc_only-seed0.npz"]
    about = Run.read(results / "baseline-seed0.npz").record["provenance"]
    assert about["command"].startswith("torchrun --nproc-per-node 2 -m wbsite.cli train banding --only baseline")
    again = torchrun(tmp_path, environment, *arguments, "--dataset", "imagefolder:none", "--device", "cpu")
    assert again.returncode != 0
    assert again.stderr.count("2 of 2 runs failed") == 1
    assert again.stderr.count("none is not a folder") == 2


def test_a_process_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    module = torch.nn.Linear(2, 2)
    with team("cpu") as alone:
        assert alone is ALONE
        assert alone.wrap(module) is module
        assert alone.rows(7) == slice(0, 7)
        assert alone.seed(5) == 5


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("pictures", [0, 1, 8, 33])
def test_every_picture_is_one_process_s(size: int, pictures: int) -> None:
    shared = []
    for rank in range(size):
        member = Team()
        member.rank, member.size = rank, size
        shared += list(range(pictures))[member.rows(pictures)]
    assert shared == list(range(pictures))


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    member = Team()
    member.size = 3
    member.check_batch(9)
    with pytest.raises(WbsiteError, match="3 processes cannot share batches of 64 pictures evenly"):
        member.check_batch(64)
