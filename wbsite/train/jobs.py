"""Several runs of a suite at once: one process a run, each on one thread of a CPU, or sharing a GPU."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from wbsite.core.errors import WbsiteError
from wbsite.core.processes import belong, environment, starting
from wbsite.core.progress import Progress
from wbsite.core.signals import withheld

from .job import Job, train_job
from .parallel import ALONE, Team, attempt
from .runs import Run

GPU_JOBS = 6
"""Small networks leave most of a GPU idle; more processes than this gain little."""


def default_jobs(device: str) -> int:
    """How many runs at once: one a core on a CPU, several on a GPU."""
    from wbsite.core.device import choose

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(GPU_JOBS, cores) if choose(device).type == "cuda" else cores


def train_jobs(
    jobs: Sequence[Job], workers: int, progress: Progress, team: Team = ALONE
) -> Iterator[tuple[Job, Run | WbsiteError]]:
    """Trains all jobs and yields each with its run, or with its error, as it ends; the others go on.

    Worker processes end with this process, however it ends; their checkpoints are kept.

    Args:
        workers: number of processes; 1 trains the jobs in this process, together with the team's others.

    Raises:
        WbsiteError: a process was ended from outside.
    """
    if workers == 1 or len(jobs) == 1:
        for job in jobs:
            yield job, attempt(partial(train_job, job, progress, team))
        return
    other_children = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare, initargs=(environment(),)) as pool:
        with starting(), withheld():
            futures: dict[Future[Run], Job] = {pool.submit(train_job, job, Progress()): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures.pop(future), attempt(future.result)
        except BrokenProcessPool as error:
            raise WbsiteError(
                "a process that trained was ended from outside, perhaps because the memory is full.",
                "Run the command again, with a smaller number of --jobs: what is done is kept.",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - other_children:
                child.kill()  # it leaves other signals to this process
            raise


def _prepare(environment: Mapping[str, str]) -> None:
    import torch

    torch.set_num_threads(1)
    belong(environment)
