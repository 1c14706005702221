"""Builds killed or interrupted at any moment: the next one finishes, and nothing tells that they ever ran.

A round kills one build in each of its stages; `WBSITE_TEST_ROUNDS` says how many rounds there are.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wbsite.core.store import Store
from wbsite.render.finished import OURS
from wbsite.run.clean import named_keys

DATED = ("sitemap.xml", "sitemap.xml.gz")
"""mkdocs writes the day into them: a test over midnight would find them different."""

ROUNDS = int(os.environ.get("WBSITE_TEST_ROUNDS", "1"))
ENDS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
"""What builds are ended by, in turn."""
STAGES = {"compute": 2.0, "render": 1.5, "mkdocs": 0.5}
"""How a line of the progress begins → until when after it builds are killed, in times that wbsite takes to start."""


def content(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def undated(site: Path) -> dict[str, bytes]:
    """The files of a site without the dated ones, and the site's own record without their digests."""
    found = {name: data for name, data in content(site).items() if name not in DATED}
    record = json.loads(found[OURS])
    record["files"] = {name: sha for name, sha in record["files"].items() if name not in DATED}
    return {**found, OURS: json.dumps(record, sort_keys=True).encode()}


def object_of(store: Store, key: str) -> Path:
    """Folder of a result."""
    return Path(store.root) / "objects" / key[:2] / key


def test_killed_builds_leave_nothing_behind(
    built: Path,
    tmp_path: Path,
    environment: dict[str, str],
    process: Callable[..., Any],
    speck_weights: Path,
) -> None:
    arguments = ["build", "--models", "speck", "--weights-dir", str(speck_weights), "--strict", "--workers", "2"]
    chance = random.Random(ROUNDS)
    folder = tmp_path / "killed"
    folder.mkdir()
    start = 0.0
    for number, stage in enumerate([*STAGES] * ROUNDS):
        began = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, "-m", "wbsite.cli", *arguments],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stderr is not None
        for line in child.stderr:  # to its end where an earlier build came through the stage
            start = start or time.monotonic() - began
            if line.startswith(stage):
                time.sleep(chance.uniform(0, STAGES[stage]) * start)
                break
        child.send_signal(ENDS[number % len(ENDS)])
        child.stderr.close()
        child.wait()
    ran = process(folder, *arguments)
    assert ran.status == 0, ran.err
    assert content(folder / "build" / "docs") == content(built / "build" / "docs")
    assert content(folder / "build" / "theme") == content(built / "build" / "theme")
    site, undisturbed = undated(folder / "site"), undated(built / "site")
    assert set(site) == set(undisturbed)
    assert [name for name in site if site[name] != undisturbed[name]] == []
    for place in ("build/docs", "build/theme", "site"):
        assert not list((folder / place).rglob("*.partial")), place
    assert process(folder, "check").status == 0
    # Judged before anything is cleaned: a manifest without its files would be a wrong result, while
    # what a kill left without a manifest does not exist for any reader.
    store = Store(folder / "build" / "store")
    found = store.keys()
    unfinished = [key for key in found if not (object_of(store, key) / "manifest.json").exists()]
    assert [key for key in store.damaged() if key not in unfinished] == []
    named = named_keys(store)
    assert named == named_keys(Store(built / "build" / "store"))
    for key in named:
        entry = store.get(key)
        assert entry is not None, key
        entry.check()
    cleaned = process(folder, "clean")
    assert cleaned.status == 0
    removed = len(set(found) - named)  # with the parts that finished pictures were put together from
    assert f"{removed} entries removed, {len(unfinished)} of them damaged" in cleaned.out
    assert set(store.keys()) == named
    assert not list((folder / "build" / "store").rglob("*.partial"))


def test_what_the_last_test_judges_by_can_fail(built: Path, tmp_path: Path) -> None:
    """A result cut short after its manifest was written is seen by it."""
    shutil.copytree(built / "build" / "store", tmp_path / "store")
    store = Store(tmp_path / "store")
    key = min(named_keys(store))
    (object_of(store, key) / "values.json").write_bytes(b"{")
    assert store.damaged() == [key]
