"""Folders that cannot be written: the command says which, changes nothing, and a build with the right to write is good.

They are mounted read-only, which holds for root, too; where this process may not mount, their mode is changed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .bench import Bench, content, ended_well, last
from .kills import forget
from .mounts import can_mount, read_only
from .problem import DIFFERENCE, LOSS, Problem

PLACES = ("build/store", "build/store/objects", "build/store/records", "build/docs", "build", "site", ".")


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    forget(bench, folder, chance)
    place = folder / chance.choice(PLACES)
    place.mkdir(parents=True, exist_ok=True)
    before = content(place)
    with guarded(place):
        ran = bench.run(folder, *bench.build)
    yield from ended_well(ran)
    if ran.status not in (0, 2):
        yield Problem(LOSS, f"{place.name} read-only ended the build with {ran.status}: {last(ran.err)}")
    if content(place) != before:
        yield Problem(DIFFERENCE, f"{place.name} was read-only and changed")
    yield from bench.finished(folder)


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """A folder that cannot be written."""
    if can_mount():
        with read_only(folder):
            yield
        return
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(mode)
