"""Where tasks run: in this process, in several of this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from wbsite.core import machine
from wbsite.core.config import Config
from wbsite.core.device import choose
from wbsite.core.progress import Inner, Progress
from wbsite.core.threads import one_thread

from .cluster.run import on_cluster
from .plan import Task
from .pool import on_pool
from .schedule import Schedule
from .worker import Outcome, run_task

BRIEF = 3.0
"""Estimated seconds up to which all tasks together are not worth starting processes for."""

MEMORY = 1_500_000_000
"""Bytes that a process may need: with less free memory than that for each processor, fewer are started."""


def outcomes(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """Runs all tasks and yields their outcomes as they come.

    Without a number of workers, as many processes as this machine has processors and memory for, each on one thread;
    one where there is a GPU, or little to do.

    Args:
        progress: what a task does inside is noted on its current step.
    """
    if config.scheduler:
        yield from on_cluster(tasks, config, progress)
    elif (workers := config.workers or _suited(tasks, config)) > 1:
        yield from on_pool(tasks, config, progress, workers)
    else:
        yield from _inline(tasks, config, progress)


def _suited(tasks: Sequence[Task], config: Config) -> int:
    if choose(config.device).type != "cpu" or sum(task.seconds for task in tasks) < BRIEF:
        return 1
    free = machine.free_memory()
    return machine.processors() if free is None else max(1, min(machine.processors(), free // MEMORY))


def _inline(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """One after the other; on one thread as in processes, whose sums are added in the same order, unless one process
    is all that was asked for."""
    schedule = Schedule(tasks)
    with nullcontext() if config.workers else one_thread(choose(config.device)):
        while started := schedule.start():
            task, needed = started
            schedule.began(task.key)
            outcome = run_task(task, config.store, config.device, *needed, progress=Inner(progress, task.label))
            schedule.finish(outcome)
            progress.left(schedule.left(1))
            yield outcome
