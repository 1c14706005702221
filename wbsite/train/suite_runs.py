"""Reads all runs of a suite, and refuses those that do not go together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wbsite.core.errors import WbsiteError

from .runs import Run

SAME = ("preset", "recipe", "network")
"""What all runs of an experiment in a setting must have in common to be averaged."""


def read_runs(suite: str, folder: Path, paths: Iterable[Path]) -> list[tuple[Run, str]]:
    """Runs with SHA-256 of their files, in order of setting, experiment and seed.

    Args:
        folder: of the suite's runs, which lie there as SETTING/EXPERIMENT-seedN.npz.

    Raises:
        WbsiteError: a file is damaged or lies where it does not belong, or runs do not go together.
    """
    runs: list[tuple[Any, Run, str]] = []
    first: dict[tuple[str, str], tuple[Path, Run]] = {}
    for path in paths:
        run = Run.read(path)
        record, name = run.record, f"{run.record['suite']}/{run.name}"
        if name != f"{suite}/{path.relative_to(folder).as_posix().removesuffix('.npz')}":
            raise WbsiteError(f"{path} is the run {name}.", f"Keep it as {name}.npz, as `wbsite train` wrote it.")
        _check_alike(*first.setdefault((record["setting"], record["experiment"]), (path, run)), path, run)
        order = (record["setting"], record.get("order", 0), record["experiment"], record["seed"])
        runs.append((order, run, hashlib.sha256(path.read_bytes()).hexdigest()))
    return [(run, digest) for _, run, digest in sorted(runs, key=lambda entry: entry[0])]


def _check_alike(path: Path, run: Run, other: Path, second: Run) -> None:
    for name in SAME:
        own, its = run.record.get(name), second.record.get(name)
        if isinstance(own, dict) and isinstance(its, dict):
            name = next((key for key in {**own, **its} if own.get(key) != its.get(key)), name)
            own, its = own.get(name), its.get(name)
        if own != its:
            raise WbsiteError(
                f"{path} and {other} do not go together: {name} is {own!r} in the first and {its!r} in the second.",
                "Keep runs of one recipe in a folder, or train the others again with `wbsite train`.",
            )
