"""Several runs of a suite at once: one process a run, each on one thread of a CPU, or sharing a GPU."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from ..errors import WbsiteError
from ..models.runs import Run
from ..progress import Progress
from .suite import Job, run

GPU_JOBS = 6
"""Small networks leave most of a GPU idle; more processes than this gain little."""


def default_jobs(device: str) -> int:
    """How many runs at once: one a core on a CPU, several on a GPU."""
    from ..device import choose

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(GPU_JOBS, cores) if choose(device).type == "cuda" else cores


def _prepare(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _work(job: Job) -> Run:
    return run(job, Progress())


def runs(jobs: Sequence[Job], at_once: int, progress: Progress) -> Iterator[tuple[Job, Run | WbsiteError]]:
    """Makes all runs and yields each as it is done; a run that fails leaves the others standing."""
    if at_once == 1 or len(jobs) == 1:
        for job in jobs:
            try:
                yield job, run(job, progress)
            except WbsiteError as error:
                yield job, error
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=context, initializer=_prepare, initargs=(1,)) as pool:
        waiting: dict[Future[Run], Job] = {pool.submit(_work, job): job for job in jobs}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    job = waiting.pop(future)
                    try:
                        made: Run | WbsiteError = future.result()
                    except WbsiteError as error:
                        made = error
                    yield job, made
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
