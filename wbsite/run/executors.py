"""Where tasks run: one after the other in this process, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Inner, Progress

from .plan import Task
from .worker import Outcome, run_task


def outcomes(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """Runs all tasks and yields their outcomes as they come.

    Args:
        progress: what a task does inside is noted on its current step, where tasks run in this process.
    """
    if config.workers or config.scheduler:
        yield from on_dask(tasks, config)
    else:
        yield from inline(tasks, config, progress)


def inline(tasks: Sequence[Task], config: Config, progress: Progress) -> Iterator[Outcome]:
    """One after the other, in the plan's order."""
    done: dict[str, Outcome] = {}
    for task in tasks:
        needed = [done[key] for key in task.needs.values() if key in done]
        inner = Inner(progress, task.label)
        done[task.key] = run_task(task, config.store, config.device, *needed, progress=inner)
        yield done[task.key]


@contextmanager
def _client(config: Config) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise WbsiteError(
            "--workers and --scheduler need Dask, which is not installed.", "Install wbsite[cluster]."
        ) from error
    if config.scheduler:
        try:
            client = Client(config.scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise WbsiteError(
                f"no Dask scheduler answers at {config.scheduler!r} ({error}).",
                "Start one with `dask scheduler`, or leave --scheduler out.",
            ) from error
        with client:
            yield client
        return
    with (
        LocalCluster(n_workers=config.workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def on_dask(tasks: Sequence[Task], config: Config) -> Iterator[Outcome]:
    """On workers; a task starts when those it needs are done.

    Workers must reach the store and the weights under the same addresses.
    """
    with _client(config) as client:
        from distributed import as_completed

        futures: dict[str, Any] = {}
        by_future: dict[str, Task] = {}
        for task in tasks:
            needed = [futures[key] for key in task.needs.values() if key in futures]
            future = client.submit(
                run_task, task, config.store, config.device, *needed, key=f"wbsite-{task.key}", pure=True
            )
            futures[task.key] = future
            by_future[future.key] = task
        try:
            for future in as_completed(futures.values()):
                if future.status == "error" and not isinstance(future.exception(), WbsiteError):
                    yield Outcome(by_future[future.key], f"the worker failed: {future.exception()}")
                else:
                    yield future.result()
        except BaseException:
            client.cancel(list(futures.values()))
            raise
