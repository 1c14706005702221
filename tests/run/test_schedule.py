"""Which task starts next, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from wbsite.run.plan import Task
from wbsite.run.schedule import Schedule
from wbsite.run.subjects.model import ModelSubject
from wbsite.run.worker import Outcome


def task(name: str, seconds: float, *needs: str, analysis: str = "") -> Task:
    needed = {need: need for need in needs}
    return Task(ModelSubject("a"), "", analysis or name, "", "quick", name, needed, seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves time on."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def order(schedule: Schedule) -> list[str]:
    """In which one worker would run the tasks."""
    keys = []
    while ready := schedule.start():
        keys.append(ready[0].key)
        schedule.finish(Outcome(ready[0]))
    assert not schedule
    return keys


def test_the_longest_way_to_the_end_starts_first() -> None:
    tasks = [task("a", 1), task("long", 9), task("b", 2), task("after b", 8, "b"), task("c", 3, "a")]
    assert order(Schedule(tasks)) == ["b", "long", "after b", "a", "c"]


def test_a_task_waits_for_those_it_needs_and_gets_their_outcomes() -> None:
    schedule = Schedule([task("a", 1), task("b", 1, "a", "in the store")])
    first = schedule.start()
    assert first is not None
    assert schedule.start() is None
    schedule.finish(Outcome(first[0], "no convergence"))
    second = schedule.start()
    assert second is not None
    assert [outcome.failed for outcome in second[1]] == ["no convergence"]


def test_a_task_that_was_given_back_is_started_again() -> None:
    schedule = Schedule([task("a", 1)])
    first = schedule.start()
    assert first is not None
    schedule.give_back(first[0])
    assert order(schedule) == ["a"]


def test_what_is_left_is_shared_by_workers_but_no_shorter_than_the_longest_way(clock: Callable[[float], None]) -> None:
    tasks = [task("a", 10), task("b", 10), task("c", 10, "b"), task("d", 10)]
    schedule = Schedule(tasks)
    assert schedule.left(1) == pytest.approx(40)
    assert schedule.left(2) == pytest.approx(20)
    assert schedule.left(4) == pytest.approx(20)


def test_estimates_are_corrected_by_what_was_measured(clock: Callable[[float], None]) -> None:
    tasks = [task(f"slow {i}", 10, analysis="slow") for i in range(4)] + [task(f"as said {i}", 10) for i in range(4)]
    schedule = Schedule(tasks)
    for _ in range(2):
        ready = schedule.start()
        assert ready is not None
        assert ready[0].analysis == "slow"
        schedule.finish(Outcome(ready[0], seconds=30))
    left = schedule.left(1)
    assert left > 2 * 25 + 4 * 15  # all are taken to be slower, those of the same analysis more so
    while ready := schedule.start():
        schedule.finish(Outcome(ready[0], seconds=30 if ready[0].analysis == "slow" else 10))
    assert schedule.left(1) == 0


def test_a_running_task_counts_by_what_it_says_else_by_the_time_it_took(clock: Callable[[float], None]) -> None:
    schedule = Schedule([task("a", 10)])
    ready = schedule.start()
    assert ready is not None
    schedule.began("a")
    clock(4)
    assert schedule.left(1) == pytest.approx(6)
    clock(96)
    assert schedule.left(1) == pytest.approx(20)
    schedule.said("a", 300)
    clock(50)
    assert schedule.left(1) == pytest.approx(250)
