"""The suites of experiments that results are computed of: which have runs, and what the runs are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import Store, canonical
from wbsite.train.runs import Run

from .fingerprint import code_digest
from .subjects import SuiteRequest, bundled_runs

SAME = ("preset", "recipe", "network")
"""What all runs of an experiment in a setting must have in common to be averaged."""


@dataclass(frozen=True)
class Runs:
    """All runs of a suite.

    Attributes:
        runs: in order of setting, experiment and seed.
        digests: SHA-256 of their files, in that order.
    """

    runs: tuple[Run, ...]
    digests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over all of them."""
        return hashlib.sha256(canonical(list(self.digests))).hexdigest()

    def seeds(self) -> dict[str, dict[str, list[int]]]:
        """The seeds by setting and experiment."""
        found: dict[str, dict[str, list[int]]] = {}
        for run in self.runs:
            of = run.record
            found.setdefault(of["setting"], {}).setdefault(of["experiment"], []).append(of["seed"])
        return found


def articles(store: Store) -> dict[str, str]:
    """Suite → the article that is drawn from it; from the last run's record where no code has changed,
    since the suites themselves import torch."""
    last = store.record("last") or {}
    if last.get("code") == code_digest() and isinstance(last.get("articles"), dict):
        return last["articles"]
    return {suite.name: suite.article for suite in registry.entries("suites")}


def having_runs(config: Config) -> dict[str, str]:
    """Suite → folder of runs, "" for the bundled ones; a suite that `--runs` has is taken from there.

    Raises:
        WbsiteError: the folder given holds no run.
    """
    found = dict.fromkeys(_names(bundled_runs()), "")
    if config.runs:
        own = _names(Path(config.runs))
        if not own:
            raise WbsiteError(
                f"{config.runs} holds no run of a suite.",
                "Give the folder that `wbsite train SUITE --out` wrote: SUITE/SETTING/EXPERIMENT-seedN.npz lie in it.",
            )
        found |= dict.fromkeys(own, str(Path(config.runs).absolute()))
    return dict(sorted(found.items()))


def _names(folder: Path) -> list[str]:
    return sorted({path.parts[-3] for path in folder.glob("*/*/*.npz")})


def suite_requests(config: Config, known: Mapping[str, str], progress: Progress) -> list[SuiteRequest]:
    """The suites that have runs and whose article is to be built.

    Args:
        known: suite → article.

    Raises:
        WbsiteError: the folder given holds no run of a suite that exists.
    """
    found, wanted = having_runs(config), []
    for name, folder in found.items():
        if name not in known:
            said = f"{SuiteRequest(name, folder).folder} holds runs of {name!r}, which is no suite"
            if folder and not any(other in known for other, own in found.items() if own):
                raise WbsiteError(f"{said}.", f"Suites: {', '.join(known)}.")
            progress.line(f"{said}; left out")
        elif not config.articles or known[name] in config.articles:
            wanted.append(SuiteRequest(name, folder))
    return wanted


def loaded_runs(request: SuiteRequest) -> Runs:
    """The runs of a suite; read once while their files stay as they are.

    Raises:
        WbsiteError: a file is damaged or lies where it does not belong, or runs do not go together.
    """
    files = [(path, path.stat()) for path in request.files()]
    return _read(request, tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in files))


@lru_cache(maxsize=2)
def _read(request: SuiteRequest, files: tuple[tuple[Path, int, int], ...]) -> Runs:
    found: list[tuple[Any, Run, str]] = []
    first: dict[tuple[str, str], tuple[Path, Run]] = {}
    for path, _, _ in files:
        run = Run.read(path)
        if (run.record["suite"], f"{run.name}.npz") != (request.token, path.relative_to(request.folder).as_posix()):
            raise WbsiteError(
                f"{path} is the run {run.record['suite']}/{run.name}.",
                f"Keep it as {run.record['suite']}/{run.name}.npz, as `wbsite train` wrote it.",
            )
        record = run.record
        _check_alike(*first.setdefault((record["setting"], record["experiment"]), (path, run)), path, run)
        order = (record["setting"], record.get("order", 0), record["experiment"], record["seed"])
        found.append((order, run, hashlib.sha256(path.read_bytes()).hexdigest()))
    found.sort(key=lambda one: one[0])
    return Runs(tuple(run for _, run, _ in found), tuple(digest for *_, digest in found))


def _check_alike(path: Path, run: Run, other: Path, second: Run) -> None:
    for name in SAME:
        one, two = run.record.get(name), second.record.get(name)
        if isinstance(one, dict) and isinstance(two, dict):
            name = next((key for key in {**one, **two} if one.get(key) != two.get(key)), name)
            one, two = one.get(name), two.get(name)
        if one != two:
            raise WbsiteError(
                f"{path} and {other} do not go together: {name} is {one!r} in the first and {two!r} in the second.",
                "Keep runs of one recipe in a folder, or train the others again with `wbsite train`.",
            )
