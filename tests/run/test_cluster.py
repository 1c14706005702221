"""A Dask cluster: who may compute, what is said where nobody can, and what is lost when a part of it is."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.run.cluster import run as cluster
from wbsite.run.cluster.workers import LOGGERS, SIGN, Asked, SchedulerLost, _unshared
from wbsite.run.plan import Task, plan
from wbsite.run.subjects.model import ModelSubject

from .perilous import Heard

pytest.importorskip("distributed", reason="wbsite[cluster] is not installed")


class Dask:
    """A scheduler and its workers, each in a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.processes: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.scheduler = self._start("dask_scheduler", "--host", self.address, folder=folder)

    def worker(self, *arguments: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
        return self._start("dask_worker", self.address, "--nthreads", "1", *arguments, folder=folder or self.folder)

    def _start(self, program: str, *arguments: str, folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", *arguments]
        with open(self.folder / "dask.log", "ab") as log:
            self.processes.append(subprocess.Popen(command, cwd=folder, env=self.environment, stdout=log, stderr=log))
        return self.processes[-1]

    def end(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


class Listener(logging.Handler):
    """Keeps what a logger says."""

    def __init__(self, said: list[logging.LogRecord]) -> None:
        super().__init__()
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record)


@pytest.fixture
def dask(perilous: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[Dask]:
    """A scheduler without workers, of which those that come have the perilous analysis."""
    path = f"{tmp_path / 'plugin'}:{environment['PYTHONPATH']}"
    found = Dask(perilous, {**environment, "PYTHONPATH": path})
    yield found
    found.end()


@pytest.fixture
def tasks(perilous: Path, speck_weights: Path) -> tuple[Task, ...]:
    return plan(ModelSubject("speck", str(speck_weights)), "quick", ["perilous"]).tasks


@pytest.fixture
def config(dask: Dask, perilous: Path) -> Config:
    store = Store(perilous / "store")
    store.prepare()
    return Config(store=store.url, scheduler=dask.address, wait=60)


def ran(tasks: tuple[Task, ...], config: Config) -> tuple[list[Any], Heard]:
    heard = Heard()
    return list(cluster.on_cluster(tasks, config, heard)), heard


def all_are_there(tasks: tuple[Task, ...], config: Config) -> bool:
    return all(Store(config.store).get(task.key) is not None for task in tasks)


def test_a_lost_worker_s_task_goes_to_another(
    dask: Dask, tasks: tuple[Task, ...], config: Config, perilous: Path
) -> None:
    (perilous / "kill once").touch()
    dask.worker("--no-nanny")
    dask.worker("--no-nanny")
    outcomes, heard = ran(tasks, config)
    assert [outcome.failed for outcome in outcomes] == [""] * len(tasks)
    assert all_are_there(tasks, config)
    assert any("its worker was lost; tried once more" in line for line in heard.lines)
    assert any("is gone; 1 are left" in line or "is gone; 0 are left" in line for line in heard.lines)
    assert any("looks for files" in note for note in heard.notes), "its progress is heard"


def test_a_task_that_takes_down_its_workers_fails_alone(
    dask: Dask, tasks: tuple[Task, ...], config: Config, perilous: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOSSES", 2)
    (perilous / "kill").touch()
    dask.worker("--nanny")  # which starts it anew
    outcomes, _ = ran(tasks, config)
    failed = {outcome.task.layer: outcome.failed for outcome in outcomes if outcome.failed}
    assert failed == {"conv2": "2 workers were lost while they ran it, perhaps for want of memory"}


def test_a_lost_scheduler_ends_the_run_and_the_same_command_goes_on(
    dask: Dask, tasks: tuple[Task, ...], config: Config, perilous: Path
) -> None:
    dask.worker("--no-nanny")
    outcomes = cluster.on_cluster(tasks, config, Heard())
    done = next(outcomes)
    said: list[logging.LogRecord] = []
    for name in LOGGERS:
        logging.getLogger(name).addHandler(Listener(said))
    (perilous / "wait").touch()
    dask.scheduler.kill()
    began = time.monotonic()
    with pytest.raises(SchedulerLost, match=r"is gone.*What is done is kept.*\n.*run the same command"):
        list(outcomes)
    assert time.monotonic() - began < 60
    assert not said, "Dask's own words, tracebacks among them"
    assert Store(config.store).get(done.task.key) is not None
    (perilous / "wait").unlink()
    again = Dask(perilous, dask.environment)
    try:
        again.worker("--no-nanny")
        rest = tuple(task for task in tasks if Store(config.store).get(task.key) is None)
        assert len(rest) < len(tasks)
        ran(rest, Config(store=config.store, scheduler=again.address, wait=60))
    finally:
        again.end()
    assert all_are_there(tasks, config)


def test_a_scheduler_that_is_silent_is_not_waited_for_without_end(
    dask: Dask, tasks: tuple[Task, ...], config: Config
) -> None:
    dask.worker("--no-nanny")
    cluster.checked(config, Heard())  # it is up
    dask.scheduler.send_signal(signal.SIGSTOP)
    with pytest.raises(WbsiteError, match=r"no Dask scheduler answers at .*takes the connection and is silent"):
        ran(tasks, config)
    dask.scheduler.send_signal(signal.SIGCONT)
    assert cluster.checked(config, Heard())[1]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://localhost:port", "invalid literal"),
        ("tls://localhost:1", "check your TLS configuration"),
        ("ucx://localhost:1", "UCX"),
        ("http://localhost:1", "unknown address scheme 'http'"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(WbsiteError, match=rf"no Dask scheduler answers at '{address}' \(.*{reason}"):
        cluster.checked(Config(scheduler=address), Heard())


def test_a_cluster_is_asked_from_a_notebook_too(dask: Dask, config: Config) -> None:
    """In whose thread an event loop runs."""

    async def cell() -> tuple[list[str], bool]:
        return cluster.checked(config, Heard())

    dask.worker("--no-nanny")
    with ThreadPoolExecutor(1) as notebook:
        assert notebook.submit(asyncio.run, cell()).result()[1]


def test_who_cannot_compute_is_told_apart(
    dask: Dask, tasks: tuple[Task, ...], config: Config, perilous: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is handed out where no worker can do it; one worker serves all these cases."""
    with pytest.raises(WbsiteError, match="has had no workers for 1 s") as none:
        ran(tasks, Config(store=config.store, scheduler=dask.address, wait=1))
    assert "--wait SECONDS" in str(none.value)
    with pytest.raises(WbsiteError, match="is in this process's memory"):
        ran(tasks, Config(store="memory://results", scheduler=dask.address))
    dask.worker("--no-nanny")
    lines, fits = cluster.checked(config, Heard())
    assert fits and lines[0].split() == ["worker", "threads", "memory", "GPU", "Python", "torch", "wbsite", "verdict"]
    assert len(lines) == 2 and lines[1].startswith("tcp://") and lines[1].endswith("fits")
    with pytest.raises(WbsiteError, match="it has no GPU, and --device cuda asks for one \\(1 of 1\\)"):
        ran(tasks, Config(store=config.store, scheduler=dask.address, device="cuda"))
    of = Asked.of
    for wrong, reason in (({"sign": "other"}, "it sees another one"), ({"code": "other"}, "its code is not")):
        with monkeypatch.context() as patch:
            patch.setattr(Asked, "of", lambda config, wrong=wrong: Asked(**{**vars(of(config)), **wrong}))
            with pytest.raises(WbsiteError, match=reason):
                ran(tasks, config)
    assert not (perilous / "ran").exists()
    (perilous / "elsewhere").mkdir()
    lost = plan(ModelSubject("speck", str(_moved(perilous, tasks))), "quick", ["perilous"]).tasks
    _moved(perilous, tasks).rename(perilous / "moved away")
    with pytest.raises(WbsiteError, match="can load speck"):
        ran(lost, config)


def _moved(folder: Path, tasks: tuple[Task, ...]) -> Path:
    """A copy of the network's weights that can be taken away."""
    import shutil

    copy = folder / "weights"
    if not copy.exists() and not (folder / "moved away").exists():
        shutil.copytree(tasks[0].subject.weights_dir, copy)  # type: ignore[attr-defined]
    return copy


def test_a_store_that_is_not_shared_is_recognised(tmp_path: Path) -> None:
    asked = Asked(str(tmp_path / "store"), "sign", "code", "cpu")
    assert _unshared(asked) == "nothing is there as it sees it"
    store = Store(tmp_path / "store")
    store.prepare()
    store.put_record(SIGN, {"sign": "another's"})
    assert _unshared(asked) == "it sees another one under this address"
    store.put_record(SIGN, {"sign": "sign"})
    assert _unshared(asked) == ""


NETWORK = "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Conv2d(3, {units}, 3), nn.ReLU())\n"


@pytest.mark.parametrize("package", [False, True])
def test_the_users_module_is_sent_in_its_present_version(
    dask: Dask, perilous: Path, package: bool, tmp_path: Path, config: Config
) -> None:
    """To workers that are not in its folder, and again after an edit."""
    from distributed import Client

    from wbsite.run.cluster.modules import modules_of, ship

    name = "own_package" if package else "own_module"
    file = perilous / name / "nets.py" if package else perilous / f"{name}.py"
    file.parent.mkdir(exist_ok=True)
    if package:
        (file.parent / "__init__.py").touch()
    subject = ModelSubject(f"{name}.nets:build" if package else f"{name}:build")
    (tmp_path / "elsewhere").mkdir()
    dask.worker("--no-nanny", folder=tmp_path / "elsewhere")
    with Client(dask.address) as client:
        client.wait_for_workers(1, timeout=60)
        for units in (4, 6):
            file.write_text(NETWORK.format(units=units))
            ship(modules_of([subject]), client, list(client.scheduler_info()["workers"]))
            assert client.submit(_units, subject.token, pure=False).result(timeout=60) == units


def test_a_file_that_changed_since_a_worker_loaded_it_is_loaded_anew(
    dask: Dask, perilous: Path, config: Config
) -> None:
    dask.worker("--no-nanny")
    for step in range(2):
        torch.save({"conv2.weight": torch.full((4, 3, 3, 3), 1.0 + step)}, perilous / "net.pth")
        ModelSubject.forget()
        tasks = plan(ModelSubject(str(perilous / "net.pth")), "quick", ["anatomy"]).tasks
        outcomes, _ = ran(tasks, config)
        assert [outcome.failed for outcome in outcomes] == [""] and all_are_there(tasks, config)


def _units(token: str) -> int:
    import importlib

    module, _, factory = token.partition(":")
    return getattr(importlib.import_module(module), factory)()[0].out_channels  # type: ignore[no-any-return]
