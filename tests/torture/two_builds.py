"""Two builds at once in one folder, with one process each or several: both end well, and the site is the good one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from .bench import Bench, ended_well, last
from .kills import forget
from .problem import LOSS, Problem


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    forget(bench, folder, chance)
    first = bench.start(folder, *bench.build[:-1], chance.choice("12"))
    time.sleep(chance.uniform(0, 1) * bench.usual)
    second = bench.start(folder, *bench.build[:-1], chance.choice("12"), server=1)
    for ran in (first.result(), second.result()):
        yield from ended_well(ran)
        if ran.status:
            yield Problem(LOSS, f"one of two builds ended with {ran.status}: {last(ran.err)}")
    yield from bench.differences(folder)
    yield from bench.finished(folder)
