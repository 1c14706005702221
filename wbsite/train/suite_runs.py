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
        value, other_value = run.record.get(name), second.record.get(name)
        if isinstance(value, dict) and isinstance(other_value, dict):
            name = next((key for key in {**value, **other_value} if value.get(key) != other_value.get(key)), name)
            value, other_value = value.get(name), other_value.get(name)
        if value != other_value:
            raise WbsiteError(
                f"{path} and {other} do not go together: {name} is {value!r} in the first and {other_value!r} in the"
                " second.",
                "Keep runs of one recipe in a folder, or train the others again with `wbsite train`.",
            )
