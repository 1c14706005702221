"""Tasks on a Dask cluster that is running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError, optional
from wbsite.core.progress import Inner, Progress

from .plan import Task
from .relay import Sent, pass_on
from .schedule import Schedule
from .worker import Outcome, run_task

TOPIC = "wbsite"


def on_cluster(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """Runs tasks on the workers of a cluster and yields their outcomes as they come.

    Workers must reach the store and the weights under the same addresses.

    Raises:
        WbsiteError: Dask is not installed, or no scheduler answers.
    """
    with _client(config.scheduler) as client:
        from distributed import as_completed

        schedule = Schedule(tasks)
        inner = {task.key: Inner(progress, task.label) for task in tasks}

        def heard(event: tuple[float, Any]) -> None:
            key, message = event[1]
            if key in inner:  # another command's tasks may run on the same cluster
                schedule.began(key)
                if message:
                    pass_on(message, inner[key])
                    schedule.said(key, inner[key].remaining())

        client.subscribe_topic(TOPIC, heard)
        running: dict[str, Task] = {}
        futures = as_completed()
        try:
            while schedule:
                while started := schedule.start():
                    task, needed = started
                    future = client.submit(
                        _run, task, config.store, config.device, needed,
                        key=f"wbsite-{task.key}", priority=schedule.way(task),
                    )  # fmt: skip
                    running[future.key] = task
                    futures.add(future)
                future = next(futures)
                outcome = _outcome(running.pop(future.key), future)
                schedule.finish(outcome)
                progress.left(schedule.left(sum(client.nthreads().values())))
                yield outcome
        finally:
            client.cancel([f"wbsite-{task.key}" for task in running.values()])


def _run(task: Task, store: str, device: str, needed: Sequence[Outcome]) -> Outcome:
    from distributed import get_worker

    def send(message: Any) -> None:
        get_worker().log_event(TOPIC, (task.key, message))

    send(None)
    return run_task(task, store, device, *needed, progress=Sent(send))


def _outcome(task: Task, future: Any) -> Outcome:
    if future.status == "error" and not isinstance(future.exception(), WbsiteError):
        return Outcome(task, f"the worker failed: {future.exception()}")
    return future.result()


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    with optional("--scheduler", "cluster"):
        from distributed import Client
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise WbsiteError(
            f"no Dask scheduler answers at {scheduler!r} ({error}).",
            "Start one with `dask scheduler`, or leave --scheduler out.",
        ) from error
    with client:
        yield client
