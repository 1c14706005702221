"""Workers of a Dask cluster killed while they compute; their nannies start others, and the same build goes on."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from .bench import Bench, ended_well, last
from .kills import forget
from .problem import LOSS, Problem


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    cluster = bench.kept("cluster", lambda: started(bench))
    folder = bench.copy()
    forget(bench, folder, chance)
    before = bench.whole(folder)
    running = bench.start(folder, *bench.build[:-2], "--scheduler", cluster.scheduler_address)
    for _ in range(chance.choice((1, 1, 2))):
        if not running.ends_within(chance.uniform(0, 0.6) * bench.usual):
            nannies = list(cluster.workers.values())
            process = chance.choice(nannies).process
            with suppress(AttributeError, ProcessLookupError):  # one that is being started anew
                os.kill(process.pid, signal.SIGKILL)
    ran = running.result()
    yield from ended_well(ran)
    if ran.status:
        reasons = [line for line in ran.err.splitlines() if "failed" in line] or [last(ran.err)]
        yield Problem(LOSS, f"after a worker was lost the build ended with {ran.status}: {reasons[0]}")
    if lost := before - bench.whole(folder):
        yield Problem(LOSS, f"{len(lost)} finished results are gone after a worker was lost")
    yield from bench.differences(folder) if ran.status == 0 else ()
    yield from bench.finished(folder)


def started(bench: Bench) -> Any:
    """A cluster of two workers on this machine."""
    from distributed import LocalCluster

    os.environ.update({name: bench.environment[name] for name in ("PYTHONPATH", "WBSITE_CACHE", "WBSITE_RUNS")})
    sys.path.append(bench.environment["PYTHONPATH"].split(os.pathsep)[-1])  # of which workers have a copy
    return LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50)
