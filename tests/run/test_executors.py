"""Executors: several processes and a cluster give the results that one process gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import machine
from wbsite.core.config import Config
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.run import executors
from wbsite.run.executors import outcomes
from wbsite.run.plan import Task, plan
from wbsite.run.subjects.model import ModelSubject


def test_workers_store_what_one_process_stores(built: Path, recomputed: Path) -> None:
    """Their values are compared in the contract of analyses."""
    inline, workers = Store(built / "build" / "store"), Store(recomputed / "build" / "store")
    assert workers.damaged() == []
    assert workers.keys() == inline.keys()
    assert workers.record("suites/banding")["results"] == inline.record("suites/banding")["results"]  # type: ignore[index]


def test_a_cluster_stores_what_one_process_stores_and_its_progress_is_heard(
    built: Path, work: Path, speck_weights: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="wbsite[cluster] is not installed")
    inline, cluster_store, heard = Store(built / "build" / "store"), Store("cluster"), Heard()
    cluster_store.prepare()
    tasks = plan(ModelSubject("speck", str(speck_weights)), "quick", ["long_tail", "connections"]).tasks
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        config = Config(store=cluster_store.url, scheduler=cluster.scheduler_address)
        done = list(outcomes(tasks, config, heard))
    assert [outcome.failed for outcome in done] == [""] * len(tasks)
    assert set(cluster_store.keys()) <= set(inline.keys())
    for key in cluster_store.keys():  # noqa: SIM118
        one, other = inline.get(key), cluster_store.get(key)
        assert one is not None
        assert other is not None
        assert one.values == other.values
    assert {note.partition(" · ")[0] for note in heard.notes} <= {task.label for task in tasks}
    assert any("long_tail" in note for note in heard.notes)
    assert heard.rest[-1] == 0


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.rest: list[float] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def left(self, seconds: float) -> None:
        self.rest.append(seconds)


@pytest.mark.parametrize(
    ("processors", "memory", "work", "expected"),
    [(8, None, 100.0, 8), (8, 100e9, 100.0, 8), (8, 4e9, 100.0, 2), (8, 1e9, 100.0, 1), (8, 100e9, 1.0, 1)],
)
def test_as_many_processes_as_there_are_processors_memory_and_work_for(
    monkeypatch: pytest.MonkeyPatch, processors: int, memory: float | None, work: float, expected: int
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: processors)
    monkeypatch.setattr(machine, "free_memory", lambda: memory)
    task = Task(ModelSubject("speck"), "", "nmf", "", "quick", "key", seconds=work)
    assert executors._suited([task], Config(device="cpu")) == expected


def test_a_scheduler_that_does_not_answer_is_said(
    process: Callable[..., Any], tmp_path: Path, speck_weights: Path
) -> None:
    pytest.importorskip("distributed", reason="wbsite[cluster] is not installed")
    ran = process(
        tmp_path, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--scheduler", "tcp:nonsense"
    )
    assert ran.status == 2
    assert "no Dask scheduler answers at 'tcp:nonsense'" in ran.err
    assert "Traceback" not in ran.err
