"""Builds killed or interrupted at a random moment, up to three times in a row, and then finished.

Each begins with what an earlier build left: a random part of the results, with or without pages and site. What was
whole before stays, and the site becomes byte for byte that of an undisturbed build.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from wbsite.core.store import Store

from .bench import Bench, ended_well
from .problem import LOSS, Problem

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    forget(bench, folder, chance)
    before = bench.whole(folder)
    for _ in range(chance.choice((1, 1, 2, 3))):
        yield from killed(bench, folder, chance)
        if lost := before - bench.whole(folder):
            yield Problem(LOSS, f"{len(lost)} finished results are gone after a kill")
        before |= bench.whole(folder)
    yield from bench.finished(folder)
    for place in ("build/docs", "build/theme", "site"):
        if partial := list((folder / place).rglob("*.partial")):
            yield Problem(LOSS, f"{partial[0].name} was left in {place}")


def forget(bench: Bench, folder: Path, chance: random.Random) -> None:
    """Takes away a random part of what a build made."""
    store = Store(folder / "build" / "store")
    keys = sorted(bench.named)
    for key in chance.sample(keys, len(keys) if chance.random() < 0.05 else chance.randint(1, 4)):
        store.remove(key)
    for place in ("build/docs", "site", "build/store/records"):
        if chance.random() < 0.4:
            shutil.rmtree(folder / place)


def killed(bench: Bench, folder: Path, chance: random.Random) -> Iterator[Problem]:
    """A build with one or two processes that is ended at a random moment of its usual time."""
    running = bench.start(folder, *bench.build[:-1], chance.choice("112"))
    end = chance.choice(SIGNALS)
    if not running.ends_within(chance.uniform(0, 1.2) * bench.usual):
        os.kill(running.pid, end)
    yield from ended_well(running.result(), SIGNALS)
