"""Tasks in processes of this machine, one thread each, all forked from one that has imported torch."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection, wait

from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.processes import environment, give_back_memory, started
from wbsite.core.progress import Inner, Progress

from .plan import Task
from .pool_worker import serve
from .relay import pass_on
from .schedule import Schedule
from .worker import Outcome

EVERY = 1.0
"""Seconds after which the time that is left is estimated anew, though no task is done."""


def on_pool(tasks: Sequence[Task], config: Config, progress: Progress, workers: int) -> Iterator[Outcome]:
    """Runs tasks on so many processes and yields their outcomes as they come.

    A task whose process is killed is tried once more, with one process less: memory may have been short.
    """
    schedule, lost, said = Schedule(tasks), set[str](), 0.0
    _forget()
    with ExitStack() as stack:
        pool = [stack.enter_context(_Worker(config, progress)) for _ in range(min(workers, len(tasks)))]
        while schedule:
            for worker in pool:
                if worker.task is None and (ready := schedule.start()):
                    worker.start(*ready)
                    schedule.began(ready[0].key)
            for worker in _heard(pool):
                try:
                    outcome = worker.hear()
                except _Gone as gone:
                    pool.remove(worker)
                    if not pool:
                        pool.append(stack.enter_context(_Worker(config, progress)))
                    if gone.task.key not in lost:
                        progress.line(f"{gone.task.label}: {gone}; tried once more, on {len(pool)} at a time")
                        lost.add(gone.task.key)
                        schedule.give_back(gone.task)
                        continue
                    outcome = Outcome(gone.task, str(gone))
                if outcome is not None:
                    schedule.finish(outcome)
                elif worker.task is not None:
                    schedule.said(worker.task.key, worker.inner.remaining())
                if outcome is not None or time.monotonic() - said > EVERY:
                    said = time.monotonic()
                    progress.left(schedule.left(len(pool)))
                if outcome is not None:
                    yield outcome


def _forget() -> None:
    """Lets go of what was loaded for planning, in which this process would be as large as those that compute."""
    for kind in registry.entries("subjects"):
        kind.forget()
    gc.collect()
    give_back_memory()


class _Gone(Exception):
    """A process ended while it ran a task."""

    def __init__(self, task: Task, reason: str) -> None:
        super().__init__(reason)
        self.task = task


class _Worker:
    """One process, and the task that it runs."""

    def __init__(self, config: Config, progress: Progress) -> None:
        self.progress, self.inner = progress, Inner(progress, "")
        self.task: Task | None = None
        self.process, self.connection = started(serve, config.store, config.device, environment())

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()
        if self.task is not None:
            self.process.kill()  # it leaves other signals to this process
        self.process.join()

    def start(self, task: Task, needed: Sequence[Outcome]) -> None:
        """Sends it a task."""
        self.task, self.inner = task, Inner(self.progress, task.label)
        with suppress(BrokenPipeError):  # it is gone, which is found out where it is listened to
            self.connection.send((task, needed))

    def hear(self) -> Outcome | None:
        """What came of its task, if that is what it says next; progress is passed on.

        Raises:
            _Gone: it has ended.
            StoreError: the store cannot be used.
        """
        assert self.task is not None
        try:
            kind, content = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            code, task = self.process.exitcode or 0, self.task
            self.task = None
            why = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
            raise _Gone(task, f"its process {why}{', perhaps for want of memory' if code == -9 else ''}") from None
        if kind == "progress":
            pass_on(content, self.inner)
            return None
        self.task = None
        if kind == "raise":
            raise content
        return content


def _heard(pool: Sequence[_Worker]) -> list[_Worker]:
    """Those of the busy workers that have something to say, as soon as there are some."""
    by_connection: dict[object, _Worker] = {w.connection: w for w in pool if w.task is not None}
    ready: list[Connection] = wait([w.connection for w in by_connection.values()])  # type: ignore[assignment]
    return [by_connection[connection] for connection in ready]
