"""In which order tasks start, and about how long those that remain will take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from .plan import Task
from .subjects.base import Subject
from .worker import Outcome

_PRIOR = 2.0
"""Seconds of measurement that an estimate counts for, beside what was measured."""

_OVERDUE = 0.2
"""What a task that takes longer than estimated is taken to need still, in shares of what it took so far."""


class Schedule:
    """Tasks that wait, are handed out, and are done. A task can start when those that it needs are done.

    The longest way to the end starts first: a task's own seconds and those of what waits for it.

    Args:
        tasks: each after those it needs.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._waiting = {task.key: task for task in tasks}
        self._started: dict[str, Task] = {}
        self._began: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._done: dict[str, Outcome] = {}
        self._estimated: dict[str, float] = defaultdict(float)
        self._measured: dict[str, float] = defaultdict(float)
        self._way: dict[str, float] = defaultdict(float)
        for task in reversed(tasks):
            self._way[task.key] += task.seconds
            for need in task.needs.values():
                self._way[need] = max(self._way[need], self._way[task.key])

    def __bool__(self) -> bool:
        return bool(self._waiting or self._started)

    def way(self, task: Task) -> float:
        """Estimated seconds from a task's start to the end of what waits for it."""
        return self._way[task.key]

    def start(self, suited: Callable[[Task], bool | None] | None = None) -> tuple[Task, list[Outcome]] | None:
        """The task to start next, with the outcomes that it needs; None while all others wait for some.

        Args:
            suited: of a task, whether what it is computed of is loaded already where it would run, which puts it before
                those with up to twice its way; None where it cannot run there.
        """
        ready = {
            task.key: suited(task) if suited else False
            for task in self._waiting.values()
            if not any(need in self._waiting or need in self._started for need in task.needs.values())
        }
        able = [self._waiting[key] for key, loaded in ready.items() if loaded is not None]
        if not able:
            return None
        task = max(able, key=lambda task: self.way(task) * (2 if ready[task.key] else 1))
        self._started[task.key] = self._waiting.pop(task.key)
        return task, [self._done[key] for key in task.needs.values() if key in self._done]

    def waits(self, subject: Subject) -> bool:
        """Whether a task of a subject has not been handed out."""
        return any(task.subject == subject for task in self._waiting.values())

    def began(self, key: str) -> None:
        """Notes that a task that was started is running now."""
        self._began.setdefault(key, time.monotonic())

    def said(self, key: str, seconds: float) -> None:
        """Notes how long a running task says that its current step still takes."""
        self._said[key] = time.monotonic() + seconds

    def give_back(self, task: Task) -> None:
        """Puts a task that was started among those that wait."""
        self._waiting[task.key] = self._started.pop(task.key)
        self._began.pop(task.key, None)

    def finish(self, outcome: Outcome) -> None:
        """Notes what became of a task."""
        task = self._started.pop(outcome.task.key)
        self._began.pop(task.key, None)
        self._done[task.key] = outcome
        if not outcome.failed:
            self._estimated[task.analysis] += task.seconds
            self._measured[task.analysis] += outcome.seconds

    def left(self, workers: int) -> float:
        """Seconds until all is done: the work that remains, shared by so many workers, or the longest way, if longer.

        Estimates are corrected by what tasks of the same analysis took, and all by what all took.
        """
        pace = _corrected(sum(self._measured.values()), sum(self._estimated.values()), 1.0)
        tasks = {**self._waiting, **self._started}
        expected = {
            key: task.seconds * _corrected(self._measured[task.analysis], self._estimated[task.analysis], pace)
            for key, task in tasks.items()
        }
        now = time.monotonic()
        for key, began in self._began.items():
            said = self._said.get(key, now) - now
            expected[key] = max(expected[key] - (now - began), _OVERDUE * (now - began) if said <= 0 else said)
        return max(sum(expected.values()) / max(1, workers), _longest(tasks, expected))


def _corrected(measured: float, estimated: float, otherwise: float) -> float:
    """By which factor tasks take longer than estimated."""
    return (measured + _PRIOR * otherwise) / (estimated + _PRIOR)


def _longest(tasks: Mapping[str, Task], expected: Mapping[str, float]) -> float:
    """Seconds of the longest chain of tasks that wait for each other."""
    ends: dict[str, float] = {}

    def end(key: str) -> float:
        if key not in ends:
            ends[key] = expected[key] + max(
                (end(need) for need in tasks[key].needs.values() if need in tasks), default=0
            )
        return ends[key]

    return max(map(end, tasks), default=0.0)
