"""A small network, runs and a site of them, built once; rounds work on copies, and compare with it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PACKAGE_ROOT, install, write_runs, write_weights
from tests.fork_server import ForkServer
from wbsite.core.filing.documents import opened, signed
from wbsite.core.store import Store
from wbsite.render.finished import OURS
from wbsite.run.clean import named_keys

from .problem import DIFFERENCE, LOSS, TRACEBACK, Problem

NETWORK = """
import os, random, resource, time
from torch import nn
from wbsite.models.base import ModelSpec, Preprocess, Source

class Speck(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 5, padding=2)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu()).relu()
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))

MODELS = (ModelSpec("speck", "grey", "Speck", Speck, Preprocess(crop=16)),)

if url := os.environ.get("TORTURE_URL"):
    source = Source(url, os.environ["TORTURE_DIGEST"])
    MODELS += (ModelSpec("tiny", "narrow", "Tiny", Speck, Preprocess(crop=16), source=source),)

if largest := os.environ.get("TORTURE_LARGEST"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest),) * 2)

if seed := os.environ.get("TORTURE_CLOCK"):
    chance, now, now_ns, shift = random.Random(seed), time.time, time.time_ns, [0.0]

    def jumped():
        if chance.random() < 0.02:
            shift[0] = chance.uniform(-10 * 365, 10 * 365) * 86400
        return shift[0]

    time.time = lambda: now() + jumped()
    time.time_ns = lambda: now_ns() + int(jumped() * 1e9)
"""
"""The package of a plug-in: a network of three layers. With TORTURE_CLOCK the clock jumps by years now and then, with
TORTURE_LARGEST files may have no more bytes, and with TORTURE_URL there is a network `tiny` to be downloaded."""

ARTICLE = """---
title: Torture
description: What every round must come back to.
authors: [Nobody]
order: 1
---

{{ figure("experiments-table") }}

