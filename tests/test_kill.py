"""Builds killed at any moment: the next one finishes, and nothing tells that they ever ran.

`WBSITE_KILLS=20 pytest tests/test_kill.py` kills twenty; by default it is six.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wbsite.store import Store

KILLS = int(os.environ.get("WBSITE_KILLS", "6"))


def content(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_killed_builds_leave_nothing_behind(
    built: Path,
    tmp_path: Path,
    environment: dict[str, str],
    process: Callable[..., Any],
    speck_weights: Path,
) -> None:
    arguments = ["build", "--models", "speck", "--weights-dir", str(speck_weights), "--strict"]
    chance = random.Random(KILLS)
    timed, folder = tmp_path / "timed", tmp_path / "killed"
    timed.mkdir()
    folder.mkdir()
    started = time.monotonic()
    assert process(timed, *arguments).status == 0
    whole = time.monotonic() - started
    # Half of the kills fall where files are written: an early one costs most of its time in imports.
    for kill in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "wbsite.cli", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr is not None
        if kill % 2:
            for line in child.stderr:
                if line.startswith(("compute", "render", "mkdocs")) and chance.random() < 0.5:
                    break
            time.sleep(chance.uniform(0, 0.1) * whole)
        else:
            time.sleep(chance.uniform(0.1, 1) * whole)
        child.kill()
        child.stderr.close()
        child.wait()
    ran = process(folder, *arguments)
    assert ran.status == 0, ran.err
    assert content(folder / "build" / "docs") == content(built / "build" / "docs")
    assert content(folder / "build" / "theme") == content(built / "build" / "theme")
    site, undisturbed = content(folder / "site"), content(built / "site")
    assert set(site) == set(undisturbed)
    assert process(folder, "clean").status == 0
    store = Store(folder / "build" / "store")
    assert store.damaged() == []
    assert not list((folder / "build").rglob("*.partial"))
    assert process(folder, "check").status == 0
