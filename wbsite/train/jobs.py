"""Several runs of a suite at once: one process a run, each on one thread of a CPU, or sharing a GPU."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .parallel import ALONE, Team
from .runs import Run
from .suite import Job, run

GPU_JOBS = 6
"""Small networks leave most of a GPU idle; more processes than this gain little."""


def default_jobs(device: str) -> int:
    """How many runs at once: one a core on a CPU, several on a GPU."""
    from wbsite.core.device import choose

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(GPU_JOBS, cores) if choose(device).type == "cuda" else cores


def _prepare(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    # Ctrl-C reaches all processes of a terminal; the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> Run:
    return run(job, Progress())


def runs(
    jobs: Sequence[Job], at_once: int, progress: Progress, team: Team = ALONE
) -> Iterator[tuple[Job, Run | WbsiteError]]:
    """Makes all runs and yields each as it is done; a run that fails leaves the others standing.

    Runs side by side end with this process, however it ends; what they have checkpointed is kept.

    Raises:
        WbsiteError: a process was ended from outside.
    """
    if at_once == 1 or len(jobs) == 1:
        for job in jobs:
            try:
                yield job, run(job, progress, team)
            except WbsiteError as error:
                yield job, error
        return
    others = set(multiprocessing.active_children())
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
        except BrokenProcessPool as error:
            raise WbsiteError(
                "a process that trained was ended from outside, perhaps because the memory is full.",
                "Run the command again, with a smaller number of --jobs: what is done is kept.",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