{{ figure("turned-pictures") }}
"""

DATED = ("sitemap.xml", "sitemap.xml.gz")
"""mkdocs writes the day into them."""

TIMEOUT = 600.0


@dataclass(frozen=True)
class Ran:
    """What a command ended with."""

    status: int
    out: str
    err: str


class Running:
    """A command that was started, and goes on while others do."""

    def __init__(self, server: ForkServer, folder: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
        assert server.server.stdin
        assert server.server.stdout
        self.answers, self.streams = server.server.stdout, tempfile.TemporaryDirectory()
        self.out, self.err = (Path(self.streams.name, name) for name in ("out", "err"))
        streams = [os.devnull, str(self.out), str(self.err)]
        request = {"folder": str(folder), "arguments": arguments, "variables": variables, "streams": streams}
        print(json.dumps(request), file=server.server.stdin)
        self.pid = int(self.answers.readline())

    def ends_within(self, seconds: float) -> bool:
        """Waits for its end, and no longer than that."""
        return bool(select.select([self.answers], [], [], seconds)[0])

    def result(self) -> Ran:
        """Waits for its end; kills it where that takes ten minutes."""
        if not self.ends_within(TIMEOUT):
            os.kill(self.pid, signal.SIGKILL)
        status = int(self.answers.readline())
        ran = Ran(status, *(path.read_text() if path.exists() else "" for path in (self.out, self.err)))
        self.streams.cleanup()
        return ran


class Bench:
    """Everything that rounds need.

    Args:
        folder: an empty one, for as long as the bench lasts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        points = "[wbsite.models]\nspeck = speck_plugin:MODELS\n"
        plugin = install(folder / "plugin", "speck_plugin", points, NETWORK)
        self.weights, self.runs = folder / "weights", folder / "runs"
        self.weights.mkdir()
        self.runs.mkdir()
        write_weights(plugin, self.weights)
        write_runs(self.runs)
        for suite in ("branches", "controls"):
            shutil.rmtree(self.runs / suite)
        own = {"WBSITE_CACHE": str(folder / "cache"), "WBSITE_RUNS": str(self.runs)}
        path = os.pathsep.join((PACKAGE_ROOT, str(plugin)))
        self.environment = {**os.environ, **own, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.build = ("build", "--models", "speck", "--weights-dir", str(self.weights), "--workers", "1")
        self.servers = [ForkServer(Path(PACKAGE_ROOT))]
        self._kept: dict[str, Any] = {}
        self.usual = 10.0  # seconds of a build, as far as known
        self.good = folder / "good"
        (self.good / "content").mkdir(parents=True)
        (self.good / "content" / "weight-banding.md").write_text(ARTICLE)
        (self.good / "wbsite.toml").write_text('articles = ["weight-banding"]\n')
        ran = self.run(self.good, *self.build)
        assert ran.status == 0, ran.err
        self.store = Store(self.good / "build" / "store")
        self.named = named_keys(self.store)
        self.content = {place: content(self.good / place) for place in ("site", "build/docs", "build/theme")}

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *error: object) -> None:
        for made in self._kept.values():
            if hasattr(made, "close"):
                made.close()
        for server in self.servers:
            server.__exit__(None, None, None)

    def run(self, folder: Path, *arguments: str, **variables: str) -> Ran:
        """Runs a command to its end."""
        return self.start(folder, *arguments, **variables).result()

    def start(self, folder: Path, *arguments: str, server: int = 0, **variables: str) -> Running:
        """Starts a command; several at a time each have a server of their own."""
        while len(self.servers) <= server:
            self.servers.append(ForkServer(Path(PACKAGE_ROOT)))
        return Running(self.servers[server], folder, arguments, {**self.environment, **variables})

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """Something that is made by the first round that asks for it; it is closed with the bench."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def copy(self, name: str = "round") -> Path:
        """A copy of the good folder, of links to its files, which no command writes into."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.good, folder, copy_function=os.link)
        return folder

    def whole(self, folder: Path) -> set[str]:
        """Keys of the results that a store has as they were written."""
        store = Store(folder / "build" / "store")
        return {key for key in store.keys() if store.is_whole(key)}  # noqa: SIM118

    def finished(self, folder: Path, *arguments: str) -> Iterator[Problem]:
        """Builds to the end, and compares with what was undisturbed."""
        began = time.monotonic()
        ran = self.run(folder, *(arguments or self.build))
        self.usual += (time.monotonic() - began - self.usual) / 5
        yield from ended_well(ran)
        if ran.status != 0:
            yield Problem(LOSS, f"the build cannot be finished, status {ran.status}: {last(ran.err)}")
            return
        yield from self.differences(folder)
        store = Store(folder / "build" / "store")
        if damaged := [key for key in self.named if not store.is_whole(key)]:
            yield Problem(LOSS, f"{len(damaged)} results are not in the store after the build, such as {damaged[0]}")

    def differences(self, folder: Path) -> Iterator[Problem]:
        """What a finished folder has other than the good one."""
        for place, good in self.content.items():
            found = content(folder / place)
            if odd := sorted(name for name in {*found, *good} if found.get(name) != good.get(name)):
                yield Problem(DIFFERENCE, f"{len(odd)} files of {place} differ, such as {odd[0]}")


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but those with a date, which its list is without, too."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in DATED)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    if OURS in files and "files" in (listed := opened(files[OURS])):
        listed["files"] = {name: sha for name, sha in listed["files"].items() if name not in DATED}
        files[OURS] = json.dumps(listed, sort_keys=True).encode()
    return files


def stale(folder: Path, pages: set[str] | None = None) -> None:
    """Has pages made again by the next build, all or those of these paths; drawings are kept."""
    path = folder / "build" / "docs" / OURS
    document = opened(path.read_bytes())
    for page, about in document["pages"].items():
        if page != "assets" and (pages is None or page in pages):
            about["inputs"] = ""
    path.unlink()
    path.write_bytes(signed(document))


def ended_well(ran: Ran, signals: tuple[int, ...] = ()) -> Iterator[Problem]:
    """A traceback, or an end that no command has."""
    if "Traceback (most recent call last)" in ran.err or ran.status == 1:
        yield Problem(TRACEBACK, last(ran.err))
    elif ran.status < 0 and -ran.status not in signals:
        yield Problem(TRACEBACK, f"it ended by {signal.Signals(-ran.status).name}")


def last(text: str) -> str:
    """The last lines of what a command said, as one."""
    return " / ".join(text.strip().splitlines()[-3:])[:400]


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)
