"""A disk that fills during a build: a small file system of random size, then room, and the build is finished.

The store, the site, or the whole working folder lie on it. Where this process may not mount one, files may have no more
than a random size (RLIMIT_FSIZE) instead.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from .bench import Bench, Ran, ended_well, last
from .kills import forget
from .mounts import can_mount, small
from .problem import DIFFERENCE, LOSS, Problem

PLACES = {"build/store": 1_600_000, "site": 6_000_000, "build": 16_000_000}
"""Folders, and about how many bytes a build needs there."""


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    forget(bench, folder, chance)
    if not can_mount():
        ran = bench.run(folder, *bench.build, TORTURE_LARGEST=str(chance.randrange(100, 500_000)))
    else:
        place = chance.choice(sorted(PLACES))
        ran = squeezed(bench, folder, folder / place, int(PLACES[place] * chance.uniform(0.02, 1.1)))
    yield from ended_well(ran)
    if ran.status not in (0, 2):
        yield Problem(LOSS, f"a full disk ended the build with {ran.status}: {last(ran.err)}")
    if ran.status == 2 and not any(word in ran.err for word in ("no space left", "No space left", "File too large")):
        yield Problem(DIFFERENCE, f"a full disk is called something else: {last(ran.err)}")
    yield from bench.finished(folder)


def squeezed(bench: Bench, folder: Path, place: Path, size: int) -> Ran:
    """A build whose folder at a place is on a file system of that many bytes; what it left is then moved to a large
    one, as far as it was there before or was written."""
    before = folder.with_name("before")
    shutil.rmtree(before, ignore_errors=True)
    if place.exists():
        place.rename(before)
    with small(place, size):
        if before.exists():
            copy_as_fits(before, place)
        ran = bench.run(folder, *bench.build)
        after = folder.with_name("after")
        shutil.rmtree(after, ignore_errors=True)
        shutil.copytree(place, after)
    shutil.rmtree(place)
    after.rename(place)
    shutil.rmtree(before, ignore_errors=True)
    return ran


def copy_as_fits(source: Path, target: Path) -> None:
    """Copies whole files until there is no room for another."""
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = target / path.relative_to(source)
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        except OSError:
            copy.unlink(missing_ok=True)
            return
