"""What a store does in a folder of this machine, without fsspec's detour: a store may have 100,000 entries."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wbsite.core.filing.files import left_over

from .entry import MANIFEST

_SHA256 = re.compile(r"[0-9a-f]{64}")


def filed(paths: Iterable[str]) -> list[str]:
    """Keys among paths that end in PART/KEY, those that the store made: what else lies there is not its to remove."""
    ends = (path.rsplit("/", 2)[-2:] for path in paths)
    return sorted(key for part, key in ends if _SHA256.fullmatch(key) and key[:2] == part)


def folders_in(top: str) -> list[str]:
    """Paths of what lies two levels below a folder."""
    return [f"{top}/{part}/{name}" for part in _listed(top) for name in _listed(f"{top}/{part}")]


def _listed(folder: str) -> list[str]:
    """Names in a folder; none where there is none."""
    with suppress(NotADirectoryError, FileNotFoundError):
        return os.listdir(folder)
    return []


def remove(folder: str) -> None:
    """Takes away an entry's folder, its manifest first; of a link the link alone."""
    Path(folder, MANIFEST).unlink(missing_ok=True)
    if os.path.islink(folder):
        os.unlink(folder)
        return
    try:
        for name in _listed(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
    except (IsADirectoryError, PermissionError):  # someone put a folder into it
        shutil.rmtree(folder)


def sweep(root: Path) -> None:
    """Removes lock files and temporary files that interrupted writes left behind."""
    for part in ("objects", "records"):
        for path, _ in left_over(root / part):
            path.unlink(missing_ok=True)
    for name in _listed(str(root / "locks")):
        path = root / "locks" / name
        if not path.is_dir():
            path.unlink(missing_ok=True)
