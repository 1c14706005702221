"""Clocks that jump: a build in which `time.time` jumps by years, on files whose times lie decades apart."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from .bench import Bench
from .kills import forget
from .problem import Problem

FIRST, LAST = 0, 4102444800
"""Seconds of 1970 and of 2100."""


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    forget(bench, folder, chance)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and chance.random() < 0.5:
            own(path)
            os.utime(path, (chance.uniform(FIRST, LAST),) * 2)
    for path in sorted(bench.weights.iterdir()):  # which are taken for changed, and are the same
        os.utime(path, (chance.uniform(FIRST, LAST),) * 2)
    ran = bench.run(folder, *bench.build, TORTURE_CLOCK=str(chance.random()))
    yield from bench.finished(folder)
    if ran.status:
        yield Problem("loss", f"with a clock that jumps the build ended with {ran.status}: {ran.err[-300:]}")


def own(path: Path) -> None:
    """Makes a file one of its own, where it was a link to one that others see."""
    copy = path.with_name(f"{path.name}.own")
    shutil.copyfile(path, copy)
    copy.replace(path)
