"""Processes of this machine: what they compute, what is lost when they are killed, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.config import Config
from wbsite.core.store import Store, StoreError

from .perilous import Heard


@pytest.fixture
def ran(perilous: Path, speck_weights: Path) -> Callable[..., tuple[list[Any], Heard]]:
    """Outcomes of the plug-in's tasks on so many processes, and what was said meanwhile."""
    from wbsite.run.executors import outcomes
    from wbsite.run.plan import plan
    from wbsite.run.subjects.model import ModelSubject

    def run(workers: int = 2) -> tuple[list[Any], Heard]:
        store, heard = Store(perilous / "store"), Heard()
        store.prepare()
        tasks = plan(ModelSubject("speck", str(speck_weights)), "quick", ["perilous"]).tasks
        return list(outcomes(tasks, Config(store=store.url, workers=workers), heard)), heard

    return run


def test_tasks_are_shared_and_their_progress_is_heard(ran: Callable[..., Any], perilous: Path) -> None:
    outcomes, heard = ran(workers=2)
    assert [outcome.failed for outcome in outcomes] == [""] * len(outcomes)
    processes = {line.split()[0] for line in (perilous / "ran").read_text().splitlines()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes
    assert sorted(heard.lines) == sorted(f"{outcome.task.label}: looked" for outcome in outcomes)
    assert any("looks for files" in note for note in heard.notes)
    assert heard.rest[-1] == 0
    for outcome in outcomes:
        assert Store(perilous / "store").get(outcome.task.key) is not None


def test_the_process_that_waits_lets_go_of_the_networks(ran: Callable[..., Any]) -> None:
    from wbsite.run.subjects.model import loaded

    ran(workers=1)
    assert loaded.cache_info().currsize, "computed here, it is kept"
    ran(workers=2)
    assert not loaded.cache_info().currsize


def test_a_task_whose_process_is_killed_is_tried_once_more(ran: Callable[..., Any], perilous: Path) -> None:
    (perilous / "kill once").touch()
    outcomes, heard = ran()
    assert [outcome.failed for outcome in outcomes] == [""] * len(outcomes)
    assert any("was killed by signal 9, perhaps for want of memory; tried once more" in line for line in heard.lines)
    assert (perilous / "ran").read_text().count("conv2") == 2


@pytest.mark.parametrize(("peril", "words"), [("kill", "was killed by signal 9"), ("leave", "ended with status 5")])
def test_a_task_that_ends_its_process_again_fails_alone(
    ran: Callable[..., Any], perilous: Path, peril: str, words: str
) -> None:
    (perilous / peril).touch()
    outcomes, _ = ran()
    failed = {outcome.task.layer: outcome.failed for outcome in outcomes if outcome.failed}
    assert list(failed) == ["conv2"]
    assert words in failed["conv2"]


def test_a_store_that_cannot_be_used_ends_the_run(ran: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from wbsite.core import machine

    (Path("store") / "objects").mkdir(parents=True)
    monkeypatch.setattr(Store, "prepare", lambda self: None)
    monkeypatch.setattr(machine, "processors", lambda: 2)
    (Path("store") / "objects").rmdir()
    (Path("store") / "objects").write_text("a file where the results should lie")
    with pytest.raises(StoreError):
        ran()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_command(
    perilous: Path, process: Callable[..., Any], environment: dict[str, str], speck_weights: Path, end: signal.Signals
) -> None:
    """However it ends; and the same command then goes on."""
    arguments = ["export", "perilous", "--model", "speck", "--weights-dir", str(speck_weights)]
    (perilous / "wbsite.toml").write_text("workers = 2\n")
    variables = {**environment, "PYTHONPATH": os.pathsep.join([environment.get("PYTHONPATH", ""), *sys.path])}
    (perilous / "wait").touch()
    child = subprocess.Popen(
        [sys.executable, "-m", "wbsite.cli", *arguments],
        cwd=perilous, env=variables, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    _until(lambda: (perilous / "ran").exists() and len((perilous / "ran").read_text().splitlines()) == 2)
    workers = [int(line.split()[0]) for line in (perilous / "ran").read_text().splitlines()]
    if end != signal.SIGKILL:  # as a terminal or Slurm sends it: to all of them
        os.killpg(child.pid, end)
    else:
        child.send_signal(end)
    _, err = child.communicate(timeout=30)
    assert child.returncode == (-end if end == signal.SIGKILL else 128 + end)
    assert "Traceback" not in err
    _until(lambda: not any(_runs(worker) for worker in workers))
    (perilous / "wait").unlink()
    assert subprocess.run([sys.executable, "-m", "wbsite.cli", *arguments], cwd=perilous, env=variables).returncode == 0
    assert Store(perilous / "build" / "store").damaged() == []


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("waited for a minute")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
