"""Tasks on a Dask cluster that is running: each is handed to a worker that fits, and to another where one is lost."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.processes import memory_kept
from wbsite.core.progress import Inner, Progress
from wbsite.run.plan import Task
from wbsite.run.relay import Sent, pass_on
from wbsite.run.schedule import Schedule
from wbsite.run.subjects.base import Subject
from wbsite.run.worker import Outcome, run_task

from .modules import modules_of, ship
from .workers import LOOK, Asked, Crew, SchedulerLost, Worker, connected, table

TOPIC = "wbsite"

LOSSES = 3
"""Workers that may be lost while they run a task before it counts as failed."""

_alone = threading.Lock()
"""Of a worker's process: one task at a time, whatever threads it has."""


@dataclass(frozen=True)
class Unable:
    """What a worker answers that cannot load what a task is computed of."""

    reason: str


def on_cluster(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """Runs tasks on the workers of a cluster, one at a time on each, and yields their outcomes as they come.

    Workers must reach the store and the weights under the same addresses. A task whose worker is lost goes to another
    one; a network that one worker cannot load is computed by those that can.

    Raises:
        WbsiteError: Dask is not installed, no scheduler answers, no worker comes or fits, or none of them can load
            what a task is computed of.
        SchedulerLost: the scheduler is gone.
    """
    asked = Asked.of(config)
    with connected(config.scheduler) as client:
        files = modules_of({task.subject for task in tasks})
        crew = Crew(client, config.scheduler, asked, config.wait, progress, partial(ship, files, client))
        crew.assemble()
        hands = _Hands(client, crew, tasks, config, progress)
        try:
            yield from hands.outcomes()
        finally:
            hands.drop()


def checked(config: Config, progress: Progress) -> tuple[list[str], bool]:
    """A table of what each worker has, and whether any of them can compute.

    Raises:
        WbsiteError: no scheduler is named or answers, or no worker comes.
    """
    if not config.scheduler:
        raise WbsiteError("no scheduler is named.", "Give its address with --scheduler, as in tcp://host:8786.")
    asked = Asked.of(config)
    with connected(config.scheduler) as client:
        crew = Crew(client, config.scheduler, asked, config.wait, progress)
        crew.gather()
        return table(list(crew.workers.values())), bool(crew.fitting)


class _Hands:
    """Tasks, and the workers that have them in hand."""

    def __init__(self, client: Any, crew: Crew, tasks: Sequence[Task], config: Config, progress: Progress) -> None:
        self._client, self._crew, self._config, self._progress = client, crew, config, progress
        self._schedule = Schedule(tasks)
        self._inner = {task.key: Inner(progress, task.label) for task in tasks}
        self._busy: dict[str, tuple[Task, Any]] = {}
        self._losses: Counter[str] = Counter()
        self._loaded: dict[str, set[Subject]] = {}
        self._unable: dict[str, dict[Subject, str]] = {}
        self._ended: SimpleQueue[str] = SimpleQueue()
        client.subscribe_topic(TOPIC, self._heard)

    def outcomes(self) -> Iterator[Outcome]:
        """Hands out tasks until all are done."""
        while self._schedule:
            self._crew.refresh()
            yield from self._lost()
            for worker in self._crew.fitting:
                if worker.address not in self._busy:
                    self._hand(worker)
            self._refuse_what_none_can_load()
            try:
                address = self._ended.get(timeout=LOOK)
            except Empty:
                self._progress.left(self._schedule.left(len(self._crew.fitting)))
                continue
            if address in self._busy and self._busy[address][1].done():  # else it ended when its worker was lost
                yield from self._answered(address)

    def drop(self) -> None:
        """Takes back what is in hand."""
        self._client.unsubscribe_topic(TOPIC)
        self._client.cancel([future for _, future in self._busy.values()], force=True)

    def _hand(self, worker: Worker) -> None:
        unable = self._unable.get(worker.address, {})
        loaded = self._loaded.setdefault(worker.address, set())
        started = self._schedule.start(lambda task: None if task.subject in unable else task.subject in loaded)
        if started is None:
            return
        task, needed = started
        loaded.add(task.subject)
        future = self._client.submit(
            _run, task, self._config.store, self._config.device, needed, os.getcwd(),
            key=f"wbsite-{task.key}-{self._losses[task.key]}-{worker.address}", workers=[worker.address],
            resources=worker.resources if self._config.device != "cpu" else {}, priority=self._schedule.way(task),
            retries=0, pure=False,
        )  # fmt: skip
        self._busy[worker.address] = task, future
        future.add_done_callback(lambda future, address=worker.address: self._ended.put(address))

    def _answered(self, address: str) -> Iterator[Outcome]:
        task, future = self._busy.pop(address)
        if future.status in ("cancelled", "lost"):
            raise SchedulerLost(self._config.scheduler, "it forgot what was asked of it")
        if future.status == "error":
            error = future.exception()
            if isinstance(error, WbsiteError):
                raise error
            answer: Outcome | Unable = Outcome(task, f"the worker failed: {error}")
        else:
            answer = future.result()
        if isinstance(answer, Unable):
            self._unable.setdefault(address, {})[task.subject] = answer.reason
            self._progress.line(f"worker {address} cannot load {task.subject.label}: {answer.reason}")
            self._schedule.give_back(task)
            return
        yield self._finished(answer)

    def _lost(self) -> Iterator[Outcome]:
        """Gives back the tasks of workers that are gone."""
        for address in self._busy.keys() - self._crew.workers.keys():
            task, future = self._busy.pop(address)
            future.cancel(force=True)
            self._losses[task.key] += 1
            if (losses := self._losses[task.key]) == LOSSES:
                reason = f"{losses} workers were lost while they ran it, perhaps for want of memory"
                yield self._finished(Outcome(task, reason))
            else:
                self._progress.line(f"{task.label}: its worker was lost; tried once more")
                self._schedule.give_back(task)

    def _finished(self, outcome: Outcome) -> Outcome:
        self._schedule.finish(outcome)
        self._progress.left(self._schedule.left(len(self._crew.fitting)))
        return outcome

    def _refuse_what_none_can_load(self) -> None:
        """Ends the run, in one sentence, where the workers stand idle since none of them can load what is left."""
        if self._busy:
            return
        for subject in {subject for unable in self._unable.values() for subject in unable}:
            reasons = [self._unable.get(worker.address, {}).get(subject, "") for worker in self._crew.fitting]
            if all(reasons) and self._schedule.waits(subject):
                raise WbsiteError(
                    f"no worker of {self._config.scheduler} can load {subject.label}: {reasons[0]}",
                    f"See that they find its module and files: they look in {os.getcwd()}, where that folder is there,"
                    " and on their PYTHONPATH.",
                )

    def _heard(self, event: tuple[float, Any]) -> None:
        key, message = event[1]
        if key in self._inner:  # another command's tasks may run on the same cluster
            self._schedule.began(key)
            if message:
                pass_on(message, self._inner[key])
                self._schedule.said(key, self._inner[key].remaining())


def _run(task: Task, store: str, device: str, needed: Sequence[Outcome], folder: str) -> Outcome | Unable:
    """On a worker: in the folder where the command was given, if it is there."""
    from distributed import get_worker

    def send(message: Any) -> None:
        get_worker().log_event(TOPIC, (task.key, message))

    with _alone, memory_kept(), chdir(folder) if Path(folder).is_dir() else nullcontext():
        send(None)
        if reason := _unable(task):
            return Unable(reason)
        return run_task(task, store, device, *needed, progress=Sent(send))


def _unable(task: Task) -> str:
    """Why this worker cannot load what a task is computed of, "" where it can."""
    try:
        material = task.subject.load(task.profile)
        if material.digest != task.digest:  # perhaps loaded for an earlier run, before its files changed
            task.subject.forget()
            material = task.subject.load(task.profile)
    except WbsiteError as error:
        return str(error)
    except Exception as error:  # the network is the user's: anything can happen
        return f"{type(error).__name__}: {error}"
    if material.digest != task.digest:
        return (
            f"it finds another version of its {material.content} than the command does; start it anew after an edit,"
            " and see that both read the same files"
        )
    return ""
